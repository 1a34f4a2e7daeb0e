"""The attacks: what is tried, and what must come of it. Each is tried as a login of every reading role.

In the statements `{own}` is the attacker's municipality, `{other}` one that is not, `{pupil}` the key of a pupil there,
`{nobody}` a key that nobody has, `{login}` the attacker's name.
"""

from dataclasses import dataclass

# What must come of an attack. Whatever comes, no text of another municipality and no withheld count may be in it.
REFUSED = "is refused"
OWN = "shows own rows only, and some; is refused to the region"
EMPTY = "shows no row"
SAME = "shows the same for what others have and for what nobody has"
NOTHING_FOREIGN = "shows nothing of others, whether it succeeds or not"


@dataclass(frozen=True)
class Attack:
    """name: for the report. tries: what the attacker is after. must: one of the outcomes above. statements: the last
    one's rows are what was learned. instead: for SAME, text → what takes its place in the second run."""

    name: str
    tries: str
    must: str
    statements: tuple[str, ...]
    instead: tuple[str, str] | None = None


def attack(name: str, must: str, tries: str, *statements: str, instead: tuple[str, str] | None = None) -> Attack:
    return Attack(name, tries, must, statements, instead)


INDEXES_ONLY = "set enable_seqscan = off"
EXPLAIN = "explain (analyze, costs off, timing off, summary off, buffers off)"
PUPIL_FOR_NOBODY = ("{pupil}", "{nobody}")

READING = (
    attack("every row", OWN, "all pupils", "select * from municipal.dim_pupil"),
    attack(
        "rows by municipality",
        EMPTY,
        "another's rows",
        "select * from municipal.fact_absence where municipality = '{other}'",
    ),
    attack(
        "counts by municipality",
        OWN,
        "how many others have",
        "select municipality, count(*) from municipal.dim_pupil group by 1",
    ),
    attack(
        "a known key",
        EMPTY,
        "whether a pupil is there",
        "select * from municipal.dim_pupil where pupil_key = '{pupil}'",
    ),
    attack(
        "exists",
        EMPTY,
        "the same by exists",
        "select 1 where exists (select from municipal.fact_absence where pupil_key = '{pupil}')",
    ),
    attack(
        "outer join",
        EMPTY,
        "others' rows as the side that need not match",
        "select p.* from municipal.dim_municipality as m inner join municipal.dim_pupil as p using (municipality)"
        " where m.municipality <> '{own}'",
    ),
    attack(
        "first and last",
        NOTHING_FOREIGN,
        "values at the ends of an index",
        "select min(class_name), max(class_name) from municipal.dim_pupil",
    ),
    attack("whole row as text", OWN, "rows by a cast", "select p::text, to_jsonb(p) from municipal.dim_pupil as p"),
    attack("copy a table", OWN, "rows by COPY", "copy municipal.dim_pupil to stdout"),
    attack("copy a query", OWN, "rows by COPY", "copy (select * from municipal.dim_pupil) to stdout"),
    attack(
        "copy without policies", REFUSED, "rows by COPY", "set row_security = off", "copy municipal.dim_pupil to stdout"
    ),
    attack(
        "no row security",
        REFUSED,
        "rows without policies",
        "set row_security = off",
        "select * from municipal.dim_pupil",
    ),
    attack(
        "cursor",
        OWN,
        "rows by a cursor",
        "begin",
        "declare c scroll cursor for select * from municipal.dim_pupil",
        "fetch all from c",
    ),
    attack(
        "prepared statement",
        OWN,
        "rows by a plan made once",
        "prepare p as select * from municipal.dim_pupil",
        "set plan_cache_mode = force_generic_plan",
        "execute p",
    ),
    attack("sample", OWN, "rows by TABLESAMPLE", "select * from municipal.dim_pupil tablesample system (100)"),
    attack(
        "rows by their place",
        OWN,
        "rows by ctid",
        "select p.*, p.ctid, p.xmin from municipal.dim_pupil as p where p.ctid = any(array("
        "select format('(%s,%s)', page, item)::tid from generate_series(0, 30) as page, generate_series(1,"
        " 200) as item))",
    ),
    attack(
        "parallel workers",
        OWN,
        "rows read by another process",
        "set debug_parallel_query = on",
        "set min_parallel_table_scan_size = 0",
        "select * from municipal.dim_pupil",
    ),
    attack(
        "table as XML",
        NOTHING_FOREIGN,
        "rows by a function that takes a table",
        "select table_to_xml('municipal.dim_pupil', true, false, '')",
    ),
    attack(
        "query as XML",
        NOTHING_FOREIGN,
        "rows by a function that takes a query",
        "select 1 where query_to_xml('select * from municipal.dim_pupil where municipality <> ''{own}''',"
        " true, true, '')::text ~ 'secret'",
    ),
    attack(
        "words of a query",
        NOTHING_FOREIGN,
        "values by ts_stat",
        "select * from ts_stat('select to_tsvector(''simple'', class_name) from municipal.dim_pupil')",
    ),
    attack(
        "do block",
        NOTHING_FOREIGN,
        "rows in a notice",
        "do $$ declare r record; begin for r in select * from municipal.dim_pupil loop raise notice '%', r;"
        " end loop; end $$",
    ),
    attack(
        "value in an error",
        NOTHING_FOREIGN,
        "a value in the message of a failed cast",
        "select * from municipal.dim_pupil where class_name::integer > 0 and municipality = '{other}'",
    ),
    attack(
        "error as an answer",
        EMPTY,
        "whether a division by zero is ever reached",
        "select * from municipal.dim_pupil where 1 / (case when municipality = '{other}' then 0 else 1 end) = 0",
    ),
    attack(
        "error in a sort",
        EMPTY,
        "the same in ORDER BY",
        "select 1 from municipal.dim_pupil where municipality = '{other}' order by 1 / (grade - grade)",
    ),
    attack("lock rows", REFUSED, "rows by FOR UPDATE", "select * from municipal.dim_pupil for update"),
)

