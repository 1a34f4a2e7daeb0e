"""Every bad file of the corpus, held against what was written down for it."""

import resource
from collections import Counter
from types import ModuleType

import polars as pl
import pytest

from connectors.check import CheckedDataset, check_delivery
from connectors.delivery import DATASETS, SourceRefused
from tests.connectors.samples import HETU_1, HETU_2, HETU_3, KEYS, municipality
from tests.corpus import iisalmi, kuopio, siilinjarvi, varkaus
from tests.corpus.faults import FAULTS
from tests.corpus.model import Case, Extract

MODULES: dict[str, ModuleType] = {
    "kuopio": kuopio,
    "siilinjarvi": siilinjarvi,
    "iisalmi": iisalmi,
    "varkaus": varkaus,
}
CASES: list[Case] = [case for module in MODULES.values() for case in module.CASES]
# No file of the corpus may need more than this, whatever it unpacks to.
MOST_MEMORY = 400_000_000
SECRETS = ["Aino", "Virtanen", "vk-0", "student-0", "absence-0", "1.2.246", *(h[:10] for h in (HETU_1, HETU_2, HETU_3))]


def check(extract: Extract) -> dict[str, CheckedDataset]:
    return check_delivery(extract.deliver(), municipality(extract.source), KEYS).datasets


def peak_memory() -> int:
    """The most bytes that this process has held at once, those of native libraries included."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def good(source: str) -> Extract:
    extract: Extract = MODULES[source].extract()
    return extract


@pytest.fixture(scope="module")
def clean() -> dict[str, dict[str, CheckedDataset]]:
    """Source → its good extract, checked."""
    return {source: check(good(source)) for source in MODULES}


def test_there_are_enough_cases_of_every_source() -> None:
    names = [case.name for case in CASES] + [fault.name for fault in FAULTS]
    assert len(names) == len(set(names))
    assert len(names) >= 120
    sources = Counter(case.source for case in CASES) + Counter(fault.source for fault in FAULTS)
    assert set(sources) == set(MODULES)
    assert min(sources.values()) >= 25
    assert all(len(one) == 1 for one in ({case.source, case.name.split(":")[0]} for case in CASES))


@pytest.mark.parametrize("source", MODULES)
def test_a_good_extract_lands_whole(source: str, clean: dict[str, dict[str, CheckedDataset]]) -> None:
    for dataset, part in clean[source].items():
        assert part.rejected.height == 0
        assert (part.unmapped, part.findings) == ([], [])
        assert part.rows_in == part.rows_landed == len(good(source).rows[dataset])


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_bad_file_ends_as_written_down(case: Case, clean: dict[str, dict[str, CheckedDataset]]) -> None:
    extract = good(case.source)
    case.change(extract)
    outcome = case.outcome
    before = peak_memory()
    if outcome.refused is not None:
        with pytest.raises(SourceRefused) as refused:
            check(extract)
        assert peak_memory() - before < MOST_MEMORY
        assert refused.value.code == outcome.refused, str(refused.value)
        assert refused.value.reason_fi != refused.value.reason_en
        assert len(refused.value.reason_en) < 1000
        tells_nothing_personal([str(refused.value), refused.value.reason_fi], [])
        return
    parts = check(extract)
    assert peak_memory() - before < MOST_MEMORY
    rejected = {
        (dataset, row, column, rule)
        for dataset, part in parts.items()
        for row, column, rule in part.rejected.select("row_number", "column_name", "rule").rows()
    }
    assert rejected == set(outcome.rejected)
    unmapped = [(one["kind"], one["source_code"], one["row_count"]) for part in parts.values() for one in part.unmapped]
    assert unmapped == list(outcome.unmapped)
    findings = [(one["rule"], one["row_count"]) for part in parts.values() for one in part.findings]
    assert findings == list(outcome.findings)
    messages = [part.rejected.select("column_name", "rule", "message_fi", "message_en") for part in parts.values()]
    told = [str(one) for part in parts.values() for one in (*part.unmapped, *part.findings)]
    tells_nothing_personal(told, [*messages, *(part.frame for part in parts.values())])
    for dataset in DATASETS:
        part = parts[dataset]
        assert part.rows_in == outcome.rows_in.get(dataset, len(extract.rows[dataset])), dataset
        assert part.rows_in == part.rows_landed + part.rejected.height
        if dataset in outcome.non_data:
            assert part.non_data == outcome.non_data[dataset]
        assert part.rejected.null_count().select("rule", "message_fi", "message_en").row(0) == (0, 0, 0)
        untouched = untouched_rows(case, extract, dataset)
        if outcome.rows_in.get(dataset, 1):
            before, after = (
                one[dataset].frame.filter(pl.col("row_number").is_in(untouched)) for one in (clean[case.source], parts)
            )
            assert after.equals(before), dataset


def untouched_rows(case: Case, extract: Extract, dataset: str) -> list[int]:
    """Row numbers of the records that the case leaves as they are, and that are not rejected for another's sake."""
    gone = {row for name, row, _, _ in case.outcome.rejected if name == dataset}
    pairs = zip(good(case.source).rows[dataset], extract.rows[dataset], strict=False)
    return [row for row, (old, new) in enumerate(pairs, 1) if old == new and row not in gone]


def tells_nothing_personal(told: list[str], frames: list[pl.DataFrame]) -> None:
    """No HETU, learner id, local id or name of the extracts is in a message, or lands as a text."""
    landed = [str(row) for frame in frames for row in frame.select(pl.selectors.string()).rows()]
    text = "\n".join([*told, *landed])
    assert [secret for secret in SECRETS if secret in text] == []
