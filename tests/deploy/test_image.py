"""Dockerfile and .dockerignore: the image gets the same lock in the same way as `make setup`, and nothing else."""

import re
import subprocess
from pathlib import Path

import pytest

from tests.deploy.conftest import DEPLOY, PROJECT

DOCKERFILE = (PROJECT / "Dockerfile").read_text(encoding="utf-8")
SUPERSET = PROJECT / "bi" / "superset"
SUPERSET_DOCKERFILE = (SUPERSET / "Dockerfile").read_text(encoding="utf-8")
SCRIPTS = sorted([*DEPLOY.glob("*.sh"), SUPERSET / "start.sh"])


def instructions() -> list[str]:
    """The Dockerfile's instructions, each on one line, without comments."""
    lines = [line for line in DOCKERFILE.splitlines() if line.strip() and not line.lstrip().startswith("#")]
    return "\n".join(lines).replace("\\\n", " ").splitlines()


def makefile_recipe() -> list[str]:
    """The commands that `make setup` installs with, as the Dockerfile would write them."""
    makefile = (PROJECT / "Makefile").read_text(encoding="utf-8")
    recipe = makefile.split("$(VENV)/.installed:")[1].split("\n\n")[0]
    commands = [line.strip().removeprefix("@") for line in recipe.splitlines() if line.startswith("\t")]
    install = [command for command in commands if re.match(r"awk|\$\(BIN\)/(python -m pip|uv)", command)]
    return [line.replace("$(BIN)", ".venv/bin").replace("$(VENV)", ".venv").replace("$$", "$") for line in install]


def test_the_image_installs_as_the_makefile_does() -> None:
    run = [part.strip() for line in instructions() if line.startswith("RUN") for part in line[4:].split("&&")]
    # awk's own && is not a joint of commands.
    run = [re.sub(r"\s+", " ", command) for command in " && ".join(run).split(" && ")]
    joined = " && ".join(run)
    recipe = makefile_recipe()
    assert len(recipe) == 4
    for command in recipe:
        assert re.sub(r"\s+", " ", command) in joined


def test_nothing_comes_in_by_another_way() -> None:
    text = "\n".join(instructions())
    assert not re.search(r"https?://|apt-get|apk |curl|wget|ADD |--index|--extra-index|--trusted-host", text)
    assert text.count("pip install") == 3


def test_supersets_image_gets_its_lock_by_hash_and_nothing_else() -> None:
    text = "\n".join(line for line in SUPERSET_DOCKERFILE.splitlines() if not line.startswith("#"))
    assert not re.search(r"https?://|apt-get|apk |curl|wget|ADD |--index|--extra-index|--trusted-host", text)
    installs = re.findall(r"pip install[^&]*", text.replace("\\\n", " "))
    assert [re.search(r"-r (\S+)", one).group(1) for one in installs] == [  # type: ignore[union-attr]
        "uv/uv.txt",
        "bi/superset/requirements.lock",
    ]
    assert all("--require-hashes --no-deps" in one for one in installs)
    # The same user as the pipeline's, to whose group make-secrets.sh gives the secrets; the code is root's.
    assert re.search(r"^USER 10001:10001$", text, re.MULTILINE)
    assert "--chown" not in text
    for path in re.findall(r"^COPY (?!--from)(\S+) ", text, re.MULTILINE):
        assert (PROJECT / path).exists(), path


def test_the_locks_name_no_index_and_no_address() -> None:
    for lock in (PROJECT / "requirements.lock", SUPERSET / "requirements.lock"):
        assert not re.search(r"://|--index|--extra", lock.read_text(encoding="utf-8")), lock


def test_no_service_runs_as_root_or_owns_its_code() -> None:
    user = next(line for line in reversed(instructions()) if line.startswith("USER"))
    assert re.fullmatch(r"USER [1-9]\d*:[1-9]\d*", user)
    copies = [line for line in instructions() if line.startswith("COPY --from=build")]
    assert copies == ["COPY --from=build /opt/tukiverkko /opt/tukiverkko"]


def test_make_secrets_gives_the_files_to_the_images_group() -> None:
    group = re.search(r"groupadd --gid (\d+)", DOCKERFILE)
    assert group is not None
    assert f"\ngroup={group.group(1)}\n" in (DEPLOY / "make-secrets.sh").read_text(encoding="utf-8")
    assert f"{group.group(1)}:{group.group(1)}" in (PROJECT / "docker-compose.yml").read_text(encoding="utf-8")


def test_the_context_holds_the_code_and_no_secret() -> None:
    lines = [
        line
        for line in (PROJECT / ".dockerignore").read_text(encoding="utf-8").splitlines()
        if line and not line.startswith("#")
    ]
    assert lines[0] == "*"
    allowed = [line[1:].rstrip("/") for line in lines if line.startswith("!")]
    for name in allowed:
        assert (PROJECT / name).exists(), name
    assert {"connectors", "contracts", "dags", "dbt_project", "expectations", "municipalities", "pipeline"} <= set(
        allowed
    )
    assert lines.index("deploy/secrets/") > lines.index("!deploy/")


def test_git_ignores_the_secrets() -> None:
    ignored = subprocess.run(
        ["git", "-C", str(PROJECT), "check-ignore", "deploy/secrets/warehouse_url"], capture_output=True, check=False
    )
    assert ignored.returncode == 0


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.name)
def test_scripts_are_plain_sh(script: Path) -> None:
    assert subprocess.run(["sh", "-n", str(script)], check=False).returncode == 0
    runs = script.name != "environment.sh"
    assert script.read_text(encoding="utf-8").startswith("#!/bin/sh\n") == runs
    assert bool(script.stat().st_mode & 0o111) == runs
