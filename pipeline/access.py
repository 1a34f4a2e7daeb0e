"""The gate on who may reach what: looks at the live catalogue of the warehouse before a release is shown.

Rights are made elsewhere (`warehouse.prepare`, `municipal.publish`, `release`). Here nothing is changed: everything
that is there is held against what should be, and whatever is not expected stops the release.
"""

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import psycopg

from pipeline import municipal
from pipeline.embedded_postgres import ADMINISTRATOR
from pipeline.municipal import Model
from pipeline.warehouse import REGION_ROLE

# All that the pipeline makes. What is not named in `_is_expected` is granted to nobody there.
SCHEMAS = (
    "landing",
    "staging",
    "harmonised",
    "candidate",
    "candidate_municipal",
    "municipal",
    "reporting",
    "reference",
    "ops",
)
# Their functions read files or other servers with rights that are not the reader's.
FOREIGN_READERS = ("dblink", "file_fdw", "postgres_fdw")


class NotProtected(RuntimeError):
    """Somebody could reach what is not theirs; the message names every object and the statement that mends it."""


@dataclass(frozen=True)
class Problem:
    """What is wrong with an object, and the statement (or what a person does) that mends it."""

    subject: str
    what: str
    mend: str

    def __str__(self) -> str:
        return f"{self.subject}: {self.what} [{self.mend}]"


@dataclass(frozen=True)
class Grant:
    """One right on one object. kind: the word for the object in GRANT. schema: None for what lies in none. grantee:
    `public` or a role. is_safe_view: a view that shows only what whoever asks may read."""

    kind: str
    name: str
    schema: str | None
    grantee: str
    privilege: str
    is_grantable: bool
    is_safe_view: bool
    is_definer: bool

    @property
    def revoke(self) -> str:
        grantee = "public" if self.grantee == "public" else f'"{self.grantee}"'
        return f"revoke {self.privilege.lower()} on {self.kind} {self.name} from {grantee}"


@dataclass(frozen=True)
class Readers:
    """groups: the roles that this warehouse grants to. municipal: those of a municipality. everybody: these, every
    other role named bi_*, and all their members."""

    groups: frozenset[str]
    municipal: frozenset[str]
    everybody: frozenset[str]


def check(connection: psycopg.Connection, models: Sequence[Model]) -> tuple[str, ...]:
    """Holds the whole catalogue against what should be, in the caller's transaction. Returns (and logs) what only an
    administrator can close and has not. Raises NotProtected with every problem."""
    problems = look(connection, models)
    if problems:
        raise NotProtected("\n".join(sorted(map(str, problems))))
    warnings = left_open(connection)
    for warning in warnings:
        logging.getLogger(__name__).warning("%s", warning)
    return warnings


def look(connection: psycopg.Connection, models: Sequence[Model]) -> list[Problem]:
    """Every problem of the catalogue as it is now; none when all is as it should be."""
    readers = _readers(connection)
    return [
        *_mapping_problems(connection),
        *_role_problems(connection, readers),
        *_ownership_problems(connection, readers),
        *(problem for grant in _grants(connection) if (problem := _grant_problem(grant, readers))),
        *_other_grant_problems(connection, readers),
        *_view_problems(connection),
        *_policy_problems(connection, models),
        *_key_problems(connection, models),
        *_statistics_problems(connection, models),
        *_extension_problems(connection),
    ]


def left_open(connection: psycopg.Connection) -> tuple[str, ...]:
    """The channels that only a superuser can close and that are open, with the way to close them."""
    row = connection.execute(
        """
        select
            exists (select from pg_proc where proleakproof and pronamespace = 'pg_catalog'::regnamespace),
            has_function_privilege('public', 'pg_relation_size(regclass, text)', 'execute')
            or has_function_privilege('public', 'pg_stat_get_live_tuples(oid)', 'execute')
            or has_function_privilege('public', 'currtid2(text, tid)', 'execute'),
            has_column_privilege('public', 'pg_class', 'reltuples', 'select'),
            has_function_privilege('public', 'pg_advisory_lock(bigint)', 'execute')
            or has_function_privilege('public', 'lo_create(oid)', 'execute')
        """
    ).fetchone()
    assert row is not None
    channels = (
        "`explain analyze` tells a reader how many rows of others have a value (leakproof operators)",
        "functions tell a reader the sizes and row counts of every table",
        "pg_class tells a reader the row counts of every table",
        "a reader can take the release's lock or write large objects",
    )
    mend = f"[as a superuser in this database: {ADMINISTRATOR.relative_to(ADMINISTRATOR.parents[2])}]"
    return tuple(f"{channel} {mend}" for channel, is_open in zip(channels, row, strict=True) if is_open)


