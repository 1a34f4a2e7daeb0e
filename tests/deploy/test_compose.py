"""docker-compose.yml, as far as it can be checked without a container engine: what it names is there, and agrees."""

import re
from typing import Any

import pytest

from pipeline.embedded_postgres import CONFIGURATION
from tests.deploy.conftest import DEPLOY, PROJECT, make_secrets

AIRFLOW = ("api-server", "scheduler", "dag-processor", "triggerer", "worker")
RUNS_ONCE = "airflow-init"
# These run other images than the pipeline's, with scripts of their own.
OTHERS = ("postgres", "redis", "superset")
# What compose-spec allows and is used here: a misspelt key would be ignored by some engines.
SERVICE_KEYS = {
    *("build", "cap_add", "cap_drop", "command", "depends_on", "deploy", "entrypoint", "environment", "healthcheck"),
    *(
        "image",
        "init",
        "logging",
        "networks",
        "platform",
        "ports",
        "profiles",
        "pull_policy",
        "read_only",
        "restart",
        "secrets",
    ),
    *("security_opt", "shm_size", "stop_grace_period", "tmpfs", "user", "volumes"),
}
HEALTH_KEYS = {"test", "interval", "timeout", "retries", "start_period", "disable"}
# Whatever sees these sees pupils: the worker, and what makes the warehouse.
SENSITIVE = {"warehouse_url", "admin_url"}

Compose = dict[str, Any]


def sources(volumes: list[str]) -> list[str]:
    """The left side of each `source:target[:ro]`; a source may hold `${NAME:-default}`."""
    return [re.match(r"(\$\{[^}]*\}|[^:]+):", volume).group(1) for volume in volumes]  # type: ignore[union-attr]


def test_the_services_are_those_of_a_distributed_airflow(compose: Compose) -> None:
    expected = {f"airflow-{part}" for part in AIRFLOW} | {RUNS_ONCE, "postgres", "redis", "demo-sources", "superset"}
    assert set(compose["services"]) == expected
    profiles = {name: service["profiles"] for name, service in compose["services"].items() if "profiles" in service}
    assert profiles == {"demo-sources": ["demo"], "superset": ["superset"]}


def test_every_key_of_a_service_is_known(compose: Compose) -> None:
    for name, service in compose["services"].items():
        assert set(service) <= SERVICE_KEYS, name
        assert set(service["healthcheck"]) <= HEALTH_KEYS, name


def test_every_service_restarts_and_tells_its_health(compose: Compose) -> None:
    for name, service in compose["services"].items():
        if name == RUNS_ONCE:
            assert service["restart"] == "on-failure:3"
            assert service["healthcheck"] == {"disable": True}
        else:
            assert service["restart"] == "unless-stopped", name
            assert service["healthcheck"]["test"][0] in ("CMD", "CMD-SHELL"), name


def test_every_service_is_hardened_and_limited(compose: Compose) -> None:
    for name, service in compose["services"].items():
        assert service["read_only"] is True, name
        assert service["cap_drop"] == ["ALL"], name
        assert service["security_opt"] == ["no-new-privileges:true"], name
        assert set(service["deploy"]["resources"]["limits"]) == {"cpus", "memory"}, name
        assert set(service["logging"]["options"]) == {"max-size", "max-file"}, name
        assert any(entry.startswith("/tmp:") for entry in service["tmpfs"]), name


def test_every_secret_is_declared_mounted_and_used(compose: Compose) -> None:
    declared = set(compose["secrets"])
    used = set()
    for name, service in compose["services"].items():
        mounted = set(service.get("secrets", ()))
        read = {
            str(value).removeprefix("/run/secrets/")
            for key, value in service.get("environment", {}).items()
            if key.endswith("_FILE")
        }
        assert read == mounted, f"{name}: what its *_FILE variables name is not what it mounts"
        used |= mounted
    assert used == declared


def test_make_secrets_makes_every_secret_file(compose: Compose, tmp_path: Any) -> None:
    make_secrets(tmp_path / "secrets")
    for name, secret in compose["secrets"].items():
        assert secret == {"file": f"./deploy/secrets/{name}"}
        assert (tmp_path / "secrets" / name).stat().st_size > 0, name


def test_no_variable_holds_a_secret(compose: Compose) -> None:
    pattern = re.compile(r"PASSWORD|SECRET|KEY|TOKEN|_URL|CONN\b|BROKER|BACKEND$")
    plain = {
        *("AIRFLOW__SECRETS__BACKEND", "AIRFLOW__SECRETS__BACKEND_KWARGS", "TUKIVERKKO_KEYS"),
        *("AIRFLOW__API__BASE_URL", "AIRFLOW__CORE__EXECUTION_API_SERVER_URL"),
    }
    for name, service in compose["services"].items():
        for variable in service.get("environment", {}):
            harmless = variable.endswith("_FILE") or variable in plain
            assert harmless or not pattern.search(variable), f"{name}: {variable}"


def test_the_worker_alone_sees_deliveries(compose: Compose) -> None:
    for name, service in compose["services"].items():
        volumes = " ".join(service.get("volumes", ()))
        if name == "airflow-worker":
            assert "airflow_url" not in service["secrets"], "a task has no business in Airflow's metadata"
            assert "/run/tukiverkko/keys:ro" in volumes
        else:
            assert "deploy/secrets" not in volumes, name
            assert "state:" not in volumes, name
            if name not in (RUNS_ONCE, "demo-sources"):
                assert not SENSITIVE & set(service.get("secrets", ())), name


