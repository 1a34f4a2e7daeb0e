"""The site as a whole: its figures are the database's, nothing withheld is on it, its links lead somewhere, it changes
at once, and both languages say the same."""

import re
import string
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from itertools import pairwise
from pathlib import Path

import psycopg
import pytest
import yaml

from pages.figure_parts import largest
from pages.figures import Cell, Source
from pages.labels import municipality_labels
from pages.language import LANGUAGES, words
from pages.report import sections
from pages.site import publish, write_site
from pages.snapshot import read_published, snapshot
from pipeline.readers import ensure_login
from pipeline.settings import Settings
from pipeline.warehouse import connect, reader_roles
from tests.pages import published
from tests.pages.conftest import WrittenSite
from tests.pages.reading import (
    WITHHELD,
    all_pages,
    broken_links,
    double_ids,
    headings,
    shown_cells,
    soup,
    wrong_cells,
)


def test_every_number_of_the_report_is_the_databases(site: WrittenSite) -> None:
    with connect(site.settings) as connection:
        for language in LANGUAGES:
            cells = shown_cells(soup(site.folder / language / "report.html"), language)
            assert {"attendance_monthly", "attendance_tiers", "support_levels", "group_sizes"} == {
                cell.table for cell in cells
            }
            assert wrong_cells(connection, cells) == []
            withheld = [cell for cell in cells if cell.text == WITHHELD[language]]
            # Unauthorised absences and tier A3 of Lapinlahti; `unknown` of three places now, and of three days.
            assert len(withheld) == 1 + 1 + 3 + 3


def test_a_rate_of_too_little_coverage_is_marked_beside_its_number(site: WrittenSite) -> None:
    page = soup(site.folder / "en" / "report.html")
    # Lapinlahti's October alone; the number itself is held against the database above.
    marked = [mark.parent for mark in page.select("td .mark") if mark.parent is not None]
    assert [(str(cell["data-key"]), cell.get_text()) for cell in marked] == [
        ("month=2025-10-01;municipality=lapinlahti;grade_band=all;absence_class=all", "10.0%*")
    ]
    assert "* Coverage is under 80%" in page.get_text()


def test_the_sentences_are_worked_out_from_shown_numbers(site: WrittenSite) -> None:
    text = " ".join(soup(site.folder / "fi" / "report.html").main.get_text().split())  # type: ignore[union-attr]
    assert "Joulukuussa 2025 alueen oppilaat olivat poissa 7,5 % oppitunneistaan." in text.replace("\u00a0", " ")
    english = " ".join(soup(site.folder / "en" / "report.html").main.get_text().split())  # type: ignore[union-attr]
    # 0.0745 is 7.5 %, rounded half up; 0.09 + 0.03 in tiers A2 and A3; 0.075 + 0.045 by decision.
    assert "In December 2025, the region's pupils were absent from 7.5% of their lessons." in english
    assert "Most absences: Lapinlahti (8.0%); fewest: Kuopio (7.4%)." in english
    assert "12.0% of the region's pupils were absent from at least 10% of their lessons" in english
    assert "On 20 September 2025, 12.0% of the region's pupils had support by decision." in english
    # Across the break of 1 August 2025 nothing is compared: the course starts after it.
    assert "Support by decision: 7.0% of the region's pupils on 31 August 2025, 7.5% on 20 September 2025." in english
    assert "on 31 May 2025" not in english
    # Of whom the level is not known is withheld, and so is what could be said of it.
    assert "the number of pupils whose level is not known is withheld or not known" in english


