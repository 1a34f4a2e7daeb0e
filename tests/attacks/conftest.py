"""A small published warehouse with a login for each reading role. Its tables are made by hand; `municipal.publish`, a
release's own way to show a table, and the gate do the rest."""

import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from uuid import UUID, uuid5

import psycopg
import pytest
from psycopg import sql

from connectors.config import load_municipalities
from pipeline import access, municipal, release
from pipeline.embedded_postgres import EmbeddedPostgres
from pipeline.municipal import Model
from pipeline.readers import ensure_login
from pipeline.reference import load_reference
from pipeline.settings import PROJECT_ROOT, Settings
from pipeline.warehouse import connect, prepare

# Pupils a municipality. No sum of some of these numbers is another one, so that a count tells whose it is.
PUPILS: Mapping[str, int] = {"iisalmi": 101, "kuopio": 211, "siilinjarvi": 419, "varkaus": 853}
ROLES = ("bi_region", *(f"bi_{name}" for name in PUPILS))
ABSENCES_EACH = 3
# A count that a release showed by mistake and the next one withholds; no other number here is like it.
WITHHELD = 31337


def shared(name: str, key: str) -> Model:
    return Model(name, is_shared=True, key=(key,), required=frozenset({key}), references={})


MODELS = (
    shared("dim_municipality", "municipality"),
    shared("dim_absence_class", "absence_class"),
    Model(
        "dim_pupil",
        is_shared=False,
        key=("pupil_key",),
        required=frozenset({"pupil_key", "municipality"}),
        references={"municipality": "dim_municipality"},
    ),
    Model(
        "fact_absence",
        is_shared=False,
        key=("pupil_key", "date_key", "absence_class"),
        required=frozenset({"pupil_key", "date_key", "absence_class", "municipality"}),
        references={
            "pupil_key": "dim_pupil",
            "absence_class": "dim_absence_class",
            "municipality": "dim_municipality",
        },
    ),
)
# Every class name tells whose pupil it is. Only in Varkaus and Kuopio is anybody absent without leave.
CANDIDATE = """
create table candidate_municipal.dim_municipality (municipality text, name_fi text);
insert into candidate_municipal.dim_municipality select municipality, name_fi from reference.municipality;
create table candidate_municipal.dim_absence_class (absence_class text, label_fi text);
insert into candidate_municipal.dim_absence_class values ('health', 'terveys'), ('unauthorised', 'luvaton'), ('x', 'x');
create table candidate_municipal.dim_pupil (
    pupil_key uuid, municipality text, class_name text, form text, grade smallint
);
create table candidate_municipal.fact_absence (
    pupil_key uuid, municipality text, date_key date, absence_class text, lessons integer
);
create table candidate.support_yearly (
    municipality text, level text, pupils integer, primary key (municipality, level)
);
insert into candidate.support_yearly select municipality, 'S3', {withheld} from reference.municipality;
create table reporting.support_yearly (
    municipality text, level text, pupils integer, suppressed boolean not null, correction_pending boolean not null,
    primary key (municipality, level)
);
insert into ops.release (release_number, night, by_hand, status, code_version, published_at) values
(1, '2026-02-03', false, 'published', '-', now()), (2, '2026-02-04', false, 'published', '-', now());
insert into ops.release_table
select release_number, 'support_yearly', 4, 4, '-' from ops.release;
insert into ops.published_part
(release_number, table_name, period, first_night, is_corrected, row_count, suppressed_count, checksum)
select release_number, 'support_yearly', '{{}}', night, false, 4, 4, '-' from ops.release order by release_number;
insert into ops.release_part select release_number, part_id from ops.published_part;
insert into ops.published_row
select
    p.part_id, row_number() over (partition by p.part_id order by c.municipality),
    jsonb_build_object(
        'municipality', c.municipality, 'level', c.level, 'suppressed', true, 'correction_pending', false
    )
    || case p.release_number when 1 then jsonb_build_object('pupils', c.pupils) else '{{}}' end
from ops.published_part as p cross join candidate.support_yearly as c;
"""


