"""What a municipality reads of its own pupils: real releases of a few pupils, real roles, real policies."""

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from typing import Any

import psycopg
import pytest
from psycopg import sql

from connectors.config import load_municipalities
from pipeline import access, municipal
from pipeline.access import NotProtected
from pipeline.embedded_postgres import EmbeddedPostgres
from pipeline.municipal import Change, Model, municipal_models
from pipeline.reference import load_reference
from pipeline.settings import PROJECT_ROOT, Settings
from pipeline.transform import build
from pipeline.warehouse import connect, prepare, warehouse_url
from tests.attacks.snapshot import rights
from tests.dbt.tiny import (
    TinyWarehouse,
    enrolment,
    hours,
    interval,
    key,
    mark,
    month_hours,
    school_days,
    support,
    weekdays,
)

# Weekdays from Monday 11 August 2025 to Friday 29 May 2026, 6 lessons each.
YEAR = weekdays("2025-08-11", 210)
NIGHT = "2026-06-25"
NAMES = ("iisalmi", "kuopio", "siilinjarvi", "varkaus")


@dataclass(frozen=True)
class Region:
    """A warehouse with one published release of five pupils or so a municipality."""

    settings: Settings
    warehouse: TinyWarehouse
    admin_url: str

    def rows(self, query: str, role: str | None = None) -> list[tuple[Any, ...]]:
        """What the query gives, to the pipeline or to a role."""
        if role is None:
            with connect(self.settings) as connection:
                return connection.execute(query).fetchall()  # type: ignore[call-overload, no-any-return]
        with psycopg.connect(self.admin_url) as connection:
            connection.execute(sql.SQL("set role {}").format(sql.Identifier(role)))
            return connection.execute(query).fetchall()  # type: ignore[call-overload, no-any-return]

    def do(self, *statements: str) -> None:
        """As an administrator."""
        with psycopg.connect(self.admin_url) as connection:
            for statement in statements:
                connection.execute(statement)  # type: ignore[call-overload]

    @contextmanager
    def trial(self) -> Iterator["Trial"]:
        """A transaction that is rolled back."""
        with connect(self.settings) as connection:
            owner = connection.info.user
        with psycopg.connect(self.admin_url) as connection:
            trial = Trial(connection, owner, self.models())
            trial.keep_candidate()
            yield trial
            connection.rollback()

    def tables(self) -> list[str]:
        return [model.name for model in self.models()]

    def models(self) -> list[Model]:
        return municipal_models(self.settings.dbt_target)

    def publish(self) -> dict[str, Change]:
        """What a release does with municipal detail, in one transaction."""
        with connect(self.settings) as connection:
            return publish(connection, self.models())


def publish(connection: psycopg.Connection, models: list[Model]) -> dict[str, Change]:
    """What a release does with municipal detail, with the gate behind it."""
    changes = municipal.publish(connection, models)
    access.check(connection, models)
    return changes