def test_a_withheld_number_has_no_mark_and_no_sentence(settings: Settings) -> None:
    with connect(settings) as connection:
        published.publish(connection)
        # The newest month's rate of the region is withheld too: the sentence is of the month before that has one.
        connection.execute(
            """
            update reporting.attendance_monthly set absence_rate = null, suppressed = true
            where month = '2025-12-01' and municipality = 'region' and absence_class = 'all'
            """
        )
    with snapshot(settings) as connection:
        source = Source(read_published(connection), municipality_labels(words("en"), settings.municipalities))
    by_month = sections(source)[0].figures[0]
    assert by_month.sentences[0] == "In October 2025, the region's pupils were absent from 6.0% of their lessons."
    assert by_month.table.withheld == 1
    # Three months of three places, each with a rate and its coverage.
    assert any("Withheld numbers in the table: 1 of 18." in note for note in by_month.notes)
    by_class = next(figure for figure in sections(source)[0].figures if figure.name == "absence_by_class")
    assert ">not collected<" in by_class.pictures[0]


def test_what_is_most_is_not_said_where_a_withheld_number_could_be() -> None:
    def shares(*values: str | None) -> dict[str, Cell]:
        cells = [Cell(value and Decimal(value), "", value is None, "t", "k=v", "share", None) for value in values]  # type: ignore[arg-type]
        return dict(zip("abc", cells, strict=False))

    assert largest(shares("0.2", "0.5", "0.3")) == "b"
    # What is left for the withheld one is 0.2, and 0.4 is more; and in the other case it is 0.5.
    assert largest(shares("0.4", "0.4", None)) == "a"
    assert largest(shares("0.3", "0.2", None)) is None
    assert largest(shares(None, None)) is None


def test_every_link_leads_somewhere(site: WrittenSite) -> None:
    assert broken_links(site.folder) == []
    for path in all_pages(site.folder):
        page = soup(path)
        assert double_ids(page) == [], path
        levels = list(headings(page))
        assert levels[0] == 1, path
        assert all(after <= before + 1 for before, after in pairwise(levels)), (path, levels)


def test_a_page_asks_for_nothing_and_says_its_language(site: WrittenSite) -> None:
    for path in all_pages(site.folder):
        page = soup(path)
        policy = page.select_one('meta[http-equiv="Content-Security-Policy"]')
        assert policy is not None
        assert str(policy["content"]).startswith("default-src 'none'; style-src 'sha256-")
        assert page.select("script, iframe, img, link, object, form, [style], [onclick]") == []
        assert page.html is not None
        assert page.html["lang"] == ("en" if path.parent.name == "en" else "fi")
        assert not re.search(r"url\(|@import", path.read_text(encoding="utf-8"))


def test_the_quality_page_tells_rules_and_counts_but_no_value(site: WrittenSite) -> None:
    text = soup(site.folder / "en" / "quality.html").get_text(" ", strip=True)
    assert "held" in text
    assert "3 nights of which nothing is known" in text
    assert "Too few rows." in text
    assert "unparsable" in text
    assert "(text, row 12)" in text
    assert {"X9", "(text)"} <= {code.get_text() for code in soup(site.folder / "en" / "quality.html")("code")}
    assert "1,234" in text
    assert "salainen" not in text.casefold()
    finnish = soup(site.folder / "fi" / "quality.html").get_text(" ", strip=True)
    assert "(teksti, rivi 12)" in finnish
    assert "(teksti)" in finnish
    assert "salainen" not in finnish.casefold()


def test_the_dictionary_says_what_the_models_say(site: WrittenSite) -> None:
    for place, language in enumerate(LANGUAGES):
        page = soup(site.folder / language / "dictionary.html")
        for model in published.models():
            heading = page.find(id=model["name"])
            assert heading is not None
            described = heading.find_next("p")
            assert described is not None
            assert part(model["description"], place) in described.get_text()
            for column in (*model["columns"], {"name": "suppressed", "description": "Salattu. / Withheld."}):
                row = page.find(id=f"{model['name']}.{column['name']}")
                assert row is not None, (model["name"], column["name"])
                assert part(column["description"], place) in row.get_text()
        assert page.find(id="fact_absence.lessons") is not None
        codes = page.find(id="codes-attendance_tier")
        assert codes is not None
        assert ("Poissa 10–20 %", "Absent 10–20 %")[place] in codes.find_next("table").get_text()  # type: ignore[union-attr]


