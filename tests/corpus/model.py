"""A case: a good extract, what is done to it, and what must come of it, written down before the check was looked at.

Every extract is a whole delivery of four datasets with three or four records each, so that a case says in one line
which of them it spoils. Row numbers count data records from 1.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from connectors.delivery import DATASETS, RawDelivery, RawFile
from tests.connectors.samples import delivery

# dataset, row number, column (None: the row as a whole), rule
Rejection = tuple[str, int, str | None, str]
# kind, code as it may be told, rows
Unmapped = tuple[str, str, int]
# rule, rows
Finding = tuple[str, int]

Writer = Callable[["Extract"], dict[str, RawFile]]


@dataclass
class Extract:
    """One night of a source. `rows`: dataset → records as the source holds them. `spoil`: dataset → what happens to
    the bytes after they were written. `fields`: fields of the delivery that differ (`night`, `first_of_year`, …)."""

    source: str
    rows: dict[str, list[Any]]
    write: Writer
    spoil: dict[str, Callable[[bytes], bytes]] = field(default_factory=dict)
    fields: dict[str, Any] = field(default_factory=dict)

    def deliver(self) -> RawDelivery:
        """The delivery as its transport would hand it over."""
        files = self.write(self)
        for dataset, spoil in self.spoil.items():
            files[dataset] = RawFile(dataset, files[dataset].name, spoil(files[dataset].read_bytes()))
        return delivery(self.source, [files[dataset] for dataset in DATASETS if dataset in files], **self.fields)


Change = Callable[[Extract], None]


@dataclass(frozen=True)
class Outcome:
    """What must come of it.

    rejected: every rejected row. unmapped, findings: all of them. rows_in: only where it is not the number of records
    written. non_data: dataset → rows counted apart, where the case is about them. refused: reason code of the whole
    delivery's refusal; then nothing else holds. held: the expectations of the delivery gate that hold it.
    """

    rejected: tuple[Rejection, ...] = ()
    unmapped: tuple[Unmapped, ...] = ()
    findings: tuple[Finding, ...] = ()
    rows_in: Mapping[str, int] = field(default_factory=dict)
    non_data: Mapping[str, int] = field(default_factory=dict)
    refused: str | None = None
    held: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Case:
    """name: unique, as it is told when it fails. source: the municipality."""

    name: str
    source: str
    change: Change
    outcome: Outcome


def told(extract: Extract, dataset: str, row: int, column: str, value: Any) -> None:
    """Set one value of one record (numbered from 1)."""
    extract.rows[dataset][row - 1][column] = value


def setting(dataset: str, row: int, **values: Any) -> Change:
    """A change that sets values of one record; a column whose name is no Python word is given by `cell`."""

    def change(extract: Extract) -> None:
        extract.rows[dataset][row - 1].update(values)

    return change


def cell(dataset: str, row: int, column: str, value: Any) -> Change:
    """A change that sets one value of one record."""

    def change(extract: Extract) -> None:
        told(extract, dataset, row, column, value)

    return change


def copied(dataset: str, row: int, **values: Any) -> Change:
    """A change that appends a copy of a record, with some of its values replaced."""

    def change(extract: Extract) -> None:
        extract.rows[dataset].append({**extract.rows[dataset][row - 1], **values})

    return change


def spoiled(dataset: str, how: Callable[[bytes], bytes]) -> Change:
    """A change of the bytes of one dataset's file."""

    def change(extract: Extract) -> None:
        extract.spoil[dataset] = how

    return change


def replaced(dataset: str, *pairs: tuple[bytes, bytes]) -> Change:
    """A change of the bytes of one dataset's file: each of the first bytes, which must be there, by the second."""

    def how(content: bytes) -> bytes:
        for old, new in pairs:
            assert old in content, old
            content = content.replace(old, new)
        return content

    return spoiled(dataset, how)


def rejects(*rejected: Rejection, **more: Any) -> Outcome:
    return Outcome(rejected=tuple(rejected), **more)


def refuses(code: str) -> Outcome:
    return Outcome(refused=code)


def lands(**more: Any) -> Outcome:
    """Everything lands."""
    return Outcome(**more)


def holds(expectation: str, *unmapped: Unmapped, **more: Any) -> Outcome:
    """Everything that is not named as rejected lands, and the delivery gate holds the delivery."""
    return Outcome(unmapped=tuple(unmapped), held=frozenset({expectation}), **more)


def of_text(dataset: str, row: int, column: str, rule: str) -> tuple[Unmapped, ...]:
    """What the queue of unmapped codes must hold besides a rejected row: a text that is no code is told by its row."""
    kinds = {"absence": "absence", "enrolment": "form", "support": "mark"}
    return ((kinds[dataset], f"(text, row {row})", 1),) if rule == "not_a_code" else ()


@dataclass(frozen=True)
class Source:
    """What the cases of one source are made by. pupil: the column that refers to a pupil; hanging: enrolment's row →
    (dataset, row) of all that hangs on it."""

    name: str
    pupil: str
    hanging: Mapping[int, Sequence[tuple[str, int]]]

    def case(self, name: str, change: Change, outcome: Outcome) -> Case:
        return Case(f"{self.name}: {name}", self.name, change, outcome)

    def bad(self, name: str, dataset: str, row: int, column: str, value: object, rule: str, *also: Rejection) -> Case:
        """One value that gets its row rejected, and `also` other rows."""
        return self.case(
            name,
            cell(dataset, row, column, value),
            rejects((dataset, row, column, rule), *also, unmapped=of_text(dataset, row, column, rule)),
        )

    def orphans(self, enrolment: int) -> list[Rejection]:
        """What is rejected with an enrolment whose pupil can be read."""
        return [(dataset, row, self.pupil, "parent_rejected") for dataset, row in self.hanging[enrolment]]
