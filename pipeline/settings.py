"""Settings from the environment (prefix `TUKIVERKKO_`) and the places derived from them."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

PROJECT_ROOT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True)
class Settings:
    """Where state lives and which warehouse is used.

    home: folder of all state (embedded database, archive, keys, logs, Airflow).
    database_url: SQLAlchemy/libpq URL of the warehouse; None means the embedded PostgreSQL below `home`.
    municipalities: folder with one folder a municipality.
    mail_connection: id of the Airflow Connection by which receipts and alerts go as e-mail; None: receipts wait in
    `receipts`, and nobody is told.
    alert_to: e-mail addresses of the engineers on duty, who hear of everything that is wrong.
    silent_days: after how many days without anything new a municipality is silent, where its folder does not say.
    """

    home: Path
    database_url: str | None = field(repr=False)
    municipalities: Path
    mail_connection: str | None = None
    alert_to: tuple[str, ...] = ()
    silent_days: int = 3

    @property
    def archive(self) -> Path:
        return self.home / "archive"

    @property
    def keys(self) -> Path:
        return self.home / "keys"

    @property
    def postgres(self) -> Path:
        return self.home / "postgres"

    @property
    def data_docs(self) -> Path:
        return self.home / "data_docs"

    @property
    def airflow(self) -> Path:
        return self.home / "airflow"

    @property
    def receipts(self) -> Path:
        return self.home / "receipts"

    @property
    def alerts(self) -> Path:
        return self.home / "alerts"

    @property
    def pages(self) -> Path:
        return self.home / "pages"

    @property
    def dbt_target(self) -> Path:
        return self.home / "dbt"


def load_settings(environ: Mapping[str, str] = os.environ) -> Settings:
    """Reads `TUKIVERKKO_HOME` (default `.tukiverkko/` in the project), `TUKIVERKKO_DATABASE_URL` (or the file named
    by `TUKIVERKKO_DATABASE_URL_FILE`), `TUKIVERKKO_MUNICIPALITIES` (default `municipalities/` of the project),
    `TUKIVERKKO_MAIL_CONNECTION`, `TUKIVERKKO_ALERT_TO` (addresses, separated by commas) and `TUKIVERKKO_SILENT_DAYS`
    (default 3)."""
    home = Path(environ.get("TUKIVERKKO_HOME") or PROJECT_ROOT / ".tukiverkko").expanduser().resolve()
    url = environ.get("TUKIVERKKO_DATABASE_URL")
    url_file = environ.get("TUKIVERKKO_DATABASE_URL_FILE")
    if not url and url_file:
        url = Path(url_file).read_text(encoding="utf-8").strip()
    municipalities = Path(environ.get("TUKIVERKKO_MUNICIPALITIES") or PROJECT_ROOT / "municipalities").resolve()
    mail = environ.get("TUKIVERKKO_MAIL_CONNECTION") or None
    alert_to = tuple(filter(None, (part.strip() for part in (environ.get("TUKIVERKKO_ALERT_TO") or "").split(","))))
    return Settings(
        home=home,
        database_url=url or None,
        municipalities=municipalities,
        mail_connection=mail,
        alert_to=alert_to,
        silent_days=int(environ.get("TUKIVERKKO_SILENT_DAYS") or Settings.silent_days),
    )