BECOMING = (
    attack("another municipality's role", REFUSED, "its rights", "set role bi_{other}"),
    attack("the pipeline's role", REFUSED, "its rights", "set role tukiverkko_pipeline"),
    attack("role by set_config", REFUSED, "another's rights", "select set_config('role', 'bi_{other}', false)"),
    attack("session authorisation", REFUSED, "another's rights", "set session authorization bi_{other}"),
    attack(
        "session variables",
        EMPTY,
        "that a policy believes a variable",
        "set tukiverkko.municipality = '{other}'",
        "set application_name = 'tukiverkko'",
        "select * from municipal.dim_pupil where municipality = '{other}'",
    ),
    attack("own group", OWN, "more as the group itself", "set role bi_{own}", "select * from municipal.dim_pupil"),
    attack("membership", REFUSED, "to join another's role", "grant bi_{other} to {login}"),
    attack("pass the role on", REFUSED, "to let another in", "grant bi_{own} to bi_region"),
    attack("read everything", REFUSED, "PostgreSQL's reading role", "grant pg_read_all_data to {login}"),
    attack("bypass", REFUSED, "to stand above policies", "alter role {login} bypassrls"),
    attack("superuser", REFUSED, "everything", "alter role {login} superuser"),
    attack("new role", REFUSED, "a role of one's own", "create role mallory login"),
    attack(
        "the mapping",
        REFUSED,
        "another's municipality",
        "update reference.municipal_reader set municipality = '{other}'",
    ),
    attack(
        "a new mapping",
        REFUSED,
        "another's municipality",
        "insert into reference.municipal_reader values ('{login}', '{other}')",
    ),
    attack("an open policy", REFUSED, "every row", "create policy open_to_all on municipal.dim_pupil using (true)"),
    attack("another condition", REFUSED, "every row", "alter policy own_rows on municipal.dim_pupil using (true)"),
    attack("no policies", REFUSED, "every row", "alter table municipal.dim_pupil disable row level security"),
    attack("ownership", REFUSED, "every right", "alter table municipal.dim_pupil owner to current_user"),
    attack("passwords", REFUSED, "verifiers of passwords", "select rolpassword from pg_authid"),
    attack(
        "definer functions",
        EMPTY,
        "a function with its owner's rights",
        "select oid::regprocedure from pg_proc where prosecdef and has_function_privilege(oid, 'execute')",
    ),
)