def _readers(connection: psycopg.Connection) -> Readers:
    mapped = frozenset(row[0] for row in connection.execute("select role_name from reference.municipal_reader"))
    everybody = connection.execute(
        """
        with recursive reader (oid) as (
            select oid from pg_roles where rolname like 'bi\\_%%' or rolname = any(%s)
            union
            -- Who may only pass a role on, as its maker may, reads nothing by it.
            select m.member
            from reader as r
            inner join pg_auth_members as m on r.oid = m.roleid and (m.inherit_option or m.set_option)
            where m.member <> (select datdba from pg_database where datname = current_database())
        )
        select oid::regrole::text, rolname from reader inner join pg_roles using (oid)
        """,
        (list(mapped),),
    ).fetchall()
    return Readers(mapped | {REGION_ROLE}, mapped, frozenset(name for _, name in everybody))


def _mapping_problems(connection: psycopg.Connection) -> Iterator[Problem]:
    """Whoever has a role sees the municipality that the mapping says: it may say only one thing."""
    for role, place in connection.execute("select role_name, municipality from reference.municipal_reader"):
        if role != f"bi_{place}" or role == REGION_ROLE:
            yield Problem(
                "reference.municipal_reader",
                f"role {role} reads the rows of {place}",
                f"delete from reference.municipal_reader where role_name = '{role}'; tukiverkko prepare",
            )


def _role_problems(connection: psycopg.Connection, readers: Readers) -> Iterator[Problem]:
    """Rights that stand above every grant and policy, which a reader has itself or by a role that it can become."""
    reached = connection.execute(
        """
        with recursive reaches (reader, role) as (
            select oid, oid from pg_roles where rolname = any(%(readers)s)
            union
            select r.reader, m.roleid
            from reaches as r
            inner join pg_auth_members as m on r.role = m.member and (m.inherit_option or m.set_option)
        )
        select
            reader.rolname, role.rolname, role.rolcanlogin,
            array_remove(array[
                case when role.rolsuper then 'superuser' end,
                case when role.rolbypassrls then 'bypassrls' end,
                case when role.rolcreaterole then 'createrole' end,
                case when role.rolcreatedb then 'createdb' end,
                case when role.rolreplication then 'replication' end
            ], null),
            role.rolname like 'pg\\_%%'
            or role.oid in (
                select refobjid from pg_shdepend
                where deptype = 'o' and dbid = (select oid from pg_database where datname = current_database())
            )
            or role.oid = (select datdba from pg_database where datname = current_database())
        from reaches
        inner join pg_roles as reader on reaches.reader = reader.oid
        inner join pg_roles as role on reaches.role = role.oid
        """,
        {"readers": sorted(readers.everybody)},
    )
    for reader, role, can_login, attributes, is_forbidden in reached:
        for attribute in attributes:
            yield Problem(f"role {reader}", f"is {attribute}", f'alter role "{role}" no{attribute}')
        if role == reader:
            if role in readers.groups and can_login:
                yield Problem(f"role {role}", "can log in, but stands for a group", f'alter role "{role}" nologin')
        elif (is_forbidden and role not in readers.everybody) or reader in readers.groups:
            yield Problem(f"role {reader}", f"is a member of {role}", f'revoke "{role}" from "{reader}"')
    passers = connection.execute(
        """
        select role.rolname, member.rolname
        from pg_auth_members as m
        inner join pg_roles as role on m.roleid = role.oid
        inner join pg_roles as member on m.member = member.oid
        where
            m.admin_option and role.rolname = any(%s) and not member.rolsuper
            and member.oid <> (select datdba from pg_database where datname = current_database())
        """,
        (sorted(readers.everybody),),
    )
    for role, member in passers:
        mend = f'revoke admin option for "{role}" from "{member}"'
        yield Problem(f"role {member}", f"can make others members of {role}", mend)


