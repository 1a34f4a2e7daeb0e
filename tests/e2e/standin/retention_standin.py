"""Stand-in of `pipeline.retention`."""

from pipeline.settings import Settings


def retain(settings: Settings) -> None:
    (settings.home / "retained").touch()
