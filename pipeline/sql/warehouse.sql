-- The warehouse's fixed tables; every statement can be run again. Landing tables are made from contracts/ instead.

create schema if not exists landing;
create schema if not exists staging;
create schema if not exists harmonised;
create schema if not exists candidate;
create schema if not exists candidate_municipal;
create schema if not exists municipal;
create schema if not exists reporting;
create schema if not exists reference;
create schema if not exists ops;

comment on schema landing is 'What was delivered, typed, with pseudonyms only. / Toimitettu tieto, tyypitettynä ja pseudonymisoituna.';
comment on schema staging is 'Deliveries in regional words. / Toimitukset alueen käsittein.';
comment on schema harmonised is 'One regional truth. / Yksi alueellinen totuus.';
comment on schema candidate is 'Marts of the release under way, not yet checked. / Tekeillä olevan julkaisun taulut, tarkistamatta.';
comment on schema candidate_municipal is 'Detail of the release under way, not yet checked. / Tekeillä olevan julkaisun yksityiskohdat, tarkistamatta.';
comment on schema municipal is 'Detail of one municipality, own rows only. / Kunnan omat yksityiskohtaiset tiedot.';
comment on schema reporting is 'Published, protected tables. / Julkaistut, suojatut taulut.';
comment on schema reference is 'Codes, schools, definitions. / Koodit, koulut, määritelmät.';
comment on schema ops is 'Deliveries, rejected rows, quality results, releases. / Toimitukset, hylätyt rivit, laatutulokset, julkaisut.';

create table if not exists ops.delivery (
    delivery_id integer not null,
    dataset text not null check (dataset in ('enrolment', 'absence', 'support', 'school_day')),
    delivery text not null,
    municipality text not null,
    night date not null,
    school_year smallint not null,
    status text not null check (
        status in ('received', 'accepted', 'held', 'refused', 'unchanged', 'failed', 'superseded')
    ),
    reason_en text,
    reason_fi text,
    rows_in integer not null default 0,
    rows_landed integer not null default 0,
    rows_rejected integer not null default 0,
    non_data integer not null default 0,
    extent text check (extent in ('full', 'window', 'chain', 'month')),
    covers_from date,
    covers_to date,
    as_of timestamptz,
    since timestamptz,
    content_digest text,
    first_received date,
    received_at timestamptz not null default now(),
    decided_at timestamptz,
    primary key (delivery_id, dataset),
    check (rows_in = rows_landed + rows_rejected),
    check ((covers_from is null) = (covers_to is null))
);
-- Of a warehouse that was made without it.
alter table ops.delivery add column if not exists first_received date;
comment on table ops.delivery is
'One row a municipality, dataset and delivery. Always: rows_in = rows_landed + rows_rejected. first_received: the night
on which the same bytes came first, of a file without a date of its own.';
create index if not exists delivery_by_night on ops.delivery (municipality, night);
create sequence if not exists ops.delivery_id as integer;

create table if not exists ops.rejected_row (
    delivery_id integer not null,
    dataset text not null,
    row_number integer not null,
    column_name text,
    rule text not null,
    message_fi text not null,
    message_en text not null,
    pupil_ref uuid,
    day date,
    school_number text,
    earliest_date date,
    latest_date date,
    record_key uuid,
    primary key (delivery_id, dataset, row_number)
);
-- Of warehouses that were made without them.
alter table ops.rejected_row add column if not exists latest_date date;
alter table ops.rejected_row add column if not exists record_key uuid;
comment on table ops.rejected_row is
'Every row that came in and was not landed, with its rule. pupil_ref, day, school_number, earliest_date and latest_date
are what could be read of it: they decide which days are not covered, until a later version of the same record_key
comes. Never a personal value.';

create table if not exists ops.unmapped_code (
    delivery_id integer not null,
    dataset text not null,
    kind text not null,
    source_code text not null,
    row_count integer not null,
    primary key (delivery_id, dataset, kind, source_code)
);
comment on table ops.unmapped_code is 'Codes of a delivery that the municipality''s folder does not know.';