def _ownership_problems(connection: psycopg.Connection, readers: Readers) -> Iterator[Problem]:
    """An owner's rights cannot be taken away. Large objects, which anybody may make, stop no release."""
    owned = connection.execute(
        """
        select pg_describe_object(d.classid, d.objid, d.objsubid), role.rolname
        from pg_shdepend as d inner join pg_roles as role on d.refobjid = role.oid
        where
            d.deptype = 'o' and d.refclassid = 'pg_authid'::regclass and role.rolname = any(%s)
            and d.dbid in (0, (select oid from pg_database where datname = current_database()))
            and d.classid not in ('pg_largeobject'::regclass, 'pg_default_acl'::regclass)
            and (d.dbid <> 0 or d.objid = (select oid from pg_database where datname = current_database()))
        """,
        (sorted(readers.everybody),),
    )
    for described, role in owned:
        yield Problem(described, f"belongs to the reader {role}", f'reassign owned by "{role}" to current_user')


def _grants(connection: psycopg.Connection) -> list[Grant]:
    """Every right on the database and on what lies in a schema that is not PostgreSQL's, but an owner's own."""
    rows = connection.execute(
        """
        with space as (
            select oid, nspname, nspacl, nspowner from pg_namespace
            where nspname not in ('pg_catalog', 'information_schema') and nspname !~ '^pg_(toast|temp)'
        ),

        object as (
            select
                'database' as kind, quote_ident(datname) as name, null::name as schema,
                coalesce(datacl, acldefault('d', datdba)) as acl, datdba as owner, false as is_safe, false as is_definer
            from pg_database where datname = current_database()
            union all
            select 'schema', quote_ident(nspname), nspname, coalesce(nspacl, acldefault('n', nspowner)), nspowner,
                false, false
            from space
            union all
            select
                case c.relkind when 'S' then 'sequence' else 'table' end,
                quote_ident(s.nspname) || '.' || quote_ident(c.relname), s.nspname, granted.acl, c.relowner,
                c.relkind = 'v' and coalesce(c.reloptions, '{}')
                    @> array['security_invoker=true', 'security_barrier=true'],
                false
            from space as s
            inner join pg_class as c on s.oid = c.relnamespace
            cross join lateral (
                select c.relacl as acl
                union all
                select a.attacl from pg_attribute as a where c.oid = a.attrelid and a.attacl is not null
            ) as granted
            where granted.acl is not null
            union all
            select 'routine', p.oid::regprocedure::text, s.nspname, coalesce(p.proacl, acldefault('f', p.proowner)),
                p.proowner, false, p.prosecdef
            from space as s inner join pg_proc as p on s.oid = p.pronamespace
            where not exists (
                select from pg_depend as d
                where d.classid = 'pg_proc'::regclass and d.objid = p.oid and d.deptype = 'e' and not p.prosecdef
            )
        )

        select
            o.kind, o.name, o.schema, coalesce(r.rolname, 'public'), g.privilege_type, g.is_grantable, o.is_safe,
            o.is_definer
        from object as o
        cross join lateral aclexplode(o.acl) as g
        left join pg_roles as r on g.grantee = r.oid
        where g.grantee <> o.owner
        """
    ).fetchall()
    return [Grant(*row) for row in rows]


def _is_expected(grant: Grant, readers: Readers) -> bool:
    """Whether the warehouse gives this right itself."""
    groups, ours = grant.grantee in readers.groups, grant.grantee in readers.municipal
    match grant.kind, grant.schema:
        case "database", _:
            return grant.privilege == "CONNECT" and grant.grantee != "public"
        case "schema", "reporting":
            return groups and grant.privilege == "USAGE"
        case "schema", "municipal" | "reference":
            return ours and grant.privilege == "USAGE"
        case "table", "reporting":
            return groups and grant.privilege in ("SELECT", "REFERENCES")
        case "table", "municipal":
            return ours and grant.privilege in ("SELECT", "REFERENCES")
        case "table", "reference":
            return ours and grant.privilege == "SELECT" and grant.name == "reference.municipal_reader"
    return False