SHADOWING = (
    attack(
        "temporary function",
        REFUSED,
        "a function that tells what it sees",
        "create function pg_temp.tell(text) returns boolean language plpgsql cost 0.0001 as $$ begin raise"
        " notice '%', $1; return true; end $$",
    ),
    attack(
        "function in public",
        REFUSED,
        "the same for others to trip over",
        "create function public.tell(text) returns boolean language sql as 'select true'",
    ),
    attack(
        "operator",
        REFUSED,
        "an `=` that the policy takes for its own",
        "create operator public.= (leftarg = text, rightarg = text, function = texteq)",
    ),
    attack(
        "temporary view",
        REFUSED,
        "a view that shadows the mapping",
        "create temporary view municipal_reader as select 'bi_{own}' as role_name, '{other}' as municipality",
    ),
    attack(
        "temporary table",
        REFUSED,
        "a table that shadows the mapping",
        "create temporary table municipal_reader (role_name text, municipality text)",
    ),
    attack(
        "search path",
        OWN,
        "other objects under the same names",
        "set search_path = public, pg_temp, municipal, pg_catalog",
        "select * from municipal.dim_pupil",
    ),
    attack(
        "probe by a key",
        REFUSED,
        "whether a pupil is there, by a foreign key to it",
        "create table public.probe (pupil_key uuid references municipal.dim_pupil)",
    ),
    attack("own schema", REFUSED, "a place to make things", "create schema mallory"),
    attack("own database", REFUSED, "a place to make things", "create database mallory"),
)

OTHER_SCHEMAS = (
    attack("candidate", REFUSED, "counts before they are withheld", "select * from candidate.support_yearly"),
    attack("municipal candidate", REFUSED, "every pupil", "select * from candidate_municipal.dim_pupil"),
    attack("kept releases", REFUSED, "what an earlier release showed", "select * from ops.published_row"),
    attack("decisions", REFUSED, "what each withheld count is in truth", "select * from ops.disclosure_decision"),
    attack("audited counts", REFUSED, "what the audit knows of each count", "select * from ops.published_cell"),
    attack("landed rows", REFUSED, "deliveries", "select * from landing.enrolment"),
    attack("codes", REFUSED, "the municipalities' codes", "select * from reference.absence_crosswalk"),
    attack("deliveries", REFUSED, "how many rows another delivered", "select * from ops.delivery"),
    attack("a sequence", REFUSED, "how many deliveries there were", "select last_value from ops.delivery_id"),
    attack("next number", REFUSED, "to use a number up", "select nextval('ops.delivery_id')"),
    attack(
        "sequences",
        EMPTY,
        "the same in the catalogue",
        "select last_value from pg_sequences where last_value is not null",
    ),
    attack(
        "withheld counts",
        EMPTY,
        "a withheld count where it is published",
        "select * from reporting.support_yearly where pupils is not null",
    ),
    attack(
        "tables of others",
        EMPTY,
        "what else is there",
        "select * from information_schema.tables where table_schema in ('landing', 'ops', 'harmonised',"
        " 'candidate', 'candidate_municipal')",
    ),
)