def part(both: str, place: int) -> str:
    return " ".join(both.split()).split(" / ")[place]


def test_both_languages_have_the_same_texts_with_the_same_gaps() -> None:
    texts = {language: words(language).texts for language in LANGUAGES}
    assert texts["fi"].keys() == texts["en"].keys()
    for key, finnish in texts["fi"].items():
        assert gaps(finnish) == gaps(texts["en"][key]), key
        assert finnish.strip()


def gaps(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name}


def test_no_key_is_twice_in_a_file_of_texts() -> None:
    for path in (Path(published.PROJECT_ROOT) / "pages" / "texts").glob("*.yaml"):
        assert list(double_keys(yaml.compose(path.read_text(encoding="utf-8")))) == []


def double_keys(node: yaml.Node | None) -> Iterator[str]:
    if isinstance(node, yaml.MappingNode):
        names = [key.value for key, _ in node.value]
        yield from (name for name in set(names) if names.count(name) > 1)
        for _, value in node.value:
            yield from double_keys(value)


def test_before_the_first_release_the_pages_say_so(settings: Settings) -> None:
    site = write_site(settings, settings.home / "site")
    assert site.release_number is None
    assert broken_links(site.folder) == []
    assert "Nothing is published yet" in (site.folder / "en" / "report.html").read_text(encoding="utf-8")
    assert "Mitään ei ole vielä julkaistu" in (site.folder / "fi" / "index.html").read_text(encoding="utf-8")


def test_the_site_changes_at_once_and_keeps_the_one_before(settings: Settings) -> None:
    first = publish(settings).folder.resolve()
    assert settings.pages.is_symlink()
    second = publish(settings).folder.resolve()
    third = publish(settings).folder.resolve()
    assert settings.pages.resolve() == third
    assert [path.exists() for path in (first, second, third)] == [False, True, True]


def test_a_folder_of_something_else_is_left_alone(settings: Settings, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "thesis.txt").write_text("mine", encoding="utf-8")
    with pytest.raises(FileExistsError, match="other holds something else"):
        write_site(settings, tmp_path / "other")
    assert [path.name for path in (tmp_path / "other").iterdir()] == ["thesis.txt"]


def test_a_release_in_between_is_wholly_in_the_pages_or_not_at_all(settings: Settings) -> None:
    with connect(settings) as connection:
        published.publish(connection)
    with snapshot(settings) as reading, connect(settings) as releasing:
        reading.execute("select 1")
        releasing.execute("delete from reporting.attendance_monthly")
        releasing.execute("update reporting.release set release_number = 8")
        releasing.commit()
        seen = read_published(reading)
        # Rows come and go beside it, but nobody makes a table anew under it.
        releasing.execute("set lock_timeout = '50ms'")
        with pytest.raises(psycopg.errors.LockNotAvailable):
            releasing.execute("drop table reporting.attendance_monthly")
        releasing.rollback()
    assert seen.release is not None
    assert seen.release.release_number == 7
    assert len(seen.rows("attendance_monthly", month=date(2025, 12, 1))) == 18


def test_a_readers_rights_are_enough_for_the_report(settings: Settings) -> None:
    with connect(settings) as connection:
        published.publish(connection)
        for role in reader_roles(connection):
            connection.execute(f"grant select on all tables in schema reporting to {role}")
        login = f"reader_{settings.home.name[-8:]}".lower().replace("-", "_")
        ensure_login(connection, login, "bi_region", "a password of a test")
        parts = psycopg.conninfo.conninfo_to_dict(settings.database_url or "")
    own = {"user": login, "password": "a password of a test"}
    with psycopg.connect(**parts | own) as reader:  # type: ignore[arg-type]
        seen = read_published(reader)
    labels = municipality_labels(words("fi"), settings.municipalities)
    assert [section.name for section in sections(Source(seen, labels))] == [
        "attendance",
        "tiers",
        "support",
        "groups",
    ]
