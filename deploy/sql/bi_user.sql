-- Makes a login for a person or a BI tool that reads what one bi_* role may read. Run with psql in the warehouse:
--   psql --dbname tukiverkko --set login=anna --set member_of=bi_kuopio --file bi_user.sql
-- then set its password with \password, which sends only a SCRAM verifier. Running it again changes nothing.
\set ON_ERROR_STOP on
begin;
select format('create role %I login', :'login')
where not exists (select from pg_roles where rolname = :'login') \gexec
-- A runaway query of a dashboard must not hold up the night.
alter role :"login" connection limit 10;
alter role :"login" set statement_timeout = '5min';
alter role :"login" set idle_in_transaction_session_timeout = '5min';
alter role :"login" set default_transaction_read_only = on;
grant connect on database :"DBNAME" to :"member_of";
grant :"member_of" to :"login";
commit;