create table if not exists ops.finding (
    delivery_id integer not null,
    dataset text not null,
    rule text not null,
    severity text not null check (severity in ('info', 'warning', 'critical')),
    row_count integer not null,
    message_fi text not null,
    message_en text not null,
    primary key (delivery_id, dataset, rule)
);
comment on table ops.finding is 'What was noticed in a delivery that neither rejects a row nor holds the delivery by itself.';

create table if not exists ops.quality_result (
    run_id text not null,
    stage text not null check (stage in ('delivery', 'harmonised', 'release')),
    municipality text,
    delivery_id integer,
    release_number integer,
    suite text not null,
    check_id text not null,
    expectation_type text not null,
    severity text not null check (severity in ('info', 'warning', 'critical')),
    outcome text not null check (outcome in ('passed', 'failed', 'not_applicable', 'error')),
    numerator bigint,
    denominator bigint,
    threshold double precision,
    message_fi text not null,
    message_en text not null,
    meta jsonb not null default '{}',
    checked_at timestamptz not null default now(),
    primary key (run_id, suite, check_id)
);
comment on table ops.quality_result is 'One row a check and run; numerator = rows that violate, of denominator.';

create table if not exists ops.release (
    release_number integer primary key,
    night date not null,
    by_hand boolean not null,
    status text not null check (status in ('building', 'published', 'refused', 'failed')),
    is_current boolean not null default false,
    code_version text not null,
    created_at timestamptz not null default clock_timestamp(),
    published_at timestamptz,
    reason text,
    durations jsonb not null default '{}'
);
create unique index if not exists one_current_release on ops.release (is_current) where is_current;
comment on table ops.release is 'One row a release, also the refused and failed ones; is_current is what reporting shows.';

create table if not exists ops.release_delivery (
    release_number integer not null references ops.release,
    municipality text not null,
    dataset text not null,
    delivery_id integer not null,
    primary key (release_number, dataset, delivery_id)
);
comment on table ops.release_delivery is 'The accepted deliveries that a release was built from.';

create table if not exists ops.release_table (
    release_number integer not null references ops.release,
    table_name text not null,
    row_count integer not null,
    suppressed_count integer not null,
    checksum text not null,
    primary key (release_number, table_name)
);
comment on table ops.release_table is 'What a release put into reporting: rows, withheld rows, and a checksum of the bytes.';

create table if not exists ops.published_part (
    part_id integer generated always as identity primary key,
    release_number integer not null references ops.release,
    table_name text not null,
    period text not null,
    first_night date not null,
    is_corrected boolean not null,
    row_count integer not null,
    suppressed_count integer not null,
    checksum text not null
);
comment on table ops.published_part is
'The rows of one period of a table of reporting, as they were first shown or as they were corrected; a release is made of
parts. first_night: of the release that showed the period first. release_number: the release that made the part.';

create table if not exists ops.published_row (
    part_id integer not null references ops.published_part on delete cascade,
    row_number integer not null,
    content jsonb not null,
    primary key (part_id, row_number)
);
comment on table ops.published_row is 'The published rows as they were shown: what a rollback restores.';

create table if not exists ops.release_part (
    release_number integer not null references ops.release,
    part_id integer not null references ops.published_part,
    primary key (release_number, part_id)
);
create index if not exists release_part_by_part on ops.release_part (part_id);
comment on table ops.release_part is 'The parts that a release shows.';

create table if not exists ops.shown_part (
    part_id integer primary key,
    table_name text not null,
    period text not null
);
comment on table ops.shown_part is 'The parts that reporting shows now.';

create table if not exists ops.release_change (
    release_number integer not null references ops.release,
    table_name text not null,
    period text not null,
    change text not null check (change in ('new', 'corrected')),
    row_count integer not null,
    pending_count integer not null,
    primary key (release_number, table_name, period)
);
comment on table ops.release_change is
'What a release shows that the one before did not: a period that was closed, or one that was corrected, as each is once.';

create table if not exists ops.disclosure_decision (
    release_number integer not null references ops.release,
    count_name jsonb not null,
    happened_on text not null,
    value integer not null,
    decision text not null check (decision in ('shown', 'primary', 'complementary', 'pending')),
    shown integer
);
create index if not exists disclosure_decision_by_day on ops.disclosure_decision (happened_on);
comment on table ops.disclosure_decision is
'What was decided of each count, and what it was in truth. pending: readers keep seeing what was published before.';