def _grant_problem(grant: Grant, readers: Readers) -> Problem | None:
    """In our schemas everything that is not expected; elsewhere what a reader could use to see more or to write."""
    is_ours = grant.schema in SCHEMAS
    if _is_expected(grant, readers):
        if not grant.is_grantable:
            return None
        what, mend = f"{grant.grantee} can pass {grant.privilege} on", grant.revoke
        return Problem(f"{grant.kind} {grant.name}", what, mend.replace("revoke ", "revoke grant option for ", 1))
    if not is_ours:
        if grant.grantee != "public" and grant.grantee not in readers.everybody:
            return None
        if (grant.kind, grant.privilege) == ("schema", "USAGE"):
            return None
        if (grant.is_safe_view and grant.privilege == "SELECT") or (grant.kind == "routine" and not grant.is_definer):
            return None
    what = f"{grant.grantee} has {grant.privilege}"
    if grant.is_definer:
        what += " with its owner's rights (security definer)"
    return Problem(f"{grant.kind} {grant.name}", what, grant.revoke)


def _other_grant_problems(connection: psycopg.Connection, readers: Readers) -> Iterator[Problem]:
    """Rights that come by themselves with new objects, and rights on PostgreSQL's own objects."""
    defaults = connection.execute(
        """
        select
            owner.rolname, coalesce(s.nspname, 'any schema'), coalesce(grantee.rolname, 'public'), g.privilege_type,
            case d.defaclobjtype
                when 'r' then 'tables' when 'S' then 'sequences' when 'f' then 'routines' when 'T' then 'types'
                when 'n' then 'schemas' else 'large objects'
            end,
            s.nspname
        from pg_default_acl as d
        cross join lateral aclexplode(d.defaclacl) as g
        inner join pg_roles as owner on d.defaclrole = owner.oid
        left join pg_namespace as s on d.defaclnamespace = s.oid
        left join pg_roles as grantee on g.grantee = grantee.oid
        -- A reader may set its own, which change nothing: it can make no object.
        where g.grantee <> d.defaclrole and owner.rolname <> all(%s) and d.defaclobjtype <> 'T'
            and not (d.defaclobjtype = 'f' and g.grantee = 0)
        """,
        (sorted(readers.everybody),),
    )
    for owner, place, grantee, privilege, kind, schema in defaults:
        if grantee == "public" or grantee in readers.everybody or schema in SCHEMAS or schema is None:
            where = f" in schema {schema}" if schema else ""
            yield Problem(
                f"default privileges of {owner} in {place}",
                f"{grantee} will have {privilege} on new {kind}",
                f'alter default privileges for role "{owner}"{where} revoke {privilege.lower()} on {kind} '
                f"from {grantee}",
            )
    # Of PostgreSQL's own objects a reader has what everybody has, and everybody no more than after initdb.
    catalogue = connection.execute(
        """
        with object as (
            select
                'table' as kind, c.oid::regclass::text as name, 'pg_class'::regclass as class, c.oid, c.relacl as acl,
                0 as part
            from pg_class as c
            where c.relnamespace = 'pg_catalog'::regnamespace and c.relacl is not null
            union all
            select 'table', a.attrelid::regclass::text, 'pg_class'::regclass, a.attrelid, a.attacl, a.attnum
            from pg_attribute as a
            inner join pg_class as c on a.attrelid = c.oid
            where c.relnamespace = 'pg_catalog'::regnamespace and a.attacl is not null and c.oid <> 'pg_class'::regclass
            union all
            select 'routine', p.oid::regprocedure::text, 'pg_proc'::regclass, p.oid, p.proacl, 0
            from pg_proc as p
            where p.pronamespace = 'pg_catalog'::regnamespace and p.proacl is not null
        )

        select o.kind, o.name, coalesce(r.rolname, 'public'), g.privilege_type
        from object as o
        cross join lateral aclexplode(o.acl) as g
        left join pg_roles as r on g.grantee = r.oid
        left join pg_init_privs as i on o.class = i.classoid and o.oid = i.objoid and o.part = i.objsubid
        where (g.grantee = 0 or r.rolname = any(%s)) and not exists (
            select from aclexplode(
                coalesce(i.initprivs, case o.kind when 'routine' then acldefault('f', 10) end)
            ) as was
            where was.grantee = g.grantee and was.privilege_type = g.privilege_type
        )
        """,
        (sorted(readers.everybody),),
    )
    for kind, name, grantee, privilege in catalogue:
        grant = Grant(kind, name, "pg_catalog", grantee, privilege, False, False, False)
        yield Problem(f"{kind} {name}", f"{grantee} has {privilege}", grant.revoke)
    others = connection.execute(
        """
        select distinct pg_describe_object(d.classid, d.objid, 0), role.rolname
        from pg_shdepend as d inner join pg_roles as role on d.refobjid = role.oid
        where
            d.deptype = 'a' and d.refclassid = 'pg_authid'::regclass and role.rolname = any(%s)
            and d.dbid in (0, (select oid from pg_database where datname = current_database()))
            and d.classid <> all(array['pg_class', 'pg_proc', 'pg_namespace', 'pg_database', 'pg_default_acl',
                'pg_largeobject']::regclass[])
        """,
        (sorted(readers.everybody),),
    )
    for described, role in others:
        yield Problem(described, f"is granted to {role}", f'revoke all on {described} from "{role}"')