STATISTICS = (
    attack(
        "common values",
        EMPTY,
        "values in pg_stats",
        "select * from pg_stats where schemaname = 'municipal' and tablename in ('dim_pupil', 'fact_absence')",
    ),
    attack(
        "common values of an earlier release",
        NOTHING_FOREIGN,
        "a count that was shown and is withheld now",
        "select * from pg_stats where schemaname = 'reporting'",
    ),
    attack(
        "common values of other schemas",
        EMPTY,
        "values in pg_stats",
        "select * from pg_stats where schemaname in ('candidate', 'candidate_municipal', 'landing', 'ops')",
    ),
    attack("raw statistics", REFUSED, "values in pg_statistic", "select * from pg_statistic"),
    attack("extended statistics", EMPTY, "values that go together", "select * from pg_stats_ext"),
    attack("raw extended statistics", REFUSED, "values that go together", "select * from pg_statistic_ext_data"),
    attack(
        "own statistics",
        REFUSED,
        "statistics that the planner then shows",
        "create statistics municipal.together on municipality, class_name from municipal.dim_pupil",
    ),
    attack(
        "gathering",
        EMPTY,
        "statistics that the planner then shows",
        "analyze municipal.dim_pupil",
        "select * from pg_stats where tablename = 'dim_pupil'",
    ),
    attack(
        "estimate of a class",
        SAME,
        "how often others have a class",
        "explain select * from municipal.fact_absence where absence_class = 'unauthorised'",
        instead=("unauthorised", "x"),
    ),
    attack(
        "estimate of a municipality",
        SAME,
        "how many rows a municipality has",
        "explain select * from municipal.dim_pupil where municipality = '{other}'",
        instead=("{other}", "nowhere"),
    ),
    attack(
        "estimate of groups",
        SAME,
        "how many different values others have",
        "explain select 1 from municipal.dim_pupil group by class_name",
        instead=("class_name", "form"),
    ),
    attack(
        "a key through an index",
        SAME,
        "whether a pupil is there: rows that the policy removes",
        INDEXES_ONLY,
        EXPLAIN + " select * from municipal.dim_pupil where pupil_key = '{pupil}'",
        instead=PUPIL_FOR_NOBODY,
    ),
    attack(
        "a range through an index",
        SAME,
        "pupils' keys by halving",
        INDEXES_ONLY,
        EXPLAIN + " select * from municipal.dim_pupil where pupil_key < '{pupil}' and pupil_key >= '{pupil}'",
        instead=("pupil_key < '{pupil}'", "pupil_key <= '{pupil}'"),
    ),
    attack(
        "absences through an index",
        SAME,
        "how many absences a pupil has",
        INDEXES_ONLY,
        EXPLAIN + " select * from municipal.fact_absence where pupil_key = '{pupil}' and absence_class = 'health'",
        instead=PUPIL_FOR_NOBODY,
    ),
    attack(
        "a bitmap",
        SAME,
        "rows that a bitmap finds before the policy",
        "set enable_indexscan = off",
        INDEXES_ONLY,
        EXPLAIN + " select * from municipal.fact_absence where pupil_key = '{pupil}'",
        instead=PUPIL_FOR_NOBODY,
    ),
    attack(
        "a join through an index",
        SAME,
        "the same by a join",
        INDEXES_ONLY,
        "set enable_hashjoin = off",
        "set enable_mergejoin = off",
        EXPLAIN + " select * from (values ('{pupil}'::uuid)) as known (pupil_key)"
        " inner join municipal.fact_absence using (pupil_key)",
        instead=PUPIL_FOR_NOBODY,
    ),
    attack(
        "a row by its place",
        SAME,
        "whether a row of others is at a place",
        EXPLAIN + " select * from municipal.dim_pupil where ctid = '(0,1)' and municipality = '{other}'",
        instead=("(0,1)", "(9999,1)"),
    ),
    attack(
        "buffers of a key",
        SAME,
        "pages that are read for a pupil",
        INDEXES_ONLY,
        "explain (analyze, costs off, timing off, summary off, buffers) select * from municipal.fact_absence"
        " where pupil_key = '{pupil}'",
        instead=PUPIL_FOR_NOBODY,
    ),
    attack(
        "row counts",
        REFUSED,
        "how many rows any table has",
        "select relname, reltuples from pg_class where relname in ('dim_pupil', 'fact_absence', 'enrolment')",
    ),
    attack("row counters", REFUSED, "how many rows came and went", "select * from pg_stat_user_tables"),
    attack(
        "row counters by number",
        REFUSED,
        "the same past the view",
        "select relname, pg_stat_get_live_tuples(oid), pg_stat_get_tuples_inserted(oid) from pg_class where"
        " relkind = 'r'",
    ),
    attack(
        "sizes",
        REFUSED,
        "how large any table is",
        "select relname, pg_relation_size(oid) from pg_class where relkind = 'r'",
    ),
    attack(
        "sizes with indexes",
        REFUSED,
        "how large any table is",
        "select relname, pg_total_relation_size(oid) from pg_class where relkind = 'r'",
    ),
    attack("size of the database", REFUSED, "how much came last night", "select pg_database_size(current_database())"),
    attack(
        "latest place of a row",
        REFUSED,
        "whether a row of others is at a place",
        "select currtid2('municipal.dim_pupil', '(0,1)')",
    ),
)

