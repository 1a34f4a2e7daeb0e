"""The kinds of failure: what each is called, whom it concerns, and the page of docs/runbook/ that says what to do.

The one table that the status, the alerts and the pages go by. Its order is the order of urgency, worst first: what
touches a child's protection or stops everybody, then what stops the region's figures, then one municipality's.
"""

from collections.abc import Mapping
from dataclasses import dataclass

FOLDER = "docs/runbook"


@dataclass(frozen=True)
class Kind:
    """One kind of failure. page: its runbook page, in the project's folder. sender_fi, sender_en: what the municipality
    that it is of is asked to do; empty for what is no matter of the sender."""

    page: str
    title_en: str
    title_fi: str
    sender_fi: str = ""
    sender_en: str = ""


def _kind(name: str, title_en: str, title_fi: str, sender_fi: str = "", sender_en: str = "") -> tuple[str, Kind]:
    return name, Kind(f"{FOLDER}/{name.replace('_', '-')}.md", title_en, title_fi, sender_fi, sender_en)


KINDS: Mapping[str, Kind] = dict(
    (
        _kind(
            "release_protection",
            "Release stopped: somebody could reach what is not theirs",
            "Julkaisu pysäytettiin: joku pääsisi tietoihin, jotka eivät hänelle kuulu",
        ),
        _kind(
            "warehouse_unreachable",
            "The warehouse cannot be reached",
            "Tietovarastoon ei saada yhteyttä",
        ),
        _kind("disk_full", "The disk is full or nearly so", "Levy on täynnä tai melkein täynnä"),
        _kind(
            "release_disclosure",
            "Release refused by disclosure control",
            "Tietosuojatarkastus hylkäsi julkaisun",
        ),
        _kind("release_refused", "Release refused by the quality gate", "Laatuportti hylkäsi julkaisun"),
        _kind("release_failed", "The release broke off", "Julkaisu keskeytyi"),
        _kind("night_late", "The night is late", "Yöajo on myöhässä"),
        _kind("task_failed", "A task failed", "Tehtävä epäonnistui"),
        _kind(
            "delivery_held",
            "Delivery held",
            "Toimitus odottaa tarkistusta",
            "Toimitusta ei ole vielä otettu käyttöön. Katsokaa kuittauksesta, mikä sen esti, ja vastatkaa meille, "
            "korjaatteko tiedon lähdejärjestelmässä vai onko se oikein.",
            "The delivery is not in use yet. The receipt says what holds it: please answer whether you correct it in "
            "the source or whether it is right as it is.",
        ),
        _kind(
            "delivery_refused",
            "Delivery refused",
            "Toimitus hylättiin",
            "Toimitusta ei voitu lukea. Korjatkaa virhe lähdejärjestelmässä ja lähettäkää toimitus uudelleen.",
            "The delivery could not be read. Please mend the cause in the source and deliver again.",
        ),
        _kind(
            "ingest_failed",
            "A delivery could not be had",
            "Toimitusta ei saatu",
            "Toimitusta ei saatu haettua tai luettua. Tarkistakaa, että lähde on käytettävissä ja että meille annetut "
            "tunnukset ovat voimassa. Yritämme uudelleen seuraavana yönä.",
            "The delivery could not be fetched or read. Please check that the source is there and that the account you "
            "gave us is valid. We try again the next night.",
        ),
        _kind(
            "municipality_silent",
            "A municipality is silent",
            "Kunnasta ei ole tullut uutta tietoa",
            "Teiltä ei ole tullut uutta tietoa. Tarkistakaa, että poiminta ajetaan ja että se päätyy sovittuun "
            "paikkaan. Kunnes uutta tietoa tulee, luvuissa on viimeksi hyväksytty toimituksenne.",
            "Nothing new has come from you. Please check that the extract is run and that it arrives where it was "
            "agreed. Until then the figures show your last accepted delivery.",
        ),
        _kind("unmapped_codes", "Codes that nobody has mapped", "Koodeja, joiden merkitystä ei tiedetä"),
        _kind("receipt_undeliverable", "A receipt cannot be delivered", "Kuittausta ei saada perille"),
    )
)
URGENCY: Mapping[str, int] = {kind: place for place, kind in enumerate(KINDS)}