def _view_problems(connection: psycopg.Connection) -> Iterator[Problem]:
    """A plain view reads with its owner's rights, a materialised one is a copy: both read past the policies."""
    views = connection.execute(
        """
        with recursive leads_to (oid) as (
            select oid from pg_class
            where relnamespace in (select oid from pg_namespace where nspname = any(%s) and nspname <> 'reporting')
            union
            select r.ev_class
            from leads_to as l
            inner join pg_depend as d on d.refclassid = 'pg_class'::regclass and d.refobjid = l.oid
            inner join pg_rewrite as r on d.classid = 'pg_rewrite'::regclass and d.objid = r.oid
        )

        select c.oid::regclass::text, c.relkind = 'm'
        from leads_to as l inner join pg_class as c on l.oid = c.oid
        where
            c.relkind in ('v', 'm')
            and (
                exists (select from aclexplode(c.relacl) as g where g.grantee <> c.relowner)
                or exists (select from pg_attribute as a where c.oid = a.attrelid and a.attacl is not null)
            )
            and (
                c.relkind = 'm'
                or not coalesce(c.reloptions, '{}') @> array['security_invoker=true', 'security_barrier=true']
            )
        """,
        (list(SCHEMAS),),
    )
    for view, is_copy in views:
        mend = f"alter view {view} set (security_invoker = true, security_barrier = true)"
        yield Problem(
            f"view {view}",
            "is granted and reads past the policies",
            f"drop materialized view {view}" if is_copy else mend,
        )


def _policy_problems(connection: psycopg.Connection, models: Sequence[Model]) -> Iterator[Problem]:
    tables = connection.execute(
        """
        select relname, relrowsecurity and relforcerowsecurity from pg_class
        where relnamespace = %s::regnamespace and relkind not in ('i', 'I', 't', 'c', 'v')
        """,
        (municipal.PUBLISHED,),
    )
    own_rows = {model.name: not model.is_shared for model in models}
    for table, is_enforced in tables:
        name = f"{municipal.PUBLISHED}.{table}"
        if table not in own_rows:
            yield Problem(name, "is no table of the release", f"drop table {name}")
        elif own_rows[table] and not is_enforced:
            mend = f"alter table {name} enable row level security, force row level security"
            yield Problem(name, "row-level security is not enforced", mend)
    wanted = municipal.wanted_policies(connection)
    there = municipal.policies(connection)
    for (schema, table, policy), definition in there.items():
        is_place = schema == municipal.PUBLISHED and own_rows.get(table, False)
        if schema in SCHEMAS and (not is_place or wanted.get(policy) != definition):
            name = f"{schema}.{table}"
            yield Problem(name, f"policy {policy} is not ours", f'drop policy "{policy}" on {name}; tukiverkko release')
    for table, has_own_rows in own_rows.items():
        for policy in wanted if has_own_rows else ():
            if (municipal.PUBLISHED, table, policy) not in there:
                yield Problem(f"{municipal.PUBLISHED}.{table}", f"has no policy {policy}", "tukiverkko release")


