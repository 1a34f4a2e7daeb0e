"""What an attack finds when the protection that it aims at is taken away: so the attack is one."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Removal:
    """attacks: their names in the catalogue. statements: what a superuser does in a copy of the warehouse, with the
    braces of the attacks' statements. undo: for what is not of one database alone. is_seen: the gate stops a release
    then, or warns."""

    attacks: tuple[str, ...]
    statements: tuple[str, ...]
    undo: tuple[str, ...] = ()
    is_seen: bool = True


GATHER = (
    "alter table municipal.fact_absence alter column absence_class set statistics 100",
    "alter table municipal.dim_pupil alter column class_name set statistics 100",
    "analyze municipal.fact_absence",
    "analyze municipal.dim_pupil",
    "alter function texteq(text, text) leakproof",
)

COUNTING = (
    "pg_stat_get_live_tuples(oid)",
    "pg_stat_get_tuples_inserted(oid)",
    "pg_relation_size(regclass)",
    "pg_relation_size(regclass, text)",
    "currtid2(text, tid)",
    "pg_advisory_lock(bigint)",
    "lo_create(oid)",
    "pg_read_file(text)",
)


REMOVALS = (
    Removal(
        (
            "every row",
            "copy a table",
            "cursor",
            "prepared statement",
            "sample",
            "rows by their place",
            "do block",
            "value in an error",
            "error as an answer",
        ),
        ("alter table municipal.dim_pupil disable row level security",),
    ),
    Removal(("a known key",), ("alter policy own_rows on municipal.dim_pupil using (true)",)),
    Removal(("counts by municipality",), ("create policy open_to_all on municipal.dim_pupil using (true)",)),
    Removal(
        ("session variables",),
        (
            "alter policy own_rows on municipal.dim_pupil"
            " using (municipality = current_setting('tukiverkko.municipality', true))",
        ),
    ),
    Removal(("no row security",), ("alter role {login} bypassrls",), ("alter role {login} nobypassrls",)),
    # Somebody may rightly read for two municipalities.
    Removal(
        ("another municipality's role",),
        ("grant bi_{other} to {login}",),
        ("revoke bi_{other} from {login}",),
        is_seen=False,
    ),
    Removal(
        ("others' statements",),
        ("grant pg_read_all_stats to {login}",),
        ("revoke pg_read_all_stats from {login}",),
    ),
    Removal(
        ("raw statistics", "passwords", "the mapping", "definer functions", "candidate", "write: update a figure"),
        (
            "grant select on pg_statistic, pg_authid to public",
            "grant update on reference.municipal_reader to bi_{own}",
            "create function public.all_pupils() returns bigint security definer return 1",
            "grant usage on schema candidate to public",
            "grant select on candidate.support_yearly to public",
            "grant update on reporting.support_yearly to public",
        ),
    ),
    Removal(
        ("temporary function", "function in public", "probe by a key"),
        ("grant temporary on database {database} to public", "grant create on schema public to public"),
    ),
    # A value, not a right: nothing of the catalogue is wrong.
    Removal(
        ("common values of an earlier release",),
        (
            "update reporting.support_yearly set pupils = (select max(pupils) from candidate.support_yearly)",
            "analyze reporting.support_yearly",
            "update reporting.support_yearly set pupils = null",
        ),
        is_seen=False,
    ),
    Removal(("estimate of a class", "estimate of groups"), GATHER),
    Removal(
        (
            "a key through an index",
            "absences through an index",
            "a bitmap",
            "a join through an index",
            "buffers of a key",
            "a row by its place",
        ),
        ("alter function uuid_eq(uuid, uuid) leakproof", "alter function tideq(tid, tid) leakproof"),
    ),
    Removal(
        (
            "row counts",
            "row counters by number",
            "sizes",
            "latest place of a row",
            "the release's lock",
            "make a large object",
            "a file",
        ),
        (
            "grant select on pg_class to public",
            *(f"grant execute on function {function} to public" for function in COUNTING),
        ),
    ),
)
