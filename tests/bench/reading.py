"""How long readers wait for an answer while a release is under way, next to how long they wait while none is.

50 readers ask without pause through 20 releases, of which every third is broken off first, and rollbacks.
"""

import time

from connectors.config import load_municipalities
from pipeline.embedded_postgres import EmbeddedPostgres
from pipeline.settings import PROJECT_ROOT, Settings
from pipeline.warehouse import connect, prepare
from tests.bench.warehouse import scratch_folder
from tests.pipeline.readers import Readers, run_releases
from tests.pipeline.small_candidate import make_candidate

READERS, RELEASES = 50, 20
SHARE, AT_MOST_TIMES = 0.95, 2
# Long enough for each reader to ask many times while nothing is released.
BETWEEN_S = 1.0


def main() -> None:
    """Prints how many questions were answered, and what the slowest twentieth of them waited."""
    print(f"{READERS} readers without pause, {RELEASES} releases and rollbacks between them")
    with scratch_folder() as folder:
        server = EmbeddedPostgres(folder / "postgres")
        try:
            _measure(Settings(folder, server.start(), PROJECT_ROOT / "municipalities"))
        finally:
            server.stop()


def _measure(settings: Settings) -> None:
    names = [one.name for one in load_municipalities(settings.municipalities)]
    with connect(settings) as connection:
        prepare(connection, names)
        make_candidate(connection)
        connection.commit()
        readers = Readers(connection, READERS, pause_s=0)
        run_releases(connection, readers, RELEASES, between=lambda: time.sleep(BETWEEN_S))
    seen = readers.seen
    during, outside = (seen.waited_s(SHARE, during=one) for one in (True, False))
    asked = [sum(was_during is one for _, was_during in seen.waited) for one in (True, False)]
    print(f"  {asked[0]:,} answers during releases, {asked[1]:,} outside; {len(seen.errors)} errors")
    print(
        f"  95th percentile during / outside: {during / outside:.2f} (at most {AT_MOST_TIMES}); "
        f"{1000 * during:.0f} ms, {1000 * outside:.0f} ms",
        flush=True,
    )


if __name__ == "__main__":
    main()