def _key_problems(connection: psycopg.Connection, models: Sequence[Model]) -> Iterator[Problem]:
    keys: dict[tuple[str, str], set[tuple[str, tuple[str, ...], str | None]]] = {}
    tables = connection.execute(
        """
        select n.nspname, c.relname, k.contype::text, k.confrelid::regclass::text,
            array(
                select a.attname::text from unnest(k.conkey) with ordinality as part (number, place)
                inner join pg_attribute as a on a.attrelid = c.oid and a.attnum = part.number order by part.place
            )
        from pg_class as c
        inner join pg_namespace as n on c.relnamespace = n.oid
        left join pg_constraint as k on c.oid = k.conrelid and k.contype in ('p', 'f') and k.convalidated
        where n.nspname in ('municipal', 'reporting') and c.relkind in ('r', 'p')
        """
    )
    for schema, table, kind, references, columns in tables:
        found = keys.setdefault((schema, table), set())
        if kind:
            found.add((kind, tuple(columns), references if kind == "f" else None))
    for (schema, table), found in keys.items():
        if not any(kind == "p" for kind, *_ in found):
            yield Problem(
                f"{schema}.{table}", "has no primary key", f"alter table {schema}.{table} add primary key (…)"
            )
    for model in models:
        name = f"{municipal.PUBLISHED}.{model.name}"
        found = keys.get((municipal.PUBLISHED, model.name), set())
        wanted: set[tuple[str, tuple[str, ...], str | None]] = {("p", model.key, None)}
        wanted |= {("f", (column,), f"{municipal.PUBLISHED}.{table}") for column, table in model.references.items()}
        for _, columns, references in sorted(wanted - found, key=str):
            what = f"references {references}" if references else "is its primary key"
            yield Problem(name, f"nothing says that {', '.join(columns)} {what}", "tukiverkko release")


def _statistics_problems(connection: psycopg.Connection, models: Sequence[Model]) -> Iterator[Problem]:
    """The planner's statistics are of everybody's rows, and `explain` tells what they say."""
    names = [model.name for model in models if not model.is_shared]
    columns = connection.execute(
        """
        select c.relname, a.attname from pg_class as c
        inner join pg_attribute as a on c.oid = a.attrelid and a.attnum > 0 and not a.attisdropped
        where c.relnamespace = %s::regnamespace and c.relname = any(%s) and a.attstattarget is distinct from 0
        """,
        (municipal.PUBLISHED, names),
    )
    for table, column in columns:
        name = f"{municipal.PUBLISHED}.{table}"
        mend = f'alter table {name} alter column "{column}" set statistics 0'
        yield Problem(f"{name}.{column}", "statistics of everybody's values are kept", mend)
    extended = connection.execute(
        """
        select s.stxnamespace::regnamespace::text || '.' || quote_ident(s.stxname)
        from pg_statistic_ext as s inner join pg_class as c on s.stxrelid = c.oid
        where c.relnamespace = %s::regnamespace and c.relname = any(%s)
        """,
        (municipal.PUBLISHED, names),
    )
    for (statistics,) in extended:
        what = "keeps statistics of everybody's values"
        yield Problem(f"statistics {statistics}", what, f"drop statistics {statistics}")


def _extension_problems(connection: psycopg.Connection) -> Iterator[Problem]:
    query = "select extname from pg_extension where extname = any(%s)"
    for (name,) in connection.execute(query, (list(FOREIGN_READERS),)):
        yield Problem(f"extension {name}", "reads other servers or files", f"drop extension {name}")