def fill(warehouse: TinyWarehouse) -> None:
    """Pupils of grade 7. One leaves Kuopio for Varkaus at New Year; one has no grade, and a home that nobody knows; one
    is enrolled in two municipalities on the same days, so that one of them teaches it on no day."""
    days = school_days("kuopio", YEAR)
    warehouse.deliver(
        "kuopio",
        "2026-06-25",
        covers=("2025-08-01", "2026-06-24"),
        enrolment=[
            enrolment("kuopio", "steady"),
            enrolment("kuopio", "mover", last="2025-12-31"),
            enrolment("kuopio", "newcomer", grade=None, form="VAL", home_municipality="Narnia"),
            enrolment("kuopio", "displaced", first="2025-08-11", last="2025-12-31"),
            enrolment("kuopio", "abroad", home_municipality="091"),
        ],
        school_day=days,
        absence=[mark("steady", "2025-10-01", lesson, "S") for lesson in range(1, 7)]
        + [mark("steady", "2025-10-02", 1, "M", 10), mark("mover", "2025-10-01", 1, "LU")],
        support=[
            support("kuopio", "steady", "TUPA-ELK", "2025-10-01", marks=["AVU"]),
            support("kuopio", "mover", "ERIT", "2025-08-11", placement=2),
        ],
    )
    warehouse.deliver(
        "siilinjarvi",
        "2026-06-25",
        enrolment=[
            enrolment("siilinjarvi", "clock"),
            enrolment("siilinjarvi", "displaced", first="2025-08-11", last="2025-12-31", school="07748"),
        ],
        school_day=school_days("siilinjarvi", YEAR),
        absence=[interval("c", "clock", "2025-10-01 08:15", "2025-10-01 10:15", "SICK")],
        support=[support("siilinjarvi", "clock", "2025 DECISION", "2025-10-01", marks=["AIDS"], placement=2)],
    )
    warehouse.deliver(
        "iisalmi",
        "2026-06-25",
        enrolment=[enrolment("iisalmi", "daily")],
        school_day=school_days("iisalmi", YEAR),
        absence=[hours("daily", "2025-10-01", 6, "3")],
        support=[],
    )
    warehouse.deliver(
        "varkaus",
        "2026-06-25",
        enrolment=[enrolment("varkaus", "mover", first="2026-01-01"), enrolment("varkaus", "monthly")],
        school_day=school_days("varkaus", YEAR),
        absence=month_hours("mover", "2026-02-01", 12, 0, 0, 0) + month_hours("monthly", "2025-10-01", 0, 3, 0, 0),
        support=[],
    )


@dataclass(frozen=True)
class Trial:
    """A transaction of an administrator, who acts as the pipeline or a reader."""

    connection: psycopg.Connection
    owner: str
    models: list[Model]

    def keep_candidate(self) -> None:
        """Makes tables of the candidate's views, so that a test can change what is to be published."""
        self._become(self.owner)
        names = [model.name for model in self.models]
        for name in names:
            self.connection.execute(
                f"create table candidate_municipal.kept_{name} (like candidate_municipal.{name} including comments)"
            )
            self.connection.execute(
                f"insert into candidate_municipal.kept_{name} select * from candidate_municipal.{name}"
            )
        comments = self.connection.execute(
            """
            select relname, obj_description(oid, 'pg_class') from pg_class
            where relnamespace = 'candidate_municipal'::regnamespace and relname = any(%s)
            """,
            (names,),
        ).fetchall()
        for name in names:
            self.connection.execute(f"drop view if exists candidate_municipal.{name} cascade")
            self.connection.execute(f"alter table candidate_municipal.kept_{name} rename to {name}")
        for name, comment in comments:
            subject = sql.Identifier("candidate_municipal", name)
            self.connection.execute(sql.SQL("comment on table {} is {}").format(subject, sql.Literal(comment)))

    def rows(self, query: str, role: str | None = None) -> list[tuple[Any, ...]]:
        with self.connection.transaction():
            self._become(role or self.owner)
            return self.connection.execute(query).fetchall()  # type: ignore[call-overload, no-any-return]

    def do(self, *statements: str) -> None:
        self.connection.execute("reset role")
        for statement in statements:
            self.connection.execute(statement)  # type: ignore[call-overload]

    def publish(self) -> dict[str, Change]:
        with self.connection.transaction():
            self._become(self.owner)
            return publish(self.connection, self.models)

    def _become(self, role: str) -> None:
        self.connection.execute(sql.SQL("set role {}").format(sql.Identifier(role)))


