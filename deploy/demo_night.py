"""Writes what the sources of the synthetic region hold on the morning of one night, for `demo-sources` to serve."""

import argparse
from datetime import date
from pathlib import Path


def main() -> None:
    """Writes the night's files; the same seed and scale always make the same region."""
    parser = argparse.ArgumentParser(prog="deploy/entrypoint.sh demo-night", description=__doc__)
    parser.add_argument("--night", type=date.fromisoformat, required=True, help="yyyy-mm-dd")
    parser.add_argument("--folder", type=Path, required=True, help="the folder that demo-sources serves")
    parser.add_argument("--scale", type=float, default=1.0, help="size of the region (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=1, help="(default: %(default)s)")
    options = parser.parse_args()

    from demo.region import build_region, write_night

    write_night(build_region(options.seed, options.scale), options.night, options.folder)
    print(f"{options.folder}: the morning of {options.night}")


if __name__ == "__main__":
    main()