SERVER = (
    attack(
        "others' statements",
        NOTHING_FOREIGN,
        "a key in a statement that runs",
        "select * from pg_stat_activity where query like '%secret-of-%'",
    ),
    attack(
        "others' session",
        REFUSED,
        "to stop the pipeline",
        "select pg_terminate_backend(pid) from pg_stat_activity where usename = 'tukiverkko_pipeline'",
    ),
    attack("a file", REFUSED, "a file of the server", "select pg_read_file('PG_VERSION')"),
    attack("a folder", REFUSED, "names of files", "select pg_ls_dir('.')"),
    attack("the log", REFUSED, "statements in the log", "select * from pg_ls_logdir()"),
    attack("import a file", REFUSED, "a file as a large object", "select lo_import('/etc/hostname')"),
    attack("write a large object", REFUSED, "to leave something in the warehouse", "select lo_from_bytea(0, 'x')"),
    attack("make a large object", REFUSED, "to leave something in the warehouse", "select lo_create(0)"),
    attack("copy to a file", REFUSED, "to write a file", "copy municipal.dim_pupil to '/tmp/stolen'"),
    attack("run a program", REFUSED, "to run something on the server", "copy (select 1) to program 'true'"),
    attack("another server", REFUSED, "to carry rows out or come back as somebody else", "create extension dblink"),
    attack("a foreign table", REFUSED, "the same", "create foreign data wrapper mallory"),
    attack("the release's lock", REFUSED, "that no release can be made", "select pg_advisory_lock(1951755113)"),
    attack(
        "a table's lock",
        REFUSED,
        "that no release can be made",
        "begin",
        "lock table municipal.dim_pupil in share mode",
    ),
    attack("settings of the server", REFUSED, "to change it", "alter system set log_statement = 'all'"),
    attack("who may connect", REFUSED, "addresses and methods", "select * from pg_hba_file_rules"),
    attack(
        "messages",
        EMPTY,
        "what the pipeline says",
        "listen release",
        "select pg_notification_queue_usage() where pg_notification_queue_usage() > 0",
    ),
)

WRITING = tuple(
    attack(f"write: {statement.split()[0]} {place}", REFUSED, "to change what is shown", statement)
    for place, statement in (
        ("a pupil", "insert into municipal.dim_pupil values ('{pupil}', '{own}', 'forged', '', 1)"),
        ("own rows", "update municipal.dim_pupil set grade = 9"),
        ("a class", "delete from municipal.fact_absence"),
        ("a table", "truncate municipal.fact_absence"),
        (
            "by merge",
            "merge into municipal.dim_pupil as p using municipal.dim_municipality as m on false when not matched"
            " then insert values ('{pupil}', '{own}', '', '', 1)",
        ),
        ("a figure", "update reporting.support_yearly set pupils = 0"),
        ("a row", "insert into reporting.support_yearly values ('{own}', 'S9', 1, false)"),
        ("the release", "delete from reporting.release"),
        ("a table in public", "create table public.mallory (one integer)"),
        ("a table in reporting", "create table reporting.mallory (one integer)"),
        ("an index", "create index on municipal.dim_pupil (grade)"),
        (
            "a trigger",
            "create trigger mallory after insert on municipal.dim_pupil for each row execute function"
            " suppress_redundant_updates_trigger()",
        ),
        ("a rule", "create rule mallory as on update to municipal.dim_pupil do instead nothing"),
        ("a column", "alter table municipal.dim_pupil drop column grade"),
        ("a comment", "comment on table municipal.dim_pupil is 'forged'"),
        ("into a table", "copy municipal.dim_pupil from program 'echo'"),
        ("the statistics", "select pg_clear_relation_stats('municipal', 'dim_pupil')"),
    )
)

ATTACKS = (*READING, *BECOMING, *SHADOWING, *OTHER_SCHEMAS, *STATISTICS, *SERVER, *WRITING)
