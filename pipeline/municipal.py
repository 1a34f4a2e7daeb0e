"""The detail that a municipality sees of its own pupils: publishes `candidate_municipal` as `municipal`.

A table of `municipal` is made once, like its candidate; from then on only the rows that differ change, so that grants,
policies, keys and dependent views stay. Everything happens in the caller's transaction: that of the release.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from graphlib import TopologicalSorter
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql

CANDIDATE, PUBLISHED = "candidate_municipal", "municipal"

# Whoever has the rights of a municipality's role, as that role or as a member of it, sees that municipality's rows.
OWN_ROWS = """municipality = any (array(
    select reader.municipality
    from reference.municipal_reader as reader
    inner join pg_catalog.pg_roles as role on reader.role_name = role.rolname
    where pg_catalog.pg_has_role(role.oid, 'usage')
))"""
POLICIES = {
    "own_rows": f"for select using ({OWN_ROWS})",
    "pipeline": "to current_user using (true) with check (true)",
}


@dataclass(frozen=True)
class Policy:
    """A policy as the catalogue has it. command: as in pg_policy (`r` reads, `*` everything). is_for_all: to everybody,
    else to the owner alone (None: to others). visible, writable: its two conditions."""

    command: str
    is_permissive: bool
    is_for_all: bool | None
    visible: str | None
    writable: str | None


@dataclass(frozen=True)
class Model:
    """A table of `municipal`. is_shared: every municipality reads all of its rows; else it has a column `municipality`
    and each reads its own. key: the columns of its primary key. required: the columns that are never null. references:
    column → table whose key it holds."""

    name: str
    is_shared: bool
    key: tuple[str, ...]
    required: frozenset[str]
    references: Mapping[str, str]


@dataclass(frozen=True)
class Change:
    """How many rows of a table went and came; a changed row is in both. is_new: the table was made (anew)."""

    deleted: int
    inserted: int
    is_new: bool


def municipal_models(target: Path) -> list[Model]:
    """The models of schema `candidate_municipal` in dbt's manifest in `target`; a table comes after those that it
    references. Raises ValueError when a reference names none of them, graphlib.CycleError when they go round."""
    manifest = json.loads((target / "manifest.json").read_text(encoding="utf-8"))
    found = {
        node["name"]: Model(
            name=node["name"],
            is_shared=(node["config"].get("meta") or {}).get("readers") == "all",
            key=_key(node),
            required=frozenset(_key(node)).union(
                name
                for name, column in node["columns"].items()
                if any(one["type"] == "not_null" for one in column.get("constraints") or ())
            ),
            references={name: table for name, column in node["columns"].items() if (table := _references(column))},
        )
        for node in manifest["nodes"].values()
        if node["resource_type"] == "model" and node["schema"] == CANDIDATE
    }
    for model in found.values():
        if unknown := sorted(set(model.references.values()) - set(found)):
            raise ValueError(f"{model.name} references {', '.join(unknown)}: no model of {CANDIDATE} has this name")
    order = TopologicalSorter({model.name: sorted(set(model.references.values())) for model in found.values()})
    return [found[name] for name in order.static_order()]


def publish(connection: psycopg.Connection, models: Sequence[Model]) -> dict[str, Change]:
    """Makes `municipal` show the candidate and nothing else, in the caller's transaction. Returns table → what changed.

    Raises psycopg.errors.ForeignKeyViolation when a key has no member; DependentObjectsStillExist when a table with
    changed columns has a view on it (drop the view, release, make it again).
    """
    _drop_others(connection, [model.name for model in models])
    wanted = wanted_policies(connection)
    made = {model.name: _ensure_table(connection, model, wanted) for model in models}
    changes = {model.name: _sync(connection, model, made[model.name]) for model in models}
    # A table with checks to come cannot be altered; and what breaks a key is to be told here, not at the commit.
    connection.execute("set constraints all immediate")
    for model in models:
        _ensure_references(connection, model)
        _ensure_comments(connection, model.name)
        _ensure_grants(connection, model.name)
    return changes


def wanted_policies(connection: psycopg.Connection) -> dict[str, Policy]:
    """Our policies, name → as the catalogue writes them: own rows for readers, all for the owner, whom they bind too.
    For this they are made on a table of their own: PostgreSQL's text of a condition is not the one that made it."""
    with connection.transaction(force_rollback=True):
        connection.execute("create temporary table policy_pattern (municipality text)")
        for name, definition in POLICIES.items():
            statement = sql.SQL("create policy {} on policy_pattern {}")
            connection.execute(statement.format(sql.Identifier(name), sql.SQL(definition)))
        return {name: policy for (_, table, name), policy in policies(connection).items() if table == "policy_pattern"}