@pytest.fixture(scope="module")
def region(postgres: EmbeddedPostgres, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Region]:
    name = f"municipal_{secrets.token_hex(6)}"
    settings = Settings(
        home=tmp_path_factory.mktemp("municipal"),
        database_url=postgres.create_database(name),
        municipalities=PROJECT_ROOT / "municipalities",
    )
    municipalities = load_municipalities(settings.municipalities)
    with connect(settings) as connection:
        prepare(connection, [one.name for one in municipalities])
        load_reference(connection, municipalities)
        warehouse = TinyWarehouse(connection, warehouse_url(settings), settings.dbt_target)
        fill(warehouse)
        warehouse.build(NIGHT, select="resource_type:seed +tag:municipal,resource_type:model")
        made = Region(settings, warehouse, postgres.admin_url.rsplit("/", 1)[0] + f"/{name}")
        made.publish()
        yield made
        connection.rollback()
    with psycopg.connect(postgres.admin_url, autocommit=True) as admin:
        admin.execute(f'drop database "{name}" with (force)')


def test_every_model_is_published_as_it_is_in_the_candidate(region: Region) -> None:
    assert {"dim_pupil", "fact_absence", "early_warning"} <= set(region.tables())
    for table in region.tables():
        for one, other in (("municipal", "candidate_municipal"), ("candidate_municipal", "municipal")):
            query = f"select * from {one}.{table} except all select * from {other}.{table}"
            assert region.rows(query) == [], (table, one)
        is_filled = region.rows(f"select count(*) > 0 from municipal.{table}")[0][0]
        # Nobody of these few crosses a tier on the last Sunday.
        assert is_filled or table.startswith("early_warning"), table


@pytest.mark.parametrize("municipality", NAMES)
def test_a_municipality_sees_its_own_rows_and_no_others(region: Region, municipality: str) -> None:
    for model in region.models():
        every = region.rows(f"select * from municipal.{model.name}")
        seen = region.rows(f"select * from municipal.{model.name}", f"bi_{municipality}")
        if model.is_shared:
            assert seen == every, model.name
        else:
            own = f"select * from municipal.{model.name} where municipality = '{municipality}'"
            assert sorted(seen, key=repr) == sorted(region.rows(own), key=repr), model.name
            assert len(seen) < len(every) or not every, model.name


def test_a_member_of_a_role_sees_its_rows_and_one_of_nothing_none(region: Region) -> None:
    region.do("create role anna nologin; grant bi_kuopio to anna")
    query = "select distinct municipality from municipal.fact_enrolment order by 1"
    try:
        assert region.rows(query, "anna") == [("kuopio",)]
        region.do("grant bi_varkaus to anna")
        assert region.rows(query, "anna") == [("kuopio",), ("varkaus",)]
        # Rights that somebody gave by hand open no rows.
        region.do("revoke bi_kuopio, bi_varkaus from anna")
        region.do("grant usage on schema municipal, reference to anna")
        region.do("grant select on municipal.fact_enrolment, reference.municipal_reader to anna")
        assert region.rows(query, "anna") == []
        with pytest.raises(NotProtected, match=r"municipal_reader: anna has SELECT \[revoke select on"):
            region.publish()
        region.do("revoke usage on schema reference from anna")
        region.do("revoke select on reference.municipal_reader from anna; revoke usage on schema municipal from anna")
        region.publish()
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            region.rows(query, "anna")
    finally:
        region.do("drop owned by anna; drop role anna")


def test_the_region_sees_nothing_of_it(region: Region) -> None:
    for table in region.tables():
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            region.rows(f"select * from municipal.{table}", "bi_region")
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        region.rows("select * from candidate_municipal.fact_absence", "bi_kuopio")


def test_a_reader_changes_nothing(region: Region) -> None:
    for statement in (
        "delete from municipal.dim_date",
        "update reference.municipal_reader set municipality = 'varkaus'",
    ):
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            region.rows(statement, "bi_kuopio")


