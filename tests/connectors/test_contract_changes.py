"""A contract change that would break those who send is seen, and forbidden under the old version."""

from dataclasses import replace
from typing import Any

import pytest

from connectors.contract import Contract, Rule, load_contracts
from connectors.contract_changes import breaking_changes, last_released, undeclared_changes

ENROLMENT = next(contract for contract in load_contracts() if contract.dataset == "enrolment")


def _with(table_changes: dict[str, Any], field: str = "grade", **changes: Any) -> Contract:
    table = ENROLMENT.tables[0]
    fields = tuple(replace(one, **changes) if one.name == field else one for one in table.properties)
    return replace(ENROLMENT, tables=(replace(table, **{"properties": fields, **table_changes}),))


@pytest.mark.parametrize("contract", load_contracts(), ids=lambda contract: contract.dataset)
def test_every_contract_may_follow_its_last_released_version(contract: Contract) -> None:
    """A failure says what to do: take the change back, or give the contract a new version and tell the senders."""
    assert undeclared_changes(last_released(contract.dataset), contract) == []


FIELDS = ENROLMENT.tables[0].properties


@pytest.mark.parametrize(
    ("new", "change"),
    [
        (_with({}, required=True), "enrolment.grade: is required now"),
        (_with({}, logical_type="string"), "enrolment.grade: is string, was integer"),
        (_with({}, minimum=2), "enrolment.grade: begins at 2, was 1"),
        (_with({}, maximum=8), "enrolment.grade: ends at 8, was 9"),
        (_with({}, "school_number", pattern="^0[0-9]{4}$"), "enrolment.school_number: has another pattern"),
        (_with({}, "class_name", max_length=10), "enrolment.class_name: has at most 10 characters, was 20"),
        (_with({}, "form", max_length=10), "enrolment.form: has at most 10 characters, was None"),
        (_with({}, "valid_from", minimum="2000-01-01"), "enrolment.valid_from: begins at 2000-01-01, was 1990-01-01"),
        (_with({"properties": FIELDS[1:]}), "enrolment.pupil_id: the field is gone"),
        (
            _with({"properties": (*FIELDS, replace(FIELDS[0], name="guardian"))}),
            "enrolment.guardian: a new field is required",
        ),
        (_with({"rules": (*ENROLMENT.tables[0].rules, Rule("new", "", ""))}), "enrolment: a new rule new"),
        (_with({"rejected_rows": 4}), "enrolment: fewer rows may be rejected"),
        (_with({"rejected_share": 0.01}), "enrolment: fewer rows may be rejected"),
        (replace(ENROLMENT, tables=()), "enrolment: the table is gone"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_breaks_a_sender_needs_a_new_first_number(new: Contract, change: str) -> None:
    assert breaking_changes(ENROLMENT, new) == [change]
    assert undeclared_changes(ENROLMENT, replace(new, version="1.7.0")) == [
        f"enrolment 1.7.0: {change}; needs version 2.0.0"
    ]
    assert undeclared_changes(ENROLMENT, replace(new, version="2.0.0")) == []


@pytest.mark.parametrize(
    "new",
    [
        _with({}, minimum=0),
        _with({}, maximum=10),
        _with({}, "pupil_id", required=False),
        _with({}, "school_number", pattern=None),
        _with({}, "class_name", max_length=None),
        _with({"properties": (*FIELDS, replace(FIELDS[0], name="language", required=False))}),
        _with({"rules": ()}),
        _with({"rejected_rows": 6}),
    ],
)
def test_what_breaks_nobody_needs_a_new_version(new: Contract) -> None:
    assert breaking_changes(ENROLMENT, new) == []
    assert undeclared_changes(ENROLMENT, new) == [
        "enrolment 1.0.0 differs from the released 1.0.0; needs a higher version"
    ]
    assert undeclared_changes(ENROLMENT, replace(new, version="1.1.0")) == []


def test_an_unchanged_contract_may_keep_its_version() -> None:
    assert undeclared_changes(ENROLMENT, ENROLMENT) == []
