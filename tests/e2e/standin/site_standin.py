"""Stand-in of `pages.site`: there is nothing to draw."""

from pipeline.settings import Settings


def publish(settings: Settings) -> None:
    """Nothing."""
