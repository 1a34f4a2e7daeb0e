"""The warehouse's rights and rows as values, to be compared whole."""

import psycopg

# Every table that is shown, with its rights and its row-level security; policies; keys; rights on schemas and columns.
RIGHTS = """
select 'table', c.oid::regclass::text, c.oid::text, right_text, null
from pg_class as c
cross join lateral (
    select string_agg(format('%s %s %s', g.grantee::regrole, g.privilege_type, g.is_grantable), ', ' order by
        g.grantee::regrole::text, g.privilege_type) || format(' %s %s', c.relrowsecurity, c.relforcerowsecurity)
    from aclexplode(coalesce(c.relacl, acldefault('r', c.relowner))) as g
) as granted (right_text)
where c.relnamespace in ('municipal'::regnamespace, 'reporting'::regnamespace) and c.relkind = 'r'
union all
select 'policy', p.polrelid::regclass::text, p.polname, p.polcmd::text || p.polroles::regrole[]::text,
    pg_get_expr(p.polqual, p.polrelid)
from pg_policy as p
union all
select 'key', k.conrelid::regclass::text, k.conname, k.oid::text, pg_get_constraintdef(k.oid)
from pg_constraint as k
where k.connamespace in ('municipal'::regnamespace, 'reporting'::regnamespace) and k.contype in ('p', 'f')
union all
select 'schema', n.nspname, g.grantee::regrole::text, g.privilege_type, g.is_grantable::text
from pg_namespace as n cross join lateral aclexplode(n.nspacl) as g where n.nspname !~ '^pg_'
union all
select 'column', a.attrelid::regclass::text, a.attname, a.attacl::text, a.attstattarget::text
from pg_attribute as a inner join pg_class as c on a.attrelid = c.oid
where c.relnamespace in ('municipal'::regnamespace, 'reporting'::regnamespace) and c.relkind = 'r' and a.attnum > 0
union all
select 'default', d.defaclnamespace::regnamespace::text, d.defaclrole::regrole::text, d.defaclacl::text, null
from pg_default_acl as d
order by 1, 2, 3, 4, 5
"""


def rights(connection: psycopg.Connection) -> list[tuple[str | None, ...]]:
    """Every right, policy and key of what is shown, with the numbers of the objects: one made anew is another one."""
    return connection.execute(RIGHTS).fetchall()


def contents(connection: psycopg.Connection) -> dict[str, object]:
    """A sum of the rows of every table outside PostgreSQL's schemas; as a superuser, who sees them all."""
    tables = connection.execute(
        """
        select oid::regclass::text from pg_class
        where relkind in ('r', 'm') and relnamespace in (
            select oid from pg_namespace where nspname not in ('pg_catalog', 'information_schema', 'pg_toast')
        )
        """
    ).fetchall()
    query = "select count(*), sum(hash_record_extended(t, 0)) from {} as t"
    return {name: connection.execute(query.format(name)).fetchone() for (name,) in tables}  # type: ignore[call-overload]
