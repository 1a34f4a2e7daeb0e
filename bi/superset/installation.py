"""A Superset below the state folder: its environment, its secrets, and what it is started with."""

import os
import secrets
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from bi.superset.logins import KEY_VARIABLE, ensure_logins
from pipeline.embedded_postgres import EmbeddedPostgres
from pipeline.settings import PROJECT_ROOT, Settings
from pipeline.timing import Durations, Progress, silent
from pipeline.warehouse import warehouse_url

LOCK = Path(__file__).with_name("requirements.lock")
CONFIGURATION = Path(__file__).with_name("superset_config.py")
# Its pandas and NumPy have no wheels for a newer one.
PYTHON = ">=3.11,<3.13"
DATABASE_VARIABLE = "TUKIVERKKO_SUPERSET_DATABASE_URL"
METADATA = "superset"


class SupersetFailed(RuntimeError):
    """A step of setting Superset up failed; the message ends with what it said last."""


@dataclass(frozen=True)
class Installation:
    """settings: those of the warehouse that it shows. Its own state is in `superset/` of the state folder."""

    settings: Settings

    @property
    def home(self) -> Path:
        return self.settings.home / "superset"

    @property
    def environment(self) -> Path:
        return self.home / "environment"

    @property
    def admin_password(self) -> Path:
        return self.home / "admin_password"

    def variables(self) -> dict[str, str]:
        """What each of Superset's processes is started with. It never gets the pipeline's own access."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("TUKIVERKKO_", "AIRFLOW"))}
        return kept | {
            "PATH": f"{self.environment / 'bin'}{os.pathsep}{os.environ.get('PATH', '')}",
            "PYTHONPATH": str(PROJECT_ROOT),
            "PYTHONDONTWRITEBYTECODE": "1",
            "SUPERSET_HOME": str(self.home),
            "SUPERSET_CONFIG_PATH": str(CONFIGURATION),
            "FLASK_APP": "superset.app:create_app()",
            "SCARF_ANALYTICS": "false",
            DATABASE_VARIABLE: self._metadata_url(),
            "TUKIVERKKO_SUPERSET_SECRET_KEY_FILE": str(self._secret("secret_key")),
            "TUKIVERKKO_SUPERSET_ADMIN_PASSWORD_FILE": str(self._secret("admin_password")),
            KEY_VARIABLE: str(self._secret("readers_key")),
        }

    def set_up(self, progress: Progress = silent) -> Mapping[str, float]:
        """Brings everything up to date and returns the seconds of each step; what is there already is kept. Raises
        SupersetFailed."""
        durations = Durations(progress)
        self.home.mkdir(mode=0o700, parents=True, exist_ok=True)
        with durations.step("environment", "Installing Superset's own environment (minutes the first time)"):
            self._install()
        variables = self.variables()
        with durations.step("logins", "Making the logins that Superset reads with"):
            ensure_logins(self.settings, self._secret("readers_key").read_text(encoding="utf-8").encode())
        with durations.step("metadata", "Bringing Superset's own database up to date"):
            self.run(["superset", "db", "upgrade"], variables)
            self.run(["superset", "init"], variables)
        with durations.step("import", "Importing databases, datasets, charts and dashboards"):
            self.import_assets(variables)
        return durations.seconds

    def import_assets(self, variables: Mapping[str, str] | None = None) -> None:
        """Imports the assets over those that are there. Raises SupersetFailed."""
        warehouse = urlsplit(warehouse_url(self.settings))
        place = f"{warehouse.netloc.rpartition('@')[2]}{warehouse.path}" + (
            f"?{warehouse.query}" if warehouse.query else ""
        )
        options = ["--warehouse", place, "--municipalities", str(self.settings.municipalities)]
        self.run(["python", "-m", "bi.superset.importing", *options], variables or self.variables())

    def run(self, command: Sequence[str], variables: Mapping[str, str]) -> str:
        """Runs a command of Superset's environment and returns what it printed. Raises SupersetFailed."""
        program = str(self.environment / "bin" / command[0])
        done = subprocess.run(
            [program, *command[1:]], env=dict(variables), cwd=self.home, capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise SupersetFailed(f"{' '.join(command[:3])} ended with {done.returncode}:\n{done.stderr[-2000:]}")
        return done.stdout

    def serve_command(self, port: int) -> list[str]:
        """The server on loopback, of one process: an answer's time is the warehouse's."""
        return [
            str(self.environment / "bin" / "gunicorn"),
            *("--bind", f"127.0.0.1:{port}", "--workers", "1", "--worker-class", "gthread", "--threads", "8"),
            *("--timeout", "120", "--log-level", "warning", "superset.app:create_app()"),
        ]

    def _metadata_url(self) -> str:
        """Where Superset keeps what it knows: beside an embedded warehouse, or where the environment says. SQLite will
        not do: there Superset's tables allow one dataset of a name, and each municipality has its own."""
        if url := os.environ.get(DATABASE_VARIABLE):
            return url
        if self.settings.database_url:
            raise SupersetFailed(
                f"Set {DATABASE_VARIABLE} to a PostgreSQL database that Superset keeps its own state in."
            )
        warehouse_url(self.settings)
        return EmbeddedPostgres(self.settings.postgres).create_separate_database(METADATA)

    def _install(self) -> None:
        """The locked environment, when there is none of this lock yet."""
        installed = self.environment / "requirements.lock"
        if installed.exists() and installed.read_bytes() == LOCK.read_bytes():
            return
        uv = shutil.which("uv", path=str(Path(sys.executable).parent)) or shutil.which("uv")
        if uv is None:
            raise SupersetFailed("uv is missing: `make setup` installs it")
        python = str(self.environment / "bin" / "python")
        for command in (
            ["venv", "--quiet", "--clear", "--no-python-downloads", "--python", PYTHON, str(self.environment)],
            # What builds a package that is published as source comes from the lock, too.
            [
                *("pip", "install", "--quiet", "--python", python, "--require-hashes", "--no-deps"),
                *("--build-constraints", str(LOCK), "-r", str(LOCK)),
            ],
        ):
            done = subprocess.run([uv, *command], capture_output=True, text=True, check=False)
            if done.returncode:
                raise SupersetFailed(f"uv {command[0]} ended with {done.returncode}:\n{done.stderr[-2000:]}")
        shutil.copyfile(LOCK, installed)

    def _secret(self, name: str) -> Path:
        """The file of a secret that only its owner can read; made when it is missing."""
        path = self.home / name
        if not path.exists():
            with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
                file.write(secrets.token_hex(24))
        return path