@dataclass(frozen=True)
class Published:
    """The warehouse. pristine: a copy that nobody is connected to. logins: role → the name of its member; all have the
    same password."""

    settings: Settings
    postgres: EmbeddedPostgres
    database: str
    pristine: str
    logins: Mapping[str, str]
    password: str
    sessions: dict[str, psycopg.Connection] = field(default_factory=dict)

    def admin(self, database: str | None = None) -> psycopg.Connection:
        """A superuser's connection to this database or another one; each statement stays."""
        url = self.postgres.admin_url.rsplit("/", 1)[0]
        return psycopg.connect(f"{url}/{database or self.database}", autocommit=True)

    def login(self, role: str, database: str | None = None) -> psycopg.Connection:
        """A connection as the member of `role`, over TCP with its password; each statement stays."""
        return self.log_in(self.logins[role], database)

    @contextmanager
    def session(self, role: str) -> Iterator[psycopg.Connection]:
        """The same as `login`, but one connection that is made as new after each use: to log in is what takes time."""
        connection = self.sessions.get(role) or self.sessions.setdefault(role, self.login(role))
        yield connection
        connection.rollback()
        connection.execute("discard all")

    def log_in(self, name: str, database: str | None = None) -> psycopg.Connection:
        parts = psycopg.conninfo.conninfo_to_dict(self.postgres.admin_url)
        own = {"dbname": database or self.database, "user": name, "password": self.password}
        # What psycopg prepares by itself, `discard all` takes away behind its back.
        return psycopg.connect(**{**parts, **own}, autocommit=True, prepare_threshold=None)

    def copied(self) -> str:
        """The name of a copy of the database, for a test that opens it. It goes with the server: to drop a database
        takes seconds, since all that was written is waited for."""
        name = f"copy_{secrets.token_hex(6)}"
        with self.admin("postgres") as admin:
            copy = sql.Identifier(name)
            make = sql.SQL("create database {} template {} owner tukiverkko_pipeline")
            admin.execute(make.format(copy, sql.Identifier(self.pristine)))
            admin.execute(sql.SQL("revoke all on database {} from public").format(copy))
            for role in ROLES:
                admin.execute(sql.SQL("grant connect on database {} to {}").format(copy, sql.Identifier(role)))
        return name


def pupil_key(municipality: str, number: int) -> UUID:
    return uuid5(UUID(int=98), f"{municipality}/{number}")


def fill(connection: psycopg.Connection) -> None:
    """The candidate: pupils and absences of every municipality, in one shuffled order, as harmonised rows come."""
    connection.execute(CANDIDATE.format(withheld=WITHHELD))  # type: ignore[call-overload]
    pupils = [
        (pupil_key(name, number), name, f"secret-of-{name}-{number}", "basic", number % 9 + 1)
        for name, count in PUPILS.items()
        for number in range(count)
    ]
    pupils.sort()
    with connection.cursor() as cursor:
        with cursor.copy("copy candidate_municipal.dim_pupil from stdin") as copy:
            for pupil in pupils:
                copy.write_row(pupil)
        cursor.execute(
            """
            insert into candidate_municipal.fact_absence
            select pupil_key, municipality, date '2026-01-12' + day,
                case when day = 1 and municipality in ('kuopio', 'varkaus') then 'unauthorised' else 'health' end,
                grade
            from candidate_municipal.dim_pupil cross join generate_series(1, %s) as day
            """,
            (ABSENCES_EACH,),
        )


def publish(connection: psycopg.Connection) -> None:
    """What a release does, as far as rights go."""
    municipal.publish(connection, MODELS)
    access.check(connection, MODELS)


@pytest.fixture(scope="session")
def published(postgres: EmbeddedPostgres, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Published]:
    name = f"attacks_{secrets.token_hex(6)}"
    settings = Settings(
        home=tmp_path_factory.mktemp("attacks"),
        database_url=postgres.create_database(name),
        municipalities=PROJECT_ROOT / "municipalities",
    )
    municipalities = load_municipalities(settings.municipalities)
    logins = {role: f"anna_{role}_{secrets.token_hex(3)}" for role in ROLES}
    made = Published(settings, postgres, name, f"{name}_pristine", logins, secrets.token_urlsafe(12))
    with connect(settings) as connection:
        prepare(connection, [one.name for one in municipalities])
        load_reference(connection, municipalities)
        fill(connection)
        prepare(connection, [one.name for one in municipalities])
        for role, login in logins.items():
            ensure_login(connection, login, role, made.password)
        publish(connection)
    for number in (1, 2):
        release.rollback(settings, number, models=MODELS)
    with made.admin("postgres") as admin:
        copy = sql.SQL("create database {} template {} owner tukiverkko_pipeline")
        admin.execute(copy.format(sql.Identifier(made.pristine), sql.Identifier(name)))
    yield made
    for session in made.sessions.values():
        session.close()