def test_a_bi_tool_finds_the_keys(region: Region) -> None:
    """As a reader, in both catalogues that tools ask."""
    found = region.rows(
        """
        select f.table_name, f.column_name, p.table_name, p.column_name
        from information_schema.referential_constraints as r
        inner join information_schema.key_column_usage as f
            on r.constraint_schema = f.constraint_schema and r.constraint_name = f.constraint_name
        inner join information_schema.key_column_usage as p
            on r.unique_constraint_schema = p.constraint_schema and r.unique_constraint_name = p.constraint_name
        where r.constraint_schema = 'municipal'
        """,
        "bi_kuopio",
    )
    wanted = {(model.name, column, table) for model in region.models() for column, table in model.references.items()}
    assert {row[:3] for row in found} == wanted
    assert {
        ("fact_absence", "date_key", "dim_date", "date_key"),
        ("fact_absence", "pupil_key", "dim_pupil", "pupil_key"),
        ("dim_pupil", "home_municipality", "dim_municipality", "municipality"),
    } <= set(found)
    catalogue = region.rows(
        """
        select conrelid::regclass::text, contype::text, count(*) from pg_constraint
        where connamespace = 'municipal'::regnamespace and contype in ('p', 'f') group by 1, 2
        """,
        "bi_kuopio",
    )
    for model in region.models():
        assert (f"municipal.{model.name}", "p", 1) in catalogue
        assert not model.references or (f"municipal.{model.name}", "f", len(model.references)) in catalogue


def test_every_table_and_column_says_what_it_is_in_both_languages(region: Region) -> None:
    comments = region.rows(
        """
        select c.relname, a.attname, col_description(c.oid, a.attnum), obj_description(c.oid, 'pg_class')
        from pg_class as c inner join pg_attribute as a on a.attrelid = c.oid and a.attnum > 0
        where c.relnamespace = 'municipal'::regnamespace and c.relkind = 'r'
        """,
        "bi_kuopio",
    )
    assert len(comments) > 100
    assert [row for row in comments if " / " not in (row[2] or "") or " / " not in (row[3] or "")] == []


def test_no_fact_loses_a_row_in_its_dimensions(region: Region) -> None:
    for model in region.models():
        joins = " ".join(
            f"inner join municipal.{table} as d{n} on f.{column} = d{n}.{primary_key(region, table)}"
            for n, (column, table) in enumerate(model.references.items())
        )
        joined = region.rows(f"select count(*) from municipal.{model.name} as f {joins}")
        assert joined == region.rows(f"select count(*) from municipal.{model.name}"), model.name
        nulls = " or ".join(f"{column} is null" for column in model.references)
        assert not nulls or region.rows(f"select * from municipal.{model.name} where {nulls}") == [], model.name


def test_what_is_not_known_has_a_member(region: Region) -> None:
    assert pupil(region, "newcomer", "home_municipality, grade, form") == [("unknown", None, "preparatory")]
    assert pupil(region, "abroad", "home_municipality") == [("other",)]
    assert pupil(region, "displaced", "municipality, school_key") == [
        ("kuopio", "kuopio/unknown"),
        ("siilinjarvi", "siilinjarvi/07748"),
    ]


def test_nothing_of_the_regional_key_is_there(region: Region) -> None:
    people = [row[0] for row in region.rows("select distinct person_key from harmonised.person_reference")]
    assert len(people) > 5
    columns = region.rows(
        "select table_name, column_name, data_type from information_schema.columns where table_schema = 'municipal'"
    )
    assert not [row for row in columns if row[1] in ("person_key", "hetu_key", "oppijanumero_key")]
    for table, column, kind in columns:
        if kind in ("uuid", "text"):
            found = region.rows(f"select distinct {column}::text from municipal.{table}")
            assert not {value for (value,) in found} & {str(one) for one in people}, (table, column)


