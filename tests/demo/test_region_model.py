"""The synthetic region's persons, schools, calendars, absences and support."""

import re
from collections import Counter
from datetime import date
from functools import cache

import numpy as np
import pytest

from demo.region import Region, build_region
from demo.region.absences import HEALTH, LATE, LEAVE, UNCLARIFIED, UNIT
from demo.region.calendars import FAR, YEARS, as_date, day_lessons, number, week, working_days
from demo.region.deliveries import delivered, reaches
from demo.region.enrolments import ALWAYS, HOME, NEVER, Enrolment
from demo.region.persons import hetu
from demo.region.schools import CODES, IISALMI, MUNICIPALITIES, PUPILS, SCHOOLS, SIILINJARVI, VARKAUS
from demo.region.support import SPECIAL, spans
from demo.region.truth import absences, enrolments

HETU = re.compile(r"(\d{6})([ABCDEF])(9\d\d)([0-9A-Y])")


@cache
def whole_region() -> Region:
    return build_region(1, 1.0)


@cache
def third_region() -> Region:
    """Large enough for shares, and quicker than the whole."""
    return build_region(1, 0.3)


@cache
def small_region() -> Region:
    return build_region(1, 0.02)


def enrolled_on(region: Region, day: date) -> list[Enrolment]:
    return [e for e in region.enrolments if e.start <= number(day) <= e.last]


def test_full_size_has_the_pupils_and_schools_of_each_municipality() -> None:
    present = enrolled_on(whole_region(), date(2025, 9, 20))
    count = Counter(e.municipality for e in present)
    for municipality, expected in PUPILS.items():
        assert count[municipality] == pytest.approx(expected, rel=0.02)
    schools = {m: {e.school.number for e in present if e.municipality == m} for m in MUNICIPALITIES}
    assert {m: len(found) for m, found in schools.items()} == dict(zip(MUNICIPALITIES, (20, 9, 8, 7), strict=True))


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_small_region_keeps_every_school_and_form(seed: int) -> None:
    region = build_region(seed, 0.02)
    for year in YEARS:
        rows = [e for e in region.enrolments if e.year == year]
        assert {e.school.number for e in rows} == {s.number for s in SCHOOLS}
        for municipality in MUNICIPALITIES:
            assert {e.form for e in rows if e.municipality == municipality} >= {"BASIC", "FLEX", "PREP", "HOME"}


def test_scale_outside_its_range_is_refused() -> None:
    with pytest.raises(ValueError, match="scale"):
        build_region(1, 0)


def test_hetu_check_character_is_right() -> None:
    # By hand: 131052908 = 31 x 4227513 + 5, and the sixth of the characters is 5.
    assert hetu(number(date(1952, 10, 13)), "-", 908)[-1] == "5"
    assert hetu(number(date(2015, 3, 7)), "A", 901)[-1] == "0123456789ABCDEFHJKLMNPRSTUVWXY"[70315901 % 31]


def test_identities_are_artificial_and_unique() -> None:
    people = whole_region().persons
    assert len({p.hetu for p in people}) == len({p.oppijanumero for p in people}) == len(people)
    signs = set()
    for person in people:
        found = HETU.fullmatch(person.hetu)
        assert found
        assert "0123456789ABCDEFHJKLMNPRSTUVWXY"[int(found[1] + found[3]) % 31] == found[4]
        signs.add(found[2])
        assert re.fullmatch(r"1\.2\.246\.562\.98\.[1-9]\d{10}", person.oppijanumero)
        digits = [int(c) for c in reversed(person.oppijanumero[-11:])]
        weighted = sum(d * w for d, w in zip(digits[1:], (7, 3, 1) * 4, strict=False))
        assert (weighted + digits[0]) % 10 == 0
    assert signs == set("ABCDEF")
    words = [word for p in people for name in (p.name, p.guardian) for word in name.split()]
    assert len(set(words)) == len(words)
    assert min(map(len, words)) >= 8
    local = {e.local_id for e in whole_region().enrolments} - {""}
    assert min(map(len, local)) >= 8


def test_some_pupils_have_no_hetu_or_get_it_late_but_none_in_iisalmi() -> None:
    for region in (small_region(), whole_region()):
        without: dict[str, set[bool]] = {m: set() for m in MUNICIPALITIES}
        for e in region.enrolments:
            person = region.persons[e.person_id]
            if person.hetu_from != ALWAYS:
                without[e.municipality].add(person.hetu_from == FAR)
        assert without[IISALMI] == set()
        assert all(without[m] == {True, False} for m in MUNICIPALITIES if m != IISALMI)


