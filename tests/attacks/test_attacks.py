"""Everything in the catalogue of attacks, as a login of each reading role, over TCP with a password."""

from collections.abc import Iterator

import psycopg
import pytest

from pipeline import access
from pipeline.warehouse import connect
from tests.attacks.catalogue import ATTACKS, Attack
from tests.attacks.conftest import MODELS, ROLES, Published
from tests.attacks.removals import REMOVALS, Removal
from tests.attacks.snapshot import contents, rights
from tests.attacks.trying import filled, make, words


@pytest.fixture(scope="module", autouse=True)
def busy_pipeline(published: Published) -> Iterator[None]:
    """The pipeline in the middle of a transaction, after a statement with a pupil in it."""
    with connect(published.settings) as connection:
        connection.execute("select 'secret-of-iisalmi-0, secret-of-varkaus-0'")
        yield
        connection.rollback()


@pytest.fixture(scope="module", autouse=True)
def untouched(published: Published) -> Iterator[None]:
    """After all attacks the warehouse holds what it held, and everybody has the same rights."""
    with published.admin() as admin:
        before = contents(admin), rights(admin)
        yield
        assert (contents(admin), rights(admin)) == before


def test_each_attack_has_its_own_name() -> None:
    names = [attack.name for attack in ATTACKS]
    assert len(names) == len(set(names)) > 100


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: attack.name)
def test_it_is_held_off(published: Published, attack: Attack, role: str) -> None:
    assert make(published, attack, role) is None, f"{attack.tries}: {attack.must}"


@pytest.mark.parametrize("removal", REMOVALS, ids=lambda removal: removal.attacks[0])
def test_without_its_protection_an_attack_succeeds_and_the_gate_sees_it(published: Published, removal: Removal) -> None:
    attacks = [attack for attack in ATTACKS if attack.name in removal.attacks]
    assert len(attacks) == len(removal.attacks)
    role = "bi_kuopio"
    database = published.copied()
    with published.admin() as server:
        known = {**words(published, role), "database": database}
        try:
            # Without a session left in it, so that the copy can be dropped.
            with published.admin(database) as admin:
                for statement in filled(removal.statements, known):
                    admin.execute(statement)  # type: ignore[call-overload]
                admin.execute("set role tukiverkko_pipeline")
                seen = [*map(str, access.look(admin, MODELS)), *access.left_open(admin)]
            assert [attack.name for attack in attacks if make(published, attack, role, database) is None] == []
            assert bool(seen) == removal.is_seen
        finally:
            for statement in filled(removal.undo, known):
                server.execute(statement)  # type: ignore[call-overload]


def test_a_login_of_two_municipalities_sees_both_and_as_one_role_only_that(published: Published) -> None:
    login = published.logins["bi_kuopio"]
    query = "select distinct municipality from municipal.dim_pupil order by 1"
    with published.admin() as admin:
        admin.execute(f"grant bi_varkaus to {login}")  # type: ignore[call-overload]
        try:
            with published.log_in(login) as connection:
                connection.execute("set plan_cache_mode = force_generic_plan")
                connection.execute(f"prepare seen as {query}")  # type: ignore[call-overload]
                assert connection.execute("execute seen").fetchall() == [("kuopio",), ("varkaus",)]
                for role in ("bi_kuopio", "bi_varkaus"):
                    connection.execute(f"set role {role}")  # type: ignore[call-overload]
                    # The plan that was made with the rights of both is not used with those of one.
                    assert connection.execute("execute seen").fetchall() == [(role.removeprefix("bi_"),)]
                with pytest.raises(psycopg.errors.InsufficientPrivilege):
                    connection.execute("set role bi_iisalmi")
        finally:
            admin.execute(f"revoke bi_varkaus from {login}")  # type: ignore[call-overload]


def test_a_member_that_inherits_nothing_sees_rows_only_as_the_role(published: Published) -> None:
    login, owner = published.logins["bi_kuopio"], "tukiverkko_pipeline"
    with published.admin() as admin:
        admin.execute(f"grant bi_kuopio to {login} with inherit false, set true granted by {owner}")  # type: ignore[call-overload]
        try:
            # Nor may it connect, by the role alone.
            with pytest.raises(psycopg.OperationalError, match="permission denied for database"):
                published.log_in(login)
            admin.execute(f"grant connect on database {published.database} to {login}")  # type: ignore[call-overload]
            with published.log_in(login) as connection:
                with pytest.raises(psycopg.errors.InsufficientPrivilege):
                    connection.execute("select * from municipal.dim_pupil")
                connection.execute("set role bi_kuopio")
                assert connection.execute("select count(*) from municipal.dim_pupil").fetchone() == (211,)
        finally:
            admin.execute(f"revoke connect on database {published.database} from {login}")  # type: ignore[call-overload]
            admin.execute(f"grant bi_kuopio to {login} with inherit true granted by {owner}")  # type: ignore[call-overload]