def test_a_pupil_who_moved_is_two_and_each_municipality_sees_its_own_lessons(region: Region) -> None:
    months = """
        select date_key, is_population, scheduled_lessons, absent_lessons from municipal.fact_attendance_month
        where pupil_key = '{}' and absent_lessons is not null order by 1
    """
    # 15, 22, 23, 20 and 23 weekdays, 6 lessons each; one of them away in October.
    autumn = region.rows(months.format(key("kuopio", "mover")), "bi_kuopio")
    assert [(month.month, *rest) for month, *rest in autumn] == [
        (8, True, 90, 0),
        (9, True, 132, 0),
        (10, True, 138, 1),
        (11, True, 120, 0),
        (12, True, 138, 0),
    ]
    assert region.rows(months.format(key("varkaus", "mover")), "bi_kuopio") == []
    # Varkaus has one month on paper: 20 weekdays of February, 12 of 120 lessons away.
    spring = region.rows(months.format(key("varkaus", "mover")), "bi_varkaus")
    assert spring == [(date(2026, 2, 28), True, 120, 12)]
    # The tier of the year to date is over both: 618 + 120 lessons, of which 13 away, but too little is known of spring.
    tier = region.rows(
        f"""
        select tier, no_tier_reason, covered_lessons, absent_lessons from municipal.fact_attendance_tier
        where pupil_key = '{key("varkaus", "mover")}' and period_type = 'school_year' and date_key = '2026-05-31'
        """,
        "bi_varkaus",
    )
    assert tier == [("none", "low_coverage", 738, 13)]


def test_absences_are_by_day_or_by_month(region: Region) -> None:
    query = """
        select p.municipality, date_key, grain, absence_class, lessons, late_marks
        from municipal.fact_absence inner join municipal.dim_pupil as p using (pupil_key) order by 1, 2, 4
    """
    assert region.rows(query) == [
        ("iisalmi", date(2025, 10, 1), "day", "unauthorised", 6, 0),
        ("kuopio", date(2025, 10, 1), "day", "health", 6, 0),
        ("kuopio", date(2025, 10, 1), "day", "unauthorised", 1, 0),
        ("kuopio", date(2025, 10, 2), "day", "late", 0, 1),
        ("siilinjarvi", date(2025, 10, 1), "day", "health", 2, 0),
        ("varkaus", date(2025, 10, 31), "month", "leave", 3, 0),
        ("varkaus", date(2026, 2, 28), "month", "health", 12, 0),
    ]


def test_support_stands_with_its_components(region: Region) -> None:
    spans = """
        select valid_from, valid_to, support_level, regime, mapping, comparability from municipal.fact_support
        where pupil_key = '{}' and support_level <> 'unknown' order by 1
    """
    assert region.rows(spans.format(key("kuopio", "steady"))) == [
        (date(2025, 8, 11), date(2025, 9, 30), "S0", 2025, "exact", "approximate"),
        (date(2025, 10, 1), date(2026, 6, 24), "S3", 2025, "exact", "approximate"),
    ]
    # Special support that starts after the break is a contradiction: the level is not known, its placement is kept.
    assert region.rows(spans.format(key("kuopio", "mover"))) == []
    components = """
        select component, value, support_level, comparability, mapping from municipal.fact_support_component
        where pupil_key = '{}' order by 1
    """
    assert region.rows(components.format(key("kuopio", "steady"))) == [
        ("assistant", None, "S3", "approximate", "exact"),
        ("special_class", None, "S3", "approximate", "exact"),
    ]
    assert region.rows(components.format(key("kuopio", "mover"))) == [
        ("placement", "2", "unknown", "not_comparable", None)
    ]
    # A decision of 2025 has no placement: it is kept, and said to count for nothing.
    ignored = "select component, is_ignored from municipal.fact_support_component where municipality = 'siilinjarvi'"
    assert sorted(region.rows(ignored)) == [("aids", False), ("placement", True)]


