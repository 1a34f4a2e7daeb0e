"""The command line as a user meets it: a process of its own, its exit status, its words."""

import json
import os
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest

from pipeline.settings import PROJECT_ROOT, Settings

SCHOOL_DAYS = "\ufeffKoulunro;Pvm;Luokka-aste;Oppitunnit\r\n07522;06.08.2025;7;5,0\r\n07522;31.09.2025;7;5,0\r\n"


def tukiverkko(
    home: Path, *arguments: str, stdin: str = "", database_url: str = "", municipalities: Path | None = None
) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "TUKIVERKKO_HOME": str(home), "TUKIVERKKO_DATABASE_URL": database_url}
    if municipalities:
        environment["TUKIVERKKO_MUNICIPALITIES"] = str(municipalities)
    command = [sys.executable, "-m", "pipeline.cli", *arguments]
    return subprocess.run(
        command, env=environment, cwd=PROJECT_ROOT, input=stdin, capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize(
    "command",
    [
        "demo",
        "ingest",
        "release",
        "check",
        "replay",
        "decide",
        "unmapped",
        "receipt",
        "status",
        "alert",
        "rollback",
        "forget",
        "url",
        "municipality new",
        "reader add",
        "reader remove",
    ],
)
def test_every_command_explains_itself(tmp_path: Path, command: str) -> None:
    result = tukiverkko(tmp_path, *command.split(), "--help")
    assert result.returncode == 0
    assert "Usage" in result.stdout


def test_a_municipality_without_a_folder_is_wrong_use_and_names_those_there_are(tmp_path: Path) -> None:
    result = tukiverkko(tmp_path, "ingest", "lapinlahti", "--night", "2026-02-03")
    assert result.returncode == 2
    assert "iisalmi, kuopio, siilinjarvi, varkaus" in " ".join(result.stderr.split())


def test_a_sender_learns_which_row_is_wrong_and_why(tmp_path: Path) -> None:
    file = tmp_path / "tyopaivat.csv"
    file.write_text(SCHOOL_DAYS, encoding="utf-8", newline="")
    result = tukiverkko(tmp_path, "check", "kuopio", "school_day", str(file), "--night", "2026-02-03", "--json")
    found = json.loads(result.stdout)
    assert result.returncode == 1
    assert (found["rows_in"], found["rows_landed"], found["rows_rejected"]) == (2, 1, 1)
    assert [(row["row_number"], row["column_name"], row["rule"]) for row in found["rejected"]] == [
        (2, "Pvm", "unparsable")
    ]
    assert found["rejected"][0]["message_fi"]


def test_a_good_file_is_done(tmp_path: Path) -> None:
    file = tmp_path / "tyopaivat.csv"
    file.write_text(SCHOOL_DAYS.rsplit("07522", 1)[0], encoding="utf-8", newline="")
    result = tukiverkko(tmp_path, "check", "kuopio", "school_day", str(file), "--night", "2026-02-03")
    assert result.returncode == 0, result.stdout + result.stderr


def test_the_url_is_printed_alone_and_opens(settings: Settings) -> None:
    assert settings.database_url is not None
    result = tukiverkko(settings.home, "url", database_url=settings.database_url)
    assert result.stdout.strip() == settings.database_url
    assert result.returncode == 0


def test_before_the_first_night_status_says_what_to_run(settings: Settings) -> None:
    assert settings.database_url is not None
    result = tukiverkko(settings.home, "status", database_url=settings.database_url)
    assert result.returncode == 1
    assert "tukiverkko ingest" in result.stdout


def test_an_unknown_delivery_cannot_be_replayed(settings: Settings) -> None:
    assert settings.database_url is not None
    result = tukiverkko(settings.home, "replay", "kuopio-2030-01-01", database_url=settings.database_url)
    assert result.returncode == 2
    assert "no such delivery" in result.stderr


def test_without_an_earlier_release_there_is_nothing_to_go_back_to(settings: Settings) -> None:
    assert settings.database_url is not None
    assert tukiverkko(settings.home, "rollback", database_url=settings.database_url).returncode == 2


def test_on_a_terminal_what_takes_long_says_what_it_does(settings: Settings) -> None:
    """`prepare` stands for all: they have their progress from one place."""
    assert settings.database_url is not None
    ours, theirs = os.openpty()
    environment = {
        **os.environ,
        "TUKIVERKKO_HOME": str(settings.home),
        "TUKIVERKKO_DATABASE_URL": settings.database_url,
    }
    command = [sys.executable, "-m", "pipeline.cli", "prepare"]
    with subprocess.Popen(command, env={**environment, "TERM": "xterm"}, cwd=PROJECT_ROOT, stderr=theirs) as running:
        os.close(theirs)
        shown = b""
        # The terminal ends with an error when its last writer has.
        with suppress(OSError):
            while part := os.read(ours, 65536):
                shown += part
    os.close(ours)
    assert running.returncode == 0
    assert b"preparing the warehouse" in shown


def test_forget_reads_the_identity_from_standard_input_and_never_repeats_it(settings: Settings) -> None:
    assert settings.database_url is not None
    result = tukiverkko(settings.home, "forget", stdin="010110A900B\n", database_url=settings.database_url)
    assert result.returncode == 1
    assert "010110A900B" not in result.stdout + result.stderr
