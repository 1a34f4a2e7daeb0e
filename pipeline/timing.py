"""How long each step of a run took, in seconds of wall time."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

Progress = Callable[[str], None]


def silent(_message: str) -> None:
    """Progress that nobody wants to see."""


@dataclass
class Durations:
    """Step → seconds; a step that runs twice adds up. Tells `progress` the name of each step as it starts."""

    progress: Progress = silent
    seconds: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def step(self, name: str, message: str | None = None) -> Iterator[None]:
        """Times the block under `name`."""
        self.progress(message or name)
        start = time.perf_counter()
        try:
            yield
        finally:
            self.seconds[name] = round(self.seconds.get(name, 0.0) + time.perf_counter() - start, 3)