def test_dates(region: Region) -> None:
    query = """
        select school_year, term, iso_year, iso_week, week_end, weekday_label_fi, month_label_en,
            is_count_day, is_month_end
        from municipal.dim_date where date_key = '{}'
    """
    assert region.rows("select min(date_key), max(date_key), count(*) from municipal.dim_date") == [
        (date(2025, 8, 1), date(2026, 7, 31), 365)
    ]
    # Monday 29 December 2025 is in the first week of 2026.
    assert region.rows(query.format("2025-12-29")) == [
        ("2025–2026", "syksy", 2026, 1, date(2026, 1, 4), "maanantai", "December", False, False)
    ]
    assert region.rows(query.format("2026-01-20")) == [
        ("2025–2026", "kevät", 2026, 4, date(2026, 1, 25), "tiistai", "January", True, False)
    ]
    assert region.rows(query.format("2026-05-31"))[0][-2:] == (True, True)


def test_every_month_and_weekday_has_its_name(region: Region) -> None:
    months = "select month_number, month_label_fi, term_label_fi from municipal.dim_date group by 1, 2, 3 order by 1"
    spring = ("tammikuu", "helmikuu", "maaliskuu", "huhtikuu", "toukokuu", "kesäkuu", "heinäkuu")
    autumn = ("elokuu", "syyskuu", "lokakuu", "marraskuu", "joulukuu")
    assert region.rows(months) == [
        *((number, name, "Kevätlukukausi") for number, name in enumerate(spring, 1)),
        *((number, name, "Syyslukukausi") for number, name in enumerate(autumn, 8)),
    ]
    weekdays = "select weekday, weekday_label_fi from municipal.dim_date group by 1, 2 order by 1"
    names = ("maanantai", "tiistai", "keskiviikko", "torstai", "perjantai", "lauantai", "sunnuntai")
    assert region.rows(weekdays) == list(enumerate(names, 1))


@pytest.mark.parametrize(
    ("table", "name", "members"),
    [
        ("dim_attendance_tier", "tier", ["A0", "A1", "A2", "A3", "none"]),
        ("dim_support_level", "support_level", ["S0", "S1", "S2", "S3", "unknown"]),
        (
            "dim_absence_class",
            "absence_class",
            [
                *("unauthorised", "unclarified", "other_accepted", "leave", "health", "late", "school_activity"),
                "unknown",
            ],
        ),
        ("dim_municipality", "municipality", [*NAMES, "other", "unknown"]),
    ],
)
def test_members_stand_in_their_order_and_what_is_not_known_last(
    region: Region, table: str, name: str, members: list[str]
) -> None:
    listed = region.rows(f"select sort_order, {name} from municipal.{table} order by sort_order")
    assert [one for _, one in listed] == members
    assert len({place for place, _ in listed}) == len(members)


def primary_key(region: Region, table: str) -> str:
    ((name,),) = region.rows(
        f"""
        select a.attname
        from pg_index as i inner join pg_attribute as a on a.attrelid = i.indrelid and a.attnum = i.indkey[0]
        where i.indrelid = 'municipal.{table}'::regclass and i.indisprimary and i.indnkeyatts = 1
        """
    )
    return str(name)


def pupil(region: Region, name: str, columns: str) -> list[tuple[Any, ...]]:
    keys = ", ".join(f"'{key(municipality, name)}'" for municipality in NAMES)
    return region.rows(f"select {columns} from municipal.dim_pupil where pupil_key in ({keys}) order by municipality")


VIEW = """
create view analyst.own_absences with (security_invoker = true, security_barrier = true) as
select municipality, sum(lessons) as lessons from municipal.fact_absence group by municipality
"""
# What must outlive a release: the tables themselves, their grants, policies and keys.
LASTING = """
select c.relname, c.oid, c.relacl::text, c.relrowsecurity, c.relforcerowsecurity,
    (select array_agg(p.oid order by p.oid) from pg_policy as p where p.polrelid = c.oid),
    (select array_agg(k.oid order by k.oid) from pg_constraint as k where k.conrelid = c.oid)
from pg_class as c where c.relnamespace = 'municipal'::regnamespace and c.relkind = 'r' order by 1
"""


def test_a_release_without_news_touches_no_row(region: Region) -> None:
    addresses = "select ctid, xmin, pupil_key from municipal.fact_attendance_month order by 1"
    before = region.rows(addresses)
    assert set(region.publish().values()) == {Change(0, 0, False)}
    assert region.rows(addresses) == before


