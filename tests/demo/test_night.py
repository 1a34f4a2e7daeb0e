"""The demo ends in order, however it is told to end."""

import signal
import subprocess
import sys

import pytest

PROGRAM = """
import time
from demo.night import end_in_order
end_in_order()
try:
    print("running", flush=True)
    time.sleep(60)
finally:
    print("all is stopped", flush=True)
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_what_was_started_is_stopped(number: signal.Signals) -> None:
    """Also where Ctrl-C is ignored at first, as a shell has it with what runs in the background."""
    with subprocess.Popen(
        [sys.executable, "-c", PROGRAM],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_IGN),
    ) as process:
        assert process.stdout
        assert process.stdout.readline() == "running\n"
        process.send_signal(number)
        assert process.stdout.read() == "all is stopped\n"