def policies(connection: psycopg.Connection) -> dict[tuple[str, str, str], Policy]:
    """Every policy of the warehouse by (schema, table, name)."""
    rows = connection.execute(
        """
        select n.nspname, c.relname, p.polname, p.polcmd::text, p.polpermissive,
            case p.polroles when array[0::oid] then true when array[c.relowner] then false end,
            pg_get_expr(p.polqual, c.oid), pg_get_expr(p.polwithcheck, c.oid)
        from pg_policy as p
        inner join pg_class as c on p.polrelid = c.oid
        inner join pg_namespace as n on c.relnamespace = n.oid
        """
    )
    return {(schema, table, name): Policy(*rest) for schema, table, name, *rest in rows}


def forget(connection: psycopg.Connection, pupil_keys: Sequence[object]) -> int:
    """Removes every row of these pupils (uuids of `pupil_key`) from `municipal` and its candidate, in the caller's
    transaction. Returns how many rows went."""
    removed = 0
    for schema, table in connection.execute(
        """
        select n.nspname, c.relname
        from pg_class as c
        inner join pg_namespace as n on c.relnamespace = n.oid
        inner join pg_attribute as a on c.oid = a.attrelid and a.attname = 'pupil_key' and not a.attisdropped
        where n.nspname in (%s, %s) and c.relkind in ('r', 'p')
        """,
        (PUBLISHED, CANDIDATE),
    ).fetchall():
        query = sql.SQL("delete from {} where pupil_key = any(%s)").format(sql.Identifier(schema, table))
        removed += connection.execute(query, (list(pupil_keys),)).rowcount
    return removed


def _key(node: Mapping[str, Any]) -> tuple[str, ...]:
    keys = [one["columns"] for one in node.get("constraints") or () if one["type"] == "primary_key"]
    return tuple(keys[0]) if keys else ()


def _references(column: Mapping[str, object]) -> str | None:
    config = column.get("config")
    meta = (config.get("meta") if isinstance(config, Mapping) else None) or column.get("meta")
    named = meta.get("references") if isinstance(meta, Mapping) else None
    return str(named) if named else None


def _drop_others(connection: psycopg.Connection, names: list[str]) -> None:
    """A table whose model is gone goes too: nobody checks any more what it shows."""
    for (name,) in connection.execute(
        "select relname from pg_class where relnamespace = %s::regnamespace and relkind = 'r' and relname <> all(%s)",
        (PUBLISHED, names),
    ).fetchall():
        _drop(connection, name)


def _drop(connection: psycopg.Connection, name: str) -> None:
    for table, constraint in connection.execute(
        "select conrelid::regclass::text, conname from pg_constraint where contype = 'f' and confrelid = %s::regclass",
        (f"{PUBLISHED}.{name}",),
    ).fetchall():
        statement = sql.SQL("alter table {} drop constraint {}")
        connection.execute(statement.format(sql.SQL(table), sql.Identifier(constraint)))
    connection.execute(sql.SQL("drop table {}").format(sql.Identifier(PUBLISHED, name)))