def test_the_next_release_keeps_rights_keys_and_views(region: Region) -> None:
    with region.trial() as trial:
        before = trial.rows(LASTING)
        trial.do("create schema analyst", VIEW, "grant usage on schema analyst to bi_kuopio")
        trial.do("grant select on analyst.own_absences to bi_kuopio")
        assert trial.rows("select * from analyst.own_absences", "bi_kuopio") == [("kuopio", 7)]
        trial.do("update candidate_municipal.fact_absence set lessons = 2 where lessons = 1")
        trial.do("delete from candidate_municipal.fact_absence where absence_class = 'leave'")
        trial.do("update candidate_municipal.dim_pupil set class_name = '7C' where municipality = 'kuopio'")
        trial.do("update candidate_municipal.dim_school set name_fi = name_fi || '!'")
        changes = trial.publish()
        assert changes["fact_absence"] == Change(deleted=2, inserted=1, is_new=False)
        assert changes["dim_pupil"] == Change(deleted=5, inserted=5, is_new=False)
        assert {name for name, change in changes.items() if change.inserted} == {
            "dim_pupil",
            "dim_school",
            "fact_absence",
        }
        assert trial.rows(LASTING) == before
        assert trial.rows("select * from analyst.own_absences", "bi_kuopio") == [("kuopio", 8)]


def test_other_columns_make_a_table_anew_with_all_its_rights(region: Region) -> None:
    with region.trial() as trial:
        before = [(name, acl, *rest[:2]) for name, _, acl, *rest in trial.rows(LASTING)]
        trial.do("alter table candidate_municipal.dim_pupil add column nickname text")
        trial.do("comment on column candidate_municipal.dim_pupil.nickname is 'Lempinimi. / Nickname.'")
        changes = trial.publish()
        assert {name for name, change in changes.items() if change.is_new} == {"dim_pupil"}
        assert [(name, acl, *rest[:2]) for name, _, acl, *rest in trial.rows(LASTING)] == before
        assert {row[0] for row in trial.rows("select municipality from municipal.dim_pupil", "bi_iisalmi")} == {
            "iisalmi"
        }
        keys = "select count(*) from pg_constraint where contype = 'f' and confrelid = 'municipal.dim_pupil'::regclass"
        assert trial.rows(keys) == [(sum("dim_pupil" in one.references.values() for one in region.models()),)]


def test_a_view_on_a_table_that_must_be_made_anew_stops_the_release(region: Region) -> None:
    with region.trial() as trial:
        trial.do("create schema analyst", VIEW)
        trial.do("alter table candidate_municipal.fact_absence add column more text")
        with pytest.raises(psycopg.errors.DependentObjectsStillExist, match="own_absences"):
            trial.publish()


def test_what_is_no_model_any_more_is_shown_no_more(region: Region) -> None:
    with region.trial() as trial:
        trial.do("create table municipal.dim_old (like municipal.dim_date including all)")
        trial.publish()
        assert trial.rows("select to_regclass('municipal.dim_old')") == [(None,)]


@pytest.mark.parametrize("view", ["view", "materialized view"])
def test_a_view_past_the_policies_is_not_published(region: Region, view: str) -> None:
    with region.trial() as trial:
        trial.do("create schema analyst", f"create {view} analyst.every_pupil as select * from municipal.dim_pupil")
        trial.publish()
        trial.do("grant select on analyst.every_pupil to bi_kuopio")
        with pytest.raises(NotProtected, match=r"every_pupil.*(security_invoker|drop materialized view)"):
            trial.publish()


def test_a_view_on_a_view_is_looked_at_too(region: Region) -> None:
    with region.trial() as trial:
        trial.do("create schema analyst", VIEW, "create view analyst.outer_view as select * from analyst.own_absences")
        trial.do("grant select on analyst.outer_view to bi_region")
        with pytest.raises(NotProtected, match="outer_view"):
            trial.publish()


