"""Headless Chromium for the tests that look at pages as people do."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager

from playwright.sync_api import Browser, sync_playwright


@contextmanager
def running_chromium() -> Iterator[Browser]:
    """Debian's Chromium, closed at the end."""
    program = shutil.which("chromium")
    assert program is not None, "install Debian's package chromium: apt-get install chromium"
    with sync_playwright() as playwright:
        # As root, as in a container, it has no sandbox of its own.
        started = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        yield started
        started.close()