def _ensure_table(connection: psycopg.Connection, model: Model, wanted: Mapping[str, Policy]) -> bool:
    """Makes the table like its candidate and the model's contract, with its policies, unless it is; returns whether it
    was made."""
    shape = [
        (name, kind, name in model.required, name in model.key)
        for name, kind, _, _ in _shape(connection, CANDIDATE, model.name)
    ]
    shown = _shape(connection, PUBLISHED, model.name)
    is_new = shape != shown
    if is_new:
        if not model.key:
            raise ValueError(f"{CANDIDATE}.{model.name} has no primary key: add it to the model's contract")
        if not model.is_shared and "municipality" not in [name for name, *_ in shape]:
            raise ValueError(f"{CANDIDATE}.{model.name} has no column municipality, and `meta.readers` is not `all`")
        if shown:
            _drop(connection, model.name)
        table = sql.Identifier(PUBLISHED, model.name)
        # The candidate is a view: what a view cannot hold comes from the model's contract.
        statement = sql.SQL("create table {} (like {} including comments)")
        connection.execute(statement.format(table, sql.Identifier(CANDIDATE, model.name)))
        for name in sorted(model.required):
            statement = sql.SQL("alter table {} alter column {} set not null")
            connection.execute(statement.format(table, sql.Identifier(name)))
        key = sql.SQL(", ").join(map(sql.Identifier, model.key))
        connection.execute(sql.SQL("alter table {} add primary key ({})").format(table, key))
    _ensure_policies(connection, model, wanted)
    if not model.is_shared:
        _ensure_nothing_told(connection, model)
    return is_new


def _ensure_policies(connection: psycopg.Connection, model: Model, wanted: Mapping[str, Policy]) -> None:
    table = sql.Identifier(PUBLISHED, model.name)
    state = connection.execute(
        "select relrowsecurity, relforcerowsecurity from pg_class where oid = %s::regclass",
        (f"{PUBLISHED}.{model.name}",),
    ).fetchone()
    is_bound = not model.is_shared
    if state != (is_bound, is_bound):
        for word in ("enable", "force") if is_bound else ("disable", "no force"):
            connection.execute(sql.SQL("alter table {} {} row level security").format(table, sql.SQL(word)))
    there = policies(connection)
    for name, definition in POLICIES.items() if is_bound else ():
        if there.get((PUBLISHED, model.name, name)) == wanted[name]:
            continue
        policy = sql.Identifier(name)
        connection.execute(sql.SQL("drop policy if exists {} on {}").format(policy, table))
        connection.execute(sql.SQL("create policy {} on {} {}").format(policy, table, sql.SQL(definition)))


def _ensure_nothing_told(connection: psycopg.Connection, model: Model) -> None:
    """Keeps from readers of own rows what others' rows are like: no statistics, whose estimates `explain` shows, and an
    index that leads past others' rows without a look at them."""
    table = sql.Identifier(PUBLISHED, model.name)
    columns = connection.execute(
        """
        select attname from pg_attribute
        where attrelid = %s::regclass and attnum > 0 and not attisdropped and attstattarget is distinct from 0
        """,
        (f"{PUBLISHED}.{model.name}",),
    ).fetchall()
    for (column,) in columns:
        statement = sql.SQL("alter table {} alter column {} set statistics 0")
        connection.execute(statement.format(table, sql.Identifier(column)))
        # What was gathered before stays otherwise.
        query = "select pg_clear_attribute_stats(%s::text, %s::text, %s::text, false)"
        connection.execute(query, (PUBLISHED, model.name, column))
    if model.key[0] != "municipality":
        index = sql.Identifier(f"{model.name}_by_municipality")
        connection.execute(sql.SQL("create index if not exists {} on {} (municipality)").format(index, table))