def test_a_policy_that_is_not_ours_is_not_published(region: Region) -> None:
    with region.trial() as trial:
        trial.do("create policy open_to_all on municipal.fact_support using (true)")
        with pytest.raises(NotProtected, match=r"fact_support.*open_to_all"):
            trial.publish()


def test_what_was_taken_off_by_hand_comes_back(region: Region) -> None:
    with region.trial() as trial:
        trial.do("alter table municipal.fact_support disable row level security")
        trial.do("alter table municipal.fact_support no force row level security")
        trial.do("drop policy own_rows on municipal.fact_support")
        trial.do("alter table municipal.fact_support drop constraint fact_support_pupil_key_fkey")
        trial.do("revoke all on municipal.fact_support from bi_kuopio")
        trial.do("grant select on municipal.fact_support to bi_region")
        trial.do("comment on table municipal.fact_support is null")
        trial.publish()
        assert {row[0] for row in trial.rows("select municipality from municipal.fact_support", "bi_kuopio")} == {
            "kuopio"
        }
        keys = "select count(*) from pg_constraint where conname = 'fact_support_pupil_key_fkey'"
        assert trial.rows(keys) == [(1,)]
        assert trial.rows("select obj_description('municipal.fact_support'::regclass) is null") == [(False,)]
        assert trial.rows("select has_table_privilege('bi_region', 'municipal.fact_support', 'select')") == [(False,)]


def test_what_dbt_builds_anew_takes_no_right_away(region: Region) -> None:
    """One model by itself, then everything from nothing, then the release after it."""
    everything = "resource_type:seed +tag:municipal,resource_type:model"
    with psycopg.connect(region.admin_url, autocommit=True) as admin:
        before = rights(admin)
        for select, full_refresh in (("fact_absence", False), (everything, True)):
            with pytest.MonkeyPatch.context() as environment:
                environment.setenv("DBT_INDIRECT_SELECTION", "empty")
                build(
                    region.warehouse.url,
                    region.warehouse.target,
                    select=select,
                    full_refresh=full_refresh,
                    night=date.fromisoformat(NIGHT),
                )
            assert rights(admin) == before, select
        region.publish()
        assert rights(admin) == before


def test_a_key_without_a_member_is_not_published(region: Region) -> None:
    """A release that fails leaves everything as it was: it is one transaction."""
    before = region.rows("select * from municipal.fact_absence order by 1, 2, 3, 4")
    with region.trial() as trial:
        trial.do("update candidate_municipal.fact_absence set absence_class = 'invented' where grain = 'month'")
        with pytest.raises(psycopg.errors.ForeignKeyViolation, match="fact_absence_absence_class_fkey"):
            trial.publish()
    assert region.rows("select * from municipal.fact_absence order by 1, 2, 3, 4") == before


def test_a_municipality_that_left_reads_nothing_more(region: Region) -> None:
    with region.trial() as trial:
        trial.do("delete from reference.municipal_reader where municipality = 'varkaus'")
        assert trial.rows("select * from municipal.dim_pupil", "bi_varkaus") == []
        # What else its role may, a release's first step (`prepare`) takes away.
        with pytest.raises(NotProtected, match="schema municipal: bi_varkaus has USAGE"):
            trial.publish()


def test_a_pupil_who_is_forgotten_is_in_no_table(region: Region) -> None:
    with region.trial() as trial:
        forgotten = key("kuopio", "steady")
        assert municipal.forget(trial.connection, [forgotten]) > 10
        trial.do("set constraints all immediate")
        for model in region.models():
            if "pupil_key" in model.references or model.name == "dim_pupil":
                query = f"select * from municipal.{model.name} where pupil_key = '{forgotten}'"
                assert trial.rows(query) == [], model.name
        assert set(trial.publish().values()) == {Change(0, 0, False)}