create table if not exists ops.published_cell (
    release_number integer not null references ops.release,
    cell jsonb not null,
    shown integer,
    truth integer not null,
    is_pending boolean not null
);
create index if not exists published_cell_by_day on ops.published_cell ((cell ->> 'day'));
comment on table ops.published_cell is
'What readers were ever shown of each count, in the audit''s words; outlives the releases, since a reader does not forget.';

create table if not exists reporting.release (
    release_number integer primary key,
    night date not null,
    published_at timestamptz not null,
    code_version text not null
);
comment on table reporting.release is
'Mikä julkaisu on näkyvissä (aina yksi rivi). / The release that is shown (always one row).';

create table if not exists reporting.release_change (
    release_number integer not null,
    table_name text not null,
    period text not null,
    change text not null,
    row_count integer not null,
    pending_count integer not null,
    primary key (table_name, period)
);
comment on table reporting.release_change is
'Mitä näkyvissä oleva julkaisu muutti: uusi suljettu jakso (new) tai kerran korjattu jakso (corrected). / What the release
that is shown changed: a newly closed period (new), or one that was corrected, as each is once (corrected).';
comment on column reporting.release_change.pending_count is
'Rivit, joilla korjaus odottaa, koska se kertoisi yksittäisistä oppilaista. / Rows whose correction waits, since it would
tell of single pupils.';

create table if not exists ops.erasure (
    erasure_id integer generated always as identity primary key,
    erased_at timestamptz not null default clock_timestamp(),
    municipalities text[] not null,
    row_count integer not null,
    archived_deliveries integer not null
);
comment on table ops.erasure is 'What `tukiverkko forget` removed, without saying whose it was.';

create table if not exists ops.candidate_delivery (
    delivery_id integer not null,
    dataset text not null,
    primary key (delivery_id, dataset)
);
comment on table ops.candidate_delivery is
'The accepted deliveries that were chosen for the build under way; models see deliveries only through this table.';

create table if not exists ops.night_outcome (
    municipality text not null,
    night date not null,
    status text not null,
    delivery text,
    reason_en text,
    reason_fi text,
    durations jsonb not null default '{}',
    reported_at timestamptz not null default clock_timestamp(),
    primary key (municipality, night)
);
comment on table ops.night_outcome is 'How each municipality''s night ended, also when nothing came.';

create table if not exists ops.decision (
    decision_id integer generated always as identity primary key,
    delivery_id integer not null,
    verdict text not null check (verdict in ('accept', 'refuse')),
    reason text not null check (reason <> ''),
    decided_by text not null check (decided_by <> ''),
    decided_at timestamptz not null default clock_timestamp(),
    held_for text[] not null
);
comment on table ops.decision is
'What a person decided on a held delivery, and why; the last one holds. held_for: the checks (suite.check_id) that had
failed when it was decided: an acceptance covers these, and no others that fail when the delivery is read again.';
create index if not exists decision_by_delivery on ops.decision (delivery_id);

create table if not exists ops.finding_look (
    look_id bigint generated always as identity primary key,
    municipality text not null,
    stage text not null check (stage in ('rows', 'delivery', 'harmonised_rows', 'harmonised', 'release')),
    night date not null,
    delivery_id integer,
    release_number integer,
    looked_at timestamptz not null default clock_timestamp(),
    unique nulls not distinct (stage, municipality, delivery_id, release_number),
    check (num_nonnulls(delivery_id, release_number) = 1)
);
comment on table ops.finding_look is
'One row each time that a municipality (or the whole region) was looked at: without a look nothing is known.';

create table if not exists ops.finding_observation (
    look_id bigint not null references ops.finding_look on delete cascade,
    rule text not null,
    severity text not null check (severity in ('info', 'warning', 'critical')),
    outcome text not null check (outcome in ('passed', 'failed', 'not_applicable', 'error')),
    row_count bigint,
    message_fi text not null,
    message_en text not null,
    primary key (look_id, rule)
);
comment on table ops.finding_observation is
'What a look saw of each rule. At the stages rows and harmonised_rows every rule is applied at each look, and only those
that something broke are written; at the others every check is written with its outcome.';

