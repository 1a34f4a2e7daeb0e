"""What a change of a contract would break for those who send: compared with the version that they were told of last.

`contracts/released/` holds every version that senders were told of. Before a changed contract is put to use, its copy
is added there under the new version; `undeclared_changes` says what forbids that.
"""

from collections.abc import Iterator
from pathlib import Path

from connectors.contract import CONTRACTS, Contract, Property, Table, read_contract

RELEASED = CONTRACTS / "released"


def last_released(dataset: str, folder: Path = RELEASED) -> Contract:
    """The newest released version of a dataset's contract. Raises ValueError when none was released."""
    return max((read_contract(file) for file in folder.glob(f"{dataset}-*.odcs.yaml")), key=_version)


def breaking_changes(old: Contract, new: Contract) -> list[str]:
    """What files that fit `old` may be refused for under `new`, one sentence each; [] when nothing."""
    tables = {table.name: table for table in new.tables}
    found: list[str] = []
    for table in old.tables:
        if table.name in tables:
            found += _table_changes(table, tables[table.name])
        else:
            found.append(f"{table.name}: the table is gone")
    return found


def undeclared_changes(old: Contract, new: Contract) -> list[str]:
    """Why `new` may not follow `old` under its version: breaking changes need a new first number, others a new one."""
    major, was = _version(new)[0], _version(old)[0]
    broken = breaking_changes(old, new)
    if broken and major <= was:
        return [f"{new.dataset} {new.version}: {change}; needs version {was + 1}.0.0" for change in broken]
    if new.tables != old.tables and _version(new) <= _version(old):
        return [f"{new.dataset} {new.version} differs from the released {old.version}; needs a higher version"]
    return []


def _version(contract: Contract) -> tuple[int, ...]:
    return tuple(int(part) for part in contract.version.split("."))


def _table_changes(old: Table, new: Table) -> Iterator[str]:
    fields = {one.name: one for one in new.properties}
    for one in old.properties:
        if one.name in fields:
            for change in _field_changes(one, fields[one.name]):
                yield f"{old.name}.{one.name}: {change}"
        else:
            yield f"{old.name}.{one.name}: the field is gone"
    known = {one.name for one in old.properties}
    yield from (
        f"{old.name}.{one.name}: a new field is required"
        for one in new.properties
        if one.required and one.name not in known
    )
    rules = {rule.name for rule in old.rules}
    yield from (f"{old.name}: a new rule {rule.name}" for rule in new.rules if rule.name not in rules)
    if new.rejected_share < old.rejected_share or new.rejected_rows < old.rejected_rows:
        yield f"{old.name}: fewer rows may be rejected"


def _field_changes(old: Property, new: Property) -> Iterator[str]:
    if new.required and not old.required:
        yield "is required now"
    if new.logical_type != old.logical_type:
        yield f"is {new.logical_type}, was {old.logical_type}"
    if new.pattern is not None and new.pattern != old.pattern:
        yield "has another pattern"
    if _narrower(new.minimum, old.minimum, lower=True):
        yield f"begins at {new.minimum}, was {old.minimum}"
    if _narrower(new.maximum, old.maximum, lower=False):
        yield f"ends at {new.maximum}, was {old.maximum}"
    if _narrower(new.max_length, old.max_length, lower=False):
        yield f"has at most {new.max_length} characters, was {old.max_length}"


def _narrower(new: float | str | None, old: float | str | None, *, lower: bool) -> bool:
    """Whether a bound lets less through; bounds of one field are all numbers or all ISO dates."""
    if new is None:
        return False
    if old is None:
        return True
    more = new > old  # type: ignore[operator]
    return more if lower else new != old and not more