def test_pages_alone_are_published_and_on_loopback_only(compose: Compose) -> None:
    published = {name: service["ports"] for name, service in compose["services"].items() if "ports" in service}
    assert published == {
        "airflow-api-server": ["127.0.0.1:${TUKIVERKKO_AIRFLOW_PORT:-8080}:8080"],
        "superset": ["127.0.0.1:${TUKIVERKKO_SUPERSET_PORT:-8088}:8088"],
    }
    assert compose["networks"]["backend"] == {"internal": True}
    outside = {name for name, service in compose["services"].items() if set(service["networks"]) != {"backend"}}
    assert outside == {"airflow-api-server", "airflow-worker", "demo-sources", "superset"}


def test_what_services_name_is_declared(compose: Compose) -> None:
    for name, service in compose["services"].items():
        assert set(service["networks"]) <= set(compose["networks"]), name
        assert set(service.get("depends_on", {})) <= set(compose["services"]), name
        for source in sources(service.get("volumes", [])):
            if source.startswith("./deploy/secrets"):
                continue
            if source.startswith("./"):
                assert (PROJECT / source).exists(), source
            elif not source.startswith("${"):
                assert source in compose["volumes"], source


def test_who_waits_waits_for_a_state_that_comes(compose: Compose) -> None:
    for name, service in compose["services"].items():
        for other, wait in service.get("depends_on", {}).items():
            ends = other == RUNS_ONCE
            expected = "service_completed_successfully" if ends else "service_healthy"
            assert wait["condition"] == expected, f"{name} waits for {other}"


def test_every_variable_has_a_default(compose: Compose) -> None:
    text = (PROJECT / "docker-compose.yml").read_text(encoding="utf-8")
    # `$$` is a dollar that the container's shell reads.
    for variable in re.findall(r"\$\{?[A-Za-z_]+[^}\s]*\}?", text.replace("$$", "")):
        assert ":-" in variable, variable


def test_images_are_named_with_a_version(compose: Compose) -> None:
    images = {service["image"] for service in compose["services"].values()}
    own = {f"{name}:${{TUKIVERKKO_VERSION:-latest}}" for name in ("tukiverkko", "tukiverkko-superset")}
    assert images == {*own, "postgres:18", "redis:8"}
    built = {name: service["build"] for name, service in compose["services"].items() if "build" in service}
    assert set(built) == {RUNS_ONCE, "superset"}
    assert (PROJECT / built["superset"]["dockerfile"]).is_file()


def test_postgres_keeps_its_data_where_the_image_of_18_has_it(compose: Compose) -> None:
    assert "postgres:/var/lib/postgresql" in compose["services"]["postgres"]["volumes"]
    assert "--auth-host=scram-sha-256" in compose["services"]["postgres"]["environment"]["POSTGRES_INITDB_ARGS"]


@pytest.mark.parametrize(
    "setting",
    ["log_min_error_statement", "log_parameter_max_length_on_error", "log_error_verbosity", "timezone", "jit"],
)
def test_postgres_is_set_as_the_embedded_one(compose: Compose, setting: str) -> None:
    """Privacy of the log and speed: what holds in the demo holds in production."""
    value = re.search(rf"^{setting} = '?([^'\n]+)'?$", CONFIGURATION, re.MULTILINE)
    assert value is not None
    assert f"{setting}={value.group(1)}" in compose["services"]["postgres"]["command"]


def test_commands_and_health_checks_are_roles_that_the_scripts_know(compose: Compose) -> None:
    roles = {
        script: _roles((DEPLOY / script).read_text(encoding="utf-8")) for script in ("entrypoint.sh", "healthcheck.sh")
    }
    for name, service in compose["services"].items():
        if name in OTHERS:
            continue
        assert service["command"][0] in roles["entrypoint.sh"], name
        if name != RUNS_ONCE:
            script, role = service["healthcheck"]["test"][1:]
            assert script == "/opt/tukiverkko/deploy/healthcheck.sh"
            assert role == service["command"][0]
            assert role in roles["healthcheck.sh"], name


def test_superset_sees_nothing_of_the_pipelines(compose: Compose) -> None:
    """Its own state, and the key of the logins that may only read what they may see."""
    service = compose["services"]["superset"]
    assert all(secret.startswith("superset_") for secret in service["secrets"])
    assert "volumes" not in service
    used_by = {name for name, one in compose["services"].items() if "superset_readers_key" in one.get("secrets", ())}
    assert used_by == {"superset", RUNS_ONCE}
    warehouse = service["environment"]["TUKIVERKKO_SUPERSET_WAREHOUSE"]
    assert warehouse == "postgres:5432/tukiverkko"


def test_the_guide_names_every_secret_and_every_variable(compose: Compose) -> None:
    guide = (PROJECT / "docs" / "deployment.md").read_text(encoding="utf-8")
    text = (PROJECT / "docker-compose.yml").read_text(encoding="utf-8")
    for name in (*compose["secrets"], *re.findall(r"\$\{([A-Z_]+):-", text)):
        assert f"`{name}`" in guide, name


def _roles(script: str) -> set[str]:
    """The patterns of a script's `case`."""
    lines = re.findall(r"^([a-z][a-z -]*(?:\| [a-z -]+)*)\)$", script, re.MULTILINE)
    return {role.strip() for line in lines for role in line.split("|")}