-- A finding is open from the first night on which its rule was broken, or could not be evaluated, until a night on which
-- it was looked at and held. A night on which there was nothing to look at says neither.
create or replace view ops.finding_life as
with looked as (
    select look.look_id, look.municipality, look.stage, look.night
    from ops.finding_look as look
    left join ops.delivery as delivery on look.delivery_id = delivery.delivery_id and delivery.dataset = 'enrolment'
    where
        delivery.status is distinct from 'superseded'
        and not exists (
            select from ops.finding_look as later
            where
                later.stage = look.stage and later.municipality = look.municipality and later.night = look.night
                and later.release_number > look.release_number
        )
),

latest as (
    select municipality, stage, max(night) as night from looked group by municipality, stage
),

-- Most rules are never broken, and cost nothing here.
known as (
    select distinct looked.municipality, looked.stage, observation.rule
    from looked
    inner join ops.finding_observation as observation on looked.look_id = observation.look_id
    where observation.outcome in ('failed', 'error')
),

seen as (
    select
        known.municipality, known.stage, known.rule, looked.night,
        coalesce(observation.outcome, 'passed') as outcome,
        observation.severity, observation.row_count, observation.message_fi, observation.message_en
    from known
    inner join looked on known.municipality = looked.municipality and known.stage = looked.stage
    left join ops.finding_observation as observation
        on looked.look_id = observation.look_id and known.rule = observation.rule
    where observation.look_id is not null or known.stage in ('rows', 'harmonised_rows')
),

-- Two deliveries of one night (two school years) count as their worse.
nightly as (
    select distinct on (municipality, stage, rule, night)
        municipality, stage, rule, night, outcome, severity, message_fi, message_en,
        (sum(row_count) filter (where outcome = 'failed') over (partition by municipality, stage, rule, night))::bigint
            as row_count
    from seen
    order by
        municipality, stage, rule, night,
        array_position(array['failed', 'error', 'passed', 'not_applicable'], outcome),
        array_position(array['critical', 'warning', 'info'], severity), row_count desc nulls last
),

decisive as (
    select
        *,
        outcome <> 'passed' as is_open,
        count(*) filter (where outcome = 'passed') over (partition by municipality, stage, rule order by night)
            as passes
    from nightly
    where outcome <> 'not_applicable'
),

episode as (
    select
        municipality, stage, rule, passes,
        min(night) as starts_on,
        min(night) filter (where is_open) as first_night,
        max(night) filter (where is_open) as last_night,
        count(*) filter (where is_open) as nights,
        (array_agg(outcome order by night desc) filter (where is_open))[1] as outcome,
        (array_agg(severity order by night desc) filter (where is_open))[1] as severity,
        (array_agg(row_count order by night desc) filter (where is_open))[1] as row_count,
        (array_agg(message_fi order by night desc) filter (where is_open))[1] as message_fi,
        (array_agg(message_en order by night desc) filter (where is_open))[1] as message_en
    from decisive
    group by municipality, stage, rule, passes
),

ended as (
    select *, lead(starts_on) over (partition by municipality, stage, rule order by passes) as resolved_night
    from episode
)

select
    ended.municipality, ended.stage, ended.rule,
    case
        when ended.resolved_night is not null then 'resolved'
        when ended.first_night = latest.night then 'new'
        else 'persisting'
    end as life,
    ended.severity, ended.outcome, ended.row_count, ended.first_night, ended.last_night, ended.nights,
    ended.resolved_night, latest.night as looked_night, ended.message_fi, ended.message_en
from ended
inner join latest on ended.municipality = latest.municipality and ended.stage = latest.stage
where ended.first_night is not null;
comment on view ops.finding_life is
'Findings over the nights, one row an unbroken run: new (open since the newest look), persisting (open for longer, or not
looked at since), resolved (looked at again, and it held). Never resolved by nothing to check, nor by an error.';

