"""The runbook: a page for every kind of failure, and no command on a page that is not there."""

import re
import shlex
from pathlib import Path
from typing import Any

import pytest
import typer

from pipeline.cli import app
from pipeline.runbook import FOLDER, KINDS
from pipeline.settings import PROJECT_ROOT

PAGES = sorted((PROJECT_ROOT / FOLDER).glob("*.md"))
HEADINGS = [
    "What you see",
    "What it means for the children's figures",
    "What to do",
    "How to see that it is mended",
    "Who to tell",
]
COMMAND = re.compile(r"(?:^|[\s(])tukiverkko ([a-z].*?)(?:[|;)]|$)")
CODE = re.compile(r"```[a-z]*\n(.*?)```|`([^`\n]+)`", re.DOTALL)


def test_every_kind_has_a_page_and_every_page_a_kind() -> None:
    pages = {str(page.relative_to(PROJECT_ROOT)) for page in PAGES if page.name != "README.md"}
    assert pages == {kind.page for kind in KINDS.values()}
    assert len(pages) == len(KINDS)


def test_the_contents_name_every_page_in_the_order_of_urgency() -> None:
    contents = (PROJECT_ROOT / FOLDER / "README.md").read_text(encoding="utf-8")
    listed = re.findall(r"^\| \[[a-z-]+\]\(([a-z-]+\.md)\)", contents, re.MULTILINE)
    assert [f"{FOLDER}/{name}" for name in listed] == [kind.page for kind in KINDS.values()]


@pytest.mark.parametrize("page", [page for page in PAGES if page.name != "README.md"], ids=lambda page: page.stem)
def test_a_page_says_the_five_things(page: Path) -> None:
    assert re.findall(r"^## (.*)$", page.read_text(encoding="utf-8"), re.MULTILINE) == HEADINGS


def commands(text: str) -> list[list[str]]:
    """The words after `tukiverkko` of each command that is written as code."""
    found = []
    for block, span in CODE.findall(text):
        for line in (block or span).splitlines():
            found += [shlex.split(words) for words in COMMAND.findall(line.replace("accept|refuse", "accept"))]
    return found


def test_every_command_in_the_documents_exists() -> None:
    documents = [*PAGES, *(PROJECT_ROOT / "docs").glob("*.md"), PROJECT_ROOT / "README.md"]
    written = [(page.name, words) for page in documents for words in commands(page.read_text(encoding="utf-8"))]
    assert len(written) > 50
    wrong = [(page, words) for page, words in written if not exists(words)]
    assert not wrong


def exists(words: list[str]) -> bool:
    """Whether the command line has this command, these options, and takes as many arguments (`…` stands for any)."""
    command: Any = typer.main.get_command(app)
    words = [word for word in words if word not in ("…", "--help")]
    while hasattr(command, "commands"):
        if not words:
            return True
        found = command.commands.get(words.pop(0))
        if found is None:
            return False
        command = found
    options = {name: param for param in command.params for name in param.opts if param.param_type_name == "option"}
    arguments = [param for param in command.params if param.param_type_name == "argument"]
    given = 0
    while words:
        word = words.pop(0)
        if word.startswith("--"):
            if word not in options:
                return False
            if not options[word].is_flag and words:
                words.pop(0)
        else:
            given += 1
    return given <= len(arguments)


def test_a_command_that_is_not_there_is_noticed() -> None:
    text = "`tukiverkko ingest kuopio --nigth 2026-02-03`, `tukiverkko mend`, `tukiverkko status`"
    assert [exists(words) for words in commands(text)] == [False, False, True]