@pytest.mark.parametrize(("year", "count", "last"), [(2024, 187, date(2025, 5, 31)), (2025, 188, date(2026, 5, 30))])
def test_calendar_is_a_finnish_school_year(year: int, count: int, last: date) -> None:
    for municipality in MUNICIPALITIES:
        days = [as_date(d) for d in working_days(municipality, year)]
        assert len(days) == count
        assert days[-1] == last
        assert days[0] > date(year, 8, 1)
        assert not {date.fromisocalendar(year, 42, n) for n in range(1, 6)} & set(days)
        assert not {date.fromisocalendar(year + 1, 10, n) for n in range(1, 6)} & set(days)
        assert not {date(year, 12, 24), date(year + 1, 1, 6), date(year + 1, 5, 1)} & set(days)
        assert all(day.weekday() < 5 for day in days[:-1])


def test_weekly_lessons_are_the_minimum_and_more_in_iisalmi() -> None:
    minimum = {1: 20, 2: 20, 3: 22, 4: 24, 5: 25, 6: 25, 7: 30, 8: 29, 9: 30}
    for school in SCHOOLS:
        for grade in school.grades:
            lessons = week(school, grade)
            assert max(lessons) <= (5 if grade <= 2 else 7)
            if school.municipality == IISALMI:
                assert sum(lessons[:5]) >= minimum[grade]
            else:
                assert sum(lessons[:5]) == minimum[grade]
    assert sum(week(next(s for s in SCHOOLS if s.municipality == IISALMI and s.lowest == 1), 5)[:5]) == 27


