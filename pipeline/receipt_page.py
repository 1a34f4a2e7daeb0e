"""The receipt as a page for people, in Finnish: one file that loads nothing from elsewhere and runs nothing."""

from collections.abc import Iterable, Sequence
from html import escape

from connectors.messages import DATASETS_FI
from pipeline.receipts import Receipt, code_in_finnish, finnish_date

_STATUS = {
    "accepted": ("good", "Toimitus on otettu käyttöön."),
    "held": ("wait", "Toimitus odottaa tarkistusta. Se ei ole vielä käytössä."),
    "refused": ("bad", "Toimitusta ei otettu käyttöön."),
    "failed": ("bad", "Toimitusta ei saatu."),
}
_KIND = {
    "absence": "poissaolon syy",
    "support": "tuen taso",
    "mark": "tukitoimi",
    "form": "opetusmuoto",
    "school": "koulu",
    "home_municipality": "kotikunta",
}
_SEVERITY = {"critical": "este", "warning": "varoitus", "info": "tiedoksi"}
_STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 60rem; padding: 0 1rem; color: #1d2126; }
h1 { font-size: 1.5rem; } h2 { font-size: 1.15rem; margin-top: 2rem; }
.status { border-left: .4rem solid; padding: .5rem 1rem; background: #f4f5f7; font-weight: 600; }
.good { border-color: #1b6e3c; } .wait { border-color: #9a6700; } .bad { border-color: #a3161b; }
.table { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; }
th, td { text-align: left; vertical-align: top; padding: .4rem .6rem; border-bottom: 1px solid #c9ced6; }
.number { text-align: right; white-space: nowrap; }
footer { margin-top: 2rem; color: #56606b; font-size: .9rem; }
@media print { body { margin: 0; } .table { overflow: visible; } }
"""
_POLICY = "default-src 'none'; style-src 'unsafe-inline'"


def page(receipt: Receipt) -> bytes:
    """The page, UTF-8."""
    title = f"Kuittaus: {receipt.name_fi}, toimitus {finnish_date(receipt.night)}"
    body = "\n".join(part for part in _parts(receipt, title) if part)
    return (
        '<!doctype html>\n<html lang="fi">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(title)}</title>\n<style>{_STYLE}</style>\n</head>\n<body>\n<main>\n{body}\n</main>\n"
        "<footer><p>Rivin numero on tietorivin järjestysnumero: 1 on ensimmäinen tietorivi otsikoiden jälkeen. "
        "Kuittauksessa ei ole henkilötietoja. Kysymykset: vastatkaa Tukiverkon yhteyshenkilölle ja mainitkaa toimitus "
        f"{escape(receipt.delivery)}.</p></footer>\n</body>\n</html>\n"
    ).encode()


def _parts(receipt: Receipt, title: str) -> Iterable[str]:
    kind, said = _STATUS[receipt.status]
    yield f"<h1>{escape(title)}</h1>"
    yield f'<p class="status {kind}">{said}</p>'
    year = receipt.school_year.replace("-", "–")
    yield f"<p>Lukuvuosi {year}, toimituksen tunnus {escape(receipt.delivery)}.{_as_of(receipt)}</p>"
    if receipt.reason_fi:
        yield f"<p>Syy: {escape(receipt.reason_fi)}</p>"
    if receipt.status != "accepted":
        yield f"<p>{_instead(receipt)}</p>"
    yield "<h2>Mitä teidän pitää tehdä</h2>"
    yield "<ol>" + "".join(f"<li>{escape(step)}</li>" for step in receipt.to_do_fi) + "</ol>"
    if receipt.datasets:
        yield "<h2>Mitä saimme</h2>"
        yield _datasets(receipt)
    obstacles = [one for one in receipt.noticed if one.severity == "critical"]
    others = [one for one in receipt.noticed if one.severity != "critical"]
    for heading, noticed in (("Esteet", obstacles), ("Muuta huomattavaa", others)):
        if noticed:
            yield f"<h2>{heading}</h2>"
            yield _table(
                ("Havainto", "Rivejä", "Vakavuus"),
                [(one.message_fi, _number(one.row_count), _SEVERITY[one.severity]) for one in noticed],
                numbers=(1,),
            )
    if receipt.unknown_codes:
        yield "<h2>Koodit, joiden merkitystä emme tiedä</h2>"
        yield _table(
            ("Aineisto", "Mikä", "Koodi", "Rivejä"),
            [
                (
                    DATASETS_FI[one.dataset],
                    _KIND.get(one.kind, one.kind),
                    code_in_finnish(one.code),
                    _number(one.row_count),
                )
                for one in receipt.unknown_codes
            ],
            numbers=(3,),
        )
    if receipt.rejected_rules:
        yield "<h2>Rivit, joita ei otettu: säännöt</h2>"
        yield _table(
            ("Aineisto", "Sääntö", "Sarake", "Rivejä", "Mitä tehdä"),
            [
                (DATASETS_FI[one.dataset], one.rule, one.columns, _number(one.row_count), one.advice_fi)
                for one in receipt.rejected_rules
            ],
            numbers=(3,),
        )
        yield "<h2>Rivit, joita ei otettu</h2>"
        if len(receipt.rejected_rows) < receipt.rows_rejected:
            yield (
                f"<p>Tässä on {len(receipt.rejected_rows)} ensimmäistä; kaikkiaan rivejä hylättiin "
                f"{_number(receipt.rows_rejected)}.</p>"
            )
        yield _table(
            ("Tiedosto", "Aineisto", "Rivi", "Sarake", "Sääntö", "Miksi"),
            [
                (one.source, DATASETS_FI[one.dataset], str(one.row), one.column or "", one.rule, one.message_fi)
                for one in receipt.rejected_rows
            ],
            numbers=(2,),
        )


def _as_of(receipt: Receipt) -> str:
    return f" Tiedot on poimittu {finnish_date(receipt.as_of)}." if receipt.as_of else ""


def _instead(receipt: Receipt) -> str:
    if receipt.used_instead is None:
        return "Kunnalta ei ole vielä käytössä yhtään toimitusta tältä lukuvuodelta."
    return f"Alueen luvuissa käytetään edelleen toimitusta, joka tuli {finnish_date(receipt.used_instead)}."


def _datasets(receipt: Receipt) -> str:
    return _table(
        ("Aineisto", "Tiedosto", "Rivejä tuli", "Kunnossa", "Hylättiin", "Otsikoita, tyhjiä ja summia", "Päivät"),
        [
            (
                DATASETS_FI[one.dataset],
                one.source,
                _number(one.rows_in),
                _number(one.rows_taken),
                _number(one.rows_rejected),
                _number(one.other_rows),
                f"{finnish_date(one.covers_from)}–{finnish_date(one.covers_to)}"
                if one.covers_from and one.covers_to
                else "–",
            )
            for one in receipt.datasets
        ],
        numbers=(2, 3, 4, 5),
    )


def _number(value: int | None) -> str:
    return "–" if value is None else f"{value:,}".replace(",", "\u00a0")


def _table(heads: Sequence[str], rows: Iterable[Sequence[str]], numbers: Sequence[int]) -> str:
    def kind(place: int) -> str:
        return ' class="number"' if place in numbers else ""

    head = "".join(f'<th scope="col"{kind(place)}>{escape(text)}</th>' for place, text in enumerate(heads))
    body = "\n".join(
        "<tr>" + "".join(f"<td{kind(place)}>{escape(text)}</td>" for place, text in enumerate(row)) + "</tr>"
        for row in rows
    )
    return f'<div class="table"><table><thead><tr>{head}</tr></thead>\n<tbody>\n{body}\n</tbody></table></div>'