create table if not exists ops.receipt (
    delivery_id integer not null,
    digest text not null,
    channel text not null check (channel in ('sftp', 'rest', 'share', 'email', 'none')),
    status text not null check (status in ('due', 'sent', 'kept', 'failed', 'replaced')),
    attempts integer not null default 0,
    problem text,
    made_at timestamptz not null default clock_timestamp(),
    sent_at timestamptz,
    primary key (delivery_id, digest)
);
comment on table ops.receipt is
'What was told back to a source of a delivery: one row a different content. kept: nobody to send it to by machine, so it
waits in the state folder; failed: tried again at the municipality''s next night; replaced: a newer one went instead.';

create table if not exists ops.incident (
    kind text not null check (kind in ('task_failed', 'night_late')),
    dag_id text not null,
    task_id text not null,
    municipality text,
    night date not null,
    happened_at timestamptz not null default clock_timestamp(),
    over_at timestamptz,
    primary key (kind, dag_id, task_id, night)
);
comment on table ops.incident is
'What only the scheduler knows: a task that failed after its last try, a night that missed its deadline. over_at: when the
same task succeeded again; what the ledger knows by itself (a later outcome or release) ends an incident too.';

create table if not exists ops.alert (
    alert_id bigint generated always as identity primary key,
    audience text not null,
    kind text not null,
    municipality text not null,
    subject text not null,
    state text not null,
    told_state text,
    opened_at timestamptz not null default clock_timestamp(),
    told_at timestamptz,
    resolved_at timestamptz,
    resolution_told_at timestamptz,
    attempts integer not null default 0,
    problem text
);
create unique index if not exists one_open_alert
on ops.alert (audience, kind, municipality, subject) where resolved_at is null;
comment on table ops.alert is
'What is to be told to whom, and what was: one row a problem and audience (engineers, or a municipality''s contact) while
it lasts. It is told again when state is no longer told_state. problem: why the last mail did not go; it is tried again.';

create table if not exists reference.municipality (
    municipality text primary key,
    code text not null unique,
    name_fi text not null,
    name_sv text not null,
    name_en text not null,
    absence_grain text not null check (absence_grain in ('lesson', 'interval', 'day', 'month')),
    absence_classes text[] not null,
    valid_from date not null
);
comment on column reference.municipality.absence_classes is
'The absence classes that the source can send; the others are not_collected.';

create table if not exists reference.school (
    municipality text not null,
    school_number text not null,
    name_fi text not null,
    valid_from date not null,
    valid_to date,
    primary key (municipality, school_number)
);

create table if not exists reference.municipal_reader (
    role_name text primary key,
    municipality text not null
);
comment on table reference.municipal_reader is
'Whose rows of municipal a role reads: itself and its members. / Minkä kunnan rivit rooli jäsenineen näkee.';

create table if not exists reference.home_municipality_crosswalk (
    municipality text not null,
    source_value text not null,
    municipality_code text not null,
    primary key (municipality, source_value)
);

create table if not exists reference.absence_crosswalk (
    municipality text not null,
    source_code text not null,
    cleared text,
    absence_class text not null,
    valid_from date not null,
    valid_to date,
    reviewed_by text not null,
    reviewed_on date not null,
    unique nulls not distinct (municipality, source_code, cleared, valid_from)
);

create table if not exists reference.support_crosswalk (
    municipality text not null,
    support_code text not null,
    kind text not null check (kind in ('intensified', 'special', 'decision')),
    regime smallint not null check (regime in (2011, 2025)),
    implied_marks text[] not null,
    contradiction boolean not null,
    valid_from date not null,
    valid_to date,
    reviewed_by text not null,
    reviewed_on date not null,
    primary key (municipality, support_code, valid_from)
);

create table if not exists reference.mark_crosswalk (
    municipality text not null,
    source_code text not null,
    mark text not null,
    valid_from date not null,
    valid_to date,
    reviewed_by text not null,
    reviewed_on date not null,
    primary key (municipality, source_code, valid_from)
);

create table if not exists reference.form_crosswalk (
    municipality text not null,
    source_code text not null,
    form text not null check (form in ('basic', 'flexible', 'preparatory', 'home', 'hospital')),
    valid_from date not null,
    valid_to date,
    reviewed_by text not null,
    reviewed_on date not null,
    primary key (municipality, source_code, valid_from)
);