def _sync(connection: psycopg.Connection, model: Model, is_new: bool) -> Change:
    """Makes the rows equal to the candidate's. Compared are first sums of the rows' hashes by municipality and month,
    then, where these differ, the rows by key: to join all of them costs several times as much."""
    shown, candidate = sql.Identifier(PUBLISHED, model.name), sql.Identifier(CANDIDATE, model.name)
    # Rows are written a municipality at a time: the gaps between a reader's own rows (`ctid`) then tell nothing.
    place, month = _part(_shape(connection, PUBLISHED, model.name))
    if is_new:
        statement = sql.SQL("insert into {} select this_row.* from {} as this_row order by {}")
        inserted = connection.execute(statement.format(shown, candidate, place)).rowcount
        connection.execute(sql.SQL("analyze {}").format(shown))
        return Change(0, inserted, is_new)
    names = model.key
    digest = sql.SQL(
        """
        select {place} as place, {month} as month,
            count(*) as row_count, sum(hash_record_extended(this_row, 0)) as digest
        from {table} as this_row group by 1, 2
        """
    )
    parts = connection.execute(
        sql.SQL(
            """
            select place, month
            from ({shown}) as old_part full join ({candidate}) as new_part using (place, month)
            where (old_part.row_count, old_part.digest) is distinct from (new_part.row_count, new_part.digest)
            """
        ).format(
            shown=digest.format(place=place, month=month, table=shown),
            candidate=digest.format(place=place, month=month, table=candidate),
        )
    ).fetchall()
    if not parts:
        return Change(0, 0, is_new)
    rows_of_parts = sql.SQL("select this_row.* from {table} as this_row where ({place}, {month}) in ({parts})")
    listed = sql.SQL(", ").join(sql.SQL("({}, {})").format(*map(sql.Literal, part)) for part in parts)
    keys = sql.SQL(", ").join(map(sql.Identifier, names))
    connection.execute(
        sql.SQL(
            """
            create temporary table change on commit drop as
            select {keys}
            from ({shown}) as old_row full join ({candidate}) as new_row using ({keys})
            where (old_row operator(pg_catalog.*=) new_row) is not true
            """
        ).format(
            keys=keys,
            shown=rows_of_parts.format(table=shown, place=place, month=month, parts=listed),
            candidate=rows_of_parts.format(table=candidate, place=place, month=month, parts=listed),
        )
    )
    connection.execute("analyze change")
    same_key = sql.SQL(" and ").join(sql.SQL("this_row.{0} = change.{0}").format(sql.Identifier(key)) for key in names)
    statement = sql.SQL("delete from {} as this_row using change where {}")
    deleted = connection.execute(statement.format(shown, same_key)).rowcount
    statement = sql.SQL("insert into {} select this_row.* from {} as this_row inner join change on {} order by {}")
    inserted = connection.execute(statement.format(shown, candidate, same_key, place)).rowcount
    connection.execute("drop table change")
    connection.execute(sql.SQL("analyze {}").format(shown))
    return Change(deleted, inserted, is_new)


def _part(shape: Sequence[tuple[str, str, bool, bool]]) -> tuple[sql.Composable, sql.Composable]:
    """The part of a table that `this_row` belongs to: its municipality, and the month of the first date of its key."""
    has_municipality = any(name == "municipality" for name, *_ in shape)
    dates = [name for name, kind, _, is_key in shape if is_key and kind == "date"]
    month = sql.SQL("date_trunc('month', this_row.{}::timestamp)")
    return (
        sql.SQL("this_row.municipality") if has_municipality else sql.SQL("text ''"),
        month.format(sql.Identifier(dates[0])) if dates else sql.SQL("timestamp '2000-01-01'"),
    )


def _ensure_references(connection: psycopg.Connection, model: Model) -> None:
    """Foreign keys, checked at the end of the transaction, since a changed member goes and comes back."""
    wanted = {f"{model.name}_{column}_fkey": (column, table) for column, table in model.references.items()}
    there = {
        name: (column, table)
        for name, column, table in connection.execute(
            """
            select c.conname, a.attname, t.relname
            from pg_constraint as c
            inner join pg_attribute as a on a.attrelid = c.conrelid and a.attnum = c.conkey[1]
            inner join pg_class as t on c.confrelid = t.oid
            where c.contype = 'f' and c.conrelid = %s::regclass
            """,
            (f"{PUBLISHED}.{model.name}",),
        )
    }
    table = sql.Identifier(PUBLISHED, model.name)
    for name in there.keys() - wanted.keys():
        connection.execute(sql.SQL("alter table {} drop constraint {}").format(table, sql.Identifier(name)))
    for name, (column, referenced) in wanted.items():
        if there.get(name) == (column, referenced):
            continue
        key = _primary_key(connection, PUBLISHED, referenced)
        if len(key) != 1:
            raise ValueError(f"{model.name}.{column} references {referenced}, whose key is not one column")
        connection.execute(sql.SQL("alter table {} drop constraint if exists {}").format(table, sql.Identifier(name)))
        connection.execute(
            sql.SQL(
                "alter table {} add constraint {} foreign key ({}) references {} ({}) deferrable initially deferred"
            ).format(
                table,
                sql.Identifier(name),
                sql.Identifier(column),
                sql.Identifier(PUBLISHED, referenced),
                sql.Identifier(key[0]),
            )
        )