def rates(region: Region, year: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(absent lessons, scheduled lessons, grade) of each person of the school year."""
    reach = reaches(delivered(date(year + 1, 7, 31), None))
    absent = np.zeros(len(region.persons))
    for person, day, _, amount in absences(region, reach).values():
        inside = (day >= number(date(year, 8, 1))) & (day <= number(date(year + 1, 7, 31)))
        np.add.at(absent, person[inside], amount[inside] / UNIT)
    scheduled, grade = np.zeros(len(region.persons)), np.zeros(len(region.persons))
    for e in enrolments(region, reach):
        if e.year == year and e.grade is not None and e.form != HOME:
            days = working_days(e.municipality, year)
            inside = (days >= e.start) & (days <= e.last)
            scheduled[e.person_id] += day_lessons(e.school, e.grade, year)[inside].sum()
            grade[e.person_id] = e.grade
    return absent, scheduled, grade


@pytest.mark.parametrize("year", YEARS)
def test_absence_is_about_five_per_cent_and_skewed(year: int) -> None:
    absent, scheduled, grade = rates(third_region(), year)
    there = scheduled > 100
    rate = absent[there] / scheduled[there]
    assert 0.04 <= absent.sum() / scheduled.sum() <= 0.06
    assert 0.60 <= (rate < 0.05).mean() <= 0.70
    assert 0.17 <= ((rate >= 0.05) & (rate < 0.10)).mean() <= 0.22
    assert 0.08 <= ((rate >= 0.10) & (rate <= 0.20)).mean() <= 0.13
    assert 0.02 <= (rate > 0.20).mean() <= 0.04
    upper = grade[there] >= 7
    assert rate[upper].mean() > 1.3 * rate[~upper].mean()
    assert np.median(rate) < rate.mean()


def test_absence_persists_over_the_years() -> None:
    region = third_region()
    first, second = rates(region, 2024), rates(region, 2025)
    both = (first[1] > 500) & (second[1] > 500)
    assert np.corrcoef(first[0][both] / first[1][both], second[0][both] / second[1][both])[0, 1] > 0.5


def test_illness_peaks_in_november_and_february_and_leave_before_holidays() -> None:
    lessons = third_region().lessons["kuopio", 2025]
    months = lessons.day.astype("datetime64[D]").astype("datetime64[M]").astype(int) % 12 + 1
    days = working_days("kuopio", 2025)
    day_month = days.astype("datetime64[D]").astype("datetime64[M]").astype(int) % 12 + 1

    def daily(absence_class: int, month: int) -> float:
        return float(((lessons.later == absence_class) & (months == month)).sum() / (day_month == month).sum())

    assert min(daily(HEALTH, 11), daily(HEALTH, 2)) > 1.3 * max(daily(HEALTH, 9), daily(HEALTH, 5))
    week_before_christmas = (lessons.day >= number(date(2025, 12, 17))) & (lessons.day <= number(date(2025, 12, 19)))
    assert (week_before_christmas & (lessons.later == LEAVE)).sum() / 3 > 2 * daily(LEAVE, 11)


def test_reasons_come_within_two_weeks_and_a_few_never() -> None:
    region = third_region()
    for municipality in ("kuopio", IISALMI, VARKAUS):
        lessons = region.lessons[municipality, 2025]
        opened = (lessons.first == UNCLARIFIED) & (lessons.later != UNCLARIFIED) & (lessons.changed < FAR)
        lag = (lessons.changed - lessons.day)[opened]
        assert np.median(lag) <= 7
        assert (lag <= 15).mean() > 0.85
        final = lessons.later < LATE
        assert 0.01 < ((lessons.later == UNCLARIFIED) & final).sum() / final.sum() < 0.06
    # Kuopio sends 20 days: nothing changes after that.
    marks = region.lessons["kuopio", 2025]
    for event in (marks.created, marks.changed, marks.deleted):
        assert (event[event < FAR] - marks.day[event < FAR]).max() <= 20


def level_shares(region: Region, day: date) -> dict[str, float]:
    rows: dict[tuple[str, int], list] = {}
    for row in region.support:
        rows.setdefault((row.municipality, row.person_id), []).append(row)
    count: Counter[str] = Counter()
    present = enrolled_on(region, day)
    for e in present:
        (span,) = spans(rows.get((e.municipality, e.person_id), []), number(day), number(day))
        count[span.level] += 1
    return {level: n / len(present) for level, n in count.items()}


def test_support_shares_are_those_of_the_statistics_before_the_break() -> None:
    region = whole_region()
    shares = level_shares(region, date(2025, 1, 20))
    assert 0.14 <= shares["S1"] <= 0.18
    assert 0.09 <= shares["S2"] + shares["S3"] <= 0.12
    special = [r for r in region.support if r.kind == SPECIAL and r.scheme == "2011" and r.municipality != VARKAUS]
    assert np.mean([r.extended for r in special]) == pytest.approx(0.21, abs=0.05)
    assert np.mean([r.functional for r in special]) == pytest.approx(0.044, abs=0.015)
    assert np.mean([r.placement == 1 for r in special]) == pytest.approx(0.35, abs=0.04)


def test_nobody_has_intensified_support_after_the_break_and_decisions_grow() -> None:
    autumn, spring = (level_shares(third_region(), day) for day in (date(2025, 9, 20), date(2026, 5, 20)))
    assert "S1" not in autumn
    assert 0.08 < autumn["S2"] + autumn["S3"] < spring["S2"] + spring["S3"] < 0.20
    assert 0 < spring["unknown"] < 0.01


def test_pupils_move_come_and_go() -> None:
    region = third_region()
    for year in YEARS:
        rows = [e for e in region.enrolments if e.year == year and e.deleted == FAR]
        where: dict[int, set[str]] = {}
        schools: dict[int, set[str]] = {}
        for e in rows:
            where.setdefault(e.person_id, set()).add(e.municipality)
            schools.setdefault(e.person_id, set()).add(e.school.number)
        moved = [p for p, places in where.items() if len(places) > 1]
        assert 0.008 <= len(moved) / len(where) <= 0.012
        assert all(region.persons[p].hetu_from == ALWAYS for p in moved)
        assert sum(len(schools[p]) > 1 for p in where if p not in set(moved)) > 15
        elsewhere = np.mean([e.home not in (CODES[e.municipality], "174", "227", "476") for e in rows])
        assert 0.01 <= elsewhere <= 0.02
        autumn = number(date(year, 9, 1))
        assert sum(e.start > autumn for e in rows if len(where[e.person_id]) == len(schools[e.person_id]) == 1) > 15


def test_pupils_entered_by_mistake_are_taken_back() -> None:
    for region in (small_region(), whole_region()):
        wrong = [e for e in region.enrolments if e.deleted != FAR]
        assert {(e.municipality, e.year) for e in wrong} == {(SIILINJARVI, year) for year in YEARS}
        assert all(region.persons[e.person_id].grade_2024 == NEVER for e in wrong)
