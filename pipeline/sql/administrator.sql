-- What only a superuser can close to readers: run it in the warehouse's database, and again after an upgrade or a
-- restore. Row-level security hides rows; these hide how many rows there are that somebody else owns. The owner of the
-- database keeps what it needs.
do $$
declare
    statement text;
begin
    -- A leakproof operator is tried on rows before the policy is: with an index on the column, `explain analyze` then
    -- tells how many rows of others have a value. Without the mark the policy comes first, always.
    for statement in
        select format('alter %s %s not leakproof', case prokind when 'a' then 'aggregate' else 'function' end, oid::regprocedure)
        from pg_catalog.pg_proc where proleakproof and pronamespace = 'pg_catalog'::regnamespace
    loop
        execute statement;
    end loop;

    -- Counters and sizes of any table; the place of a row that cannot be read; locks that hold up a release; large
    -- objects, which anybody could write. Of sessions, each sees its own.
    for statement in
        select format('revoke execute on function %1$s from public; grant execute on function %1$s to pg_database_owner',
            oid::regprocedure)
        from pg_catalog.pg_proc
        where
            pronamespace = 'pg_catalog'::regnamespace
            and (
                proname ~ '^pg_stat_get_' and proname !~ '^pg_stat_get_(activity|backend_)'
                or proname ~ '^pg_(relation|table|indexes|total_relation|database|tablespace)_size$'
                or proname ~ '^pg_(try_)?advisory_(xact_)?lock'
                or proname ~ '^pg_current_wal_'
                or proname in ('currtid2', 'lo_creat', 'lo_create', 'lo_from_bytea', 'pg_logical_emit_message')
            )
    loop
        execute statement;
    end loop;

    -- All of pg_class but the number of rows and pages.
    select format('grant select (%s) on pg_catalog.pg_class to public', string_agg(quote_ident(attname), ', '))
    into statement
    from pg_catalog.pg_attribute
    where
        attrelid = 'pg_catalog.pg_class'::regclass
        and attname not in ('relpages', 'reltuples', 'relallvisible', 'relallfrozen');
    revoke select on pg_catalog.pg_class from public;
    execute statement;
    grant select on pg_catalog.pg_class to pg_database_owner;
end
$$;