def _ensure_comments(connection: psycopg.Connection, name: str) -> None:
    """The candidate's comments, Finnish and English, where they differ."""
    comments = connection.execute(
        """
        select source.attname, source.comment
        from (
            select a.attname, a.attnum, col_description(a.attrelid, a.attnum) as comment
            from pg_attribute as a where a.attrelid = %(candidate)s::regclass and a.attnum > 0 and not a.attisdropped
            union all
            select null, 0, obj_description(%(candidate)s::regclass, 'pg_class')
        ) as source
        left join pg_attribute as a on a.attrelid = %(shown)s::regclass and source.attname = a.attname
        where source.comment is distinct from case
            when source.attname is null then obj_description(%(shown)s::regclass, 'pg_class')
            else col_description(%(shown)s::regclass, a.attnum)
        end
        """,
        {"candidate": f"{CANDIDATE}.{name}", "shown": f"{PUBLISHED}.{name}"},
    ).fetchall()
    for column, comment in comments:
        subject = sql.SQL("column {}").format(sql.Identifier(PUBLISHED, name, column)) if column else None
        subject = subject or sql.SQL("table {}").format(sql.Identifier(PUBLISHED, name))
        connection.execute(sql.SQL("comment on {} is {}").format(subject, sql.Literal(comment)))


def _ensure_grants(connection: psycopg.Connection, name: str) -> None:
    """To the municipalities' roles and nobody else: SELECT, and REFERENCES, without which information_schema shows a
    reader no keys."""
    table = sql.Identifier(PUBLISHED, name)
    readers = connection.execute("select role_name from reference.municipal_reader").fetchall()
    wanted = {(role, privilege) for (role,) in readers for privilege in ("SELECT", "REFERENCES")}
    there = set(
        connection.execute(
            """
            select coalesce(r.rolname, 'public'), g.privilege_type
            from pg_class as c cross join lateral aclexplode(c.relacl) as g left join pg_roles as r on g.grantee = r.oid
            where c.oid = %s::regclass and g.grantee <> c.relowner
            """,
            (f"{PUBLISHED}.{name}",),
        ).fetchall()
    )
    for role, privilege in sorted(there - wanted):
        grantee = sql.SQL("public") if role == "public" else sql.Identifier(role)
        connection.execute(sql.SQL("revoke {} on {} from {}").format(sql.SQL(privilege), table, grantee))
    for role, privilege in sorted(wanted - there):
        connection.execute(sql.SQL("grant {} on {} to {}").format(sql.SQL(privilege), table, sql.Identifier(role)))


def _shape(connection: psycopg.Connection, schema: str, table: str) -> list[tuple[str, str, bool, bool]]:
    """(column, type, whether never null, whether in the primary key) in order; empty when there is no such table."""
    rows = connection.execute(
        """
        select a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull,
            coalesce(a.attnum = any(i.indkey), false)
        from pg_attribute as a
        left join pg_index as i on a.attrelid = i.indrelid and i.indisprimary
        where a.attrelid = to_regclass(%s) and a.attnum > 0 and not a.attisdropped
        order by a.attnum
        """,
        (f"{schema}.{table}",),
    ).fetchall()
    return [(name, kind, required, is_key) for name, kind, required, is_key in rows]


def _primary_key(connection: psycopg.Connection, schema: str, table: str) -> list[str]:
    rows = connection.execute(
        """
        select a.attname from pg_index as i
        inner join pg_attribute as a on a.attrelid = i.indrelid and a.attnum = any(i.indkey)
        where i.indrelid = %s::regclass and i.indisprimary
        order by array_position(i.indkey::int2[], a.attnum)
        """,
        (f"{schema}.{table}",),
    ).fetchall()
    return [row[0] for row in rows]
