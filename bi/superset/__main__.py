"""`python -m bi.superset`: sets a Superset up below the state folder (`make superset`), and serves it.

setup   the environment, the logins, Superset's own database, and the dashboards; any number of times
serve   Superset on 127.0.0.1, until Ctrl-C
"""

import argparse
import os
import sys

from bi.superset.installation import Installation, SupersetFailed
from pipeline.settings import load_settings
from pipeline.warehouse import WarehouseUnreachable


def main() -> int:
    """0 done, 1 not done."""
    parser = argparse.ArgumentParser(prog="python -m bi.superset", description=__doc__)
    parser.add_argument("step", choices=("setup", "serve"))
    parser.add_argument("--port", type=int, default=8088)
    arguments = parser.parse_args()
    installation = Installation(load_settings())
    try:
        if arguments.step == "setup":
            seconds = installation.set_up(lambda text: print(text, flush=True))
            print("done: " + ", ".join(f"{step} {spent:.0f} s" for step, spent in seconds.items()))
            return 0
        print(f"http://127.0.0.1:{arguments.port}, user admin, password in {installation.admin_password}", flush=True)
        command = installation.serve_command(arguments.port)
        os.chdir(installation.home)
        os.execve(command[0], command, installation.variables())
    except (SupersetFailed, WarehouseUnreachable) as problem:
        print(problem, file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
