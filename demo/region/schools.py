"""Municipalities and schools: real numbers and names, invented sizes and grades."""

from dataclasses import dataclass

KUOPIO, SIILINJARVI, IISALMI, VARKAUS = MUNICIPALITIES = (
    "kuopio",
    "siilinjarvi",
    "iisalmi",
    "varkaus",
)

CODES = {KUOPIO: "297", SIILINJARVI: "749", IISALMI: "140", VARKAUS: "915"}
PUPILS = {KUOPIO: 11_000, SIILINJARVI: 2_700, IISALMI: 1_921, VARKAUS: 1_500}

OLD_CODES_OF_KUOPIO = ("174", "227", "476")

NAMES = {
    "297": "Kuopio",
    "749": "Siilinjärvi",
    "140": "Iisalmi",
    "915": "Varkaus",
    "402": "Lapinlahti",
    "420": "Leppävirta",
    "263": "Kiuruvesi",
    "778": "Suonenjoki",
    "762": "Sonkajärvi",
    "925": "Vieremä",
    "595": "Pielavesi",
    "239": "Keitele",
    "171": "Joroinen",
}
"""Home municipalities that occur, by code; the old codes of Kuopio apart."""

NEIGHBOURS = {
    KUOPIO: ("749", "402", "420", "778", "915", "140"),
    SIILINJARVI: ("297", "402", "140"),
    IISALMI: ("762", "925", "263", "402", "749", "595"),
    VARKAUS: ("420", "171", "297"),
}


@dataclass(frozen=True)
class School:
    """A school; `size` is its share of the municipality's pupils in its grades, in no unit."""

    municipality: str
    number: str
    name: str
    lowest: int
    highest: int
    size: int
    day_start: int = 8 * 60 + 15
    slot_minutes: int = 60

    @property
    def grades(self) -> range:
        return range(self.lowest, self.highest + 1)


SCHOOLS = (
    School(KUOPIO, "07522", "Hatsalan klassillinen koulu", 7, 9, 20),
    School(KUOPIO, "07523", "Pyörön koulu", 1, 9, 18),
    School(KUOPIO, "07526", "Kalevalan koulu", 1, 9, 14),
    School(KUOPIO, "07527", "Minna Canthin koulu", 1, 6, 10),
    School(KUOPIO, "07528", "Jynkänlahden koulu", 1, 9, 16),
    School(KUOPIO, "07530", "Riistaveden yhtenäiskoulu", 1, 9, 8),
    School(KUOPIO, "07533", "Hiltulanlahden koulu", 1, 6, 6),
    School(KUOPIO, "07539", "Kurkimäen koulu", 1, 6, 3),
    School(KUOPIO, "07543", "Männistön koulu", 1, 6, 4),
    School(KUOPIO, "07546", "von Wrightin koulu", 1, 6, 6),
    School(KUOPIO, "07550", "Rajalan koulu", 1, 6, 9),
    School(KUOPIO, "07551", "Snellmanin koulu", 1, 6, 9),
    School(KUOPIO, "07552", "Särkiniemen koulu", 1, 6, 4),
    School(KUOPIO, "07555", "Vehmasmäen koulu", 1, 6, 2),
    School(KUOPIO, "03680", "Pirtin koulu", 1, 6, 8),
    School(KUOPIO, "03825", "Martti Ahtisaaren koulu", 1, 9, 15),
    School(KUOPIO, "03482", "Neulamäen koulu", 1, 9, 12),
    School(KUOPIO, "08923", "Puijonsarven koulu", 1, 9, 16),
    School(KUOPIO, "04803", "Nilsiän yhtenäiskoulu", 1, 9, 8),
    School(KUOPIO, "04812", "Juankosken koulu", 1, 9, 6),
    School(SIILINJARVI, "07735", "Ahmon koulu", 1, 9, 22),
    School(SIILINJARVI, "07736", "Hamulan koulu", 1, 6, 7),
    School(SIILINJARVI, "07738", "Jännevirran koulu", 1, 6, 4, day_start=8 * 60 + 30),
    School(SIILINJARVI, "07739", "Kasurilan koulu", 1, 6, 7),
    School(SIILINJARVI, "07740", "Siilinlahden koulu", 1, 6, 9),
    School(
        SIILINJARVI,
        "07744",
        "Kuuslahden koulu",
        1,
        6,
        2,
        day_start=9 * 60,
        slot_minutes=55,
    ),
    School(SIILINJARVI, "07747", "Pöljän koulu", 1, 6, 3, day_start=8 * 60 + 30),
    School(SIILINJARVI, "07748", "Toivalan koulu", 1, 6, 8),
    School(SIILINJARVI, "03531", "Suininlahden koulu", 7, 9, 20, day_start=8 * 60),
    School(IISALMI, "05994", "Juhani Ahon koulu", 7, 9, 30),
    School(IISALMI, "05995", "Kauppis-Heikin koulu", 1, 9, 10),
    School(IISALMI, "05997", "Hernejärven koulu", 1, 6, 4),
    School(IISALMI, "06000", "Kangaslammin koulu", 1, 6, 9),
    School(IISALMI, "06001", "Edvin Laineen koulu", 1, 6, 10),
    School(IISALMI, "06009", "Otavan koulu", 1, 6, 3),
    School(IISALMI, "06012", "Runnin koulu", 1, 6, 2),
    School(IISALMI, "06014", "Soinlahden koulu", 1, 6, 3),
    School(VARKAUS, "07287", "Könönpellon koulu", 1, 6, 10),
    School(VARKAUS, "07288", "Lehtoniemen koulu", 1, 6, 5),
    School(VARKAUS, "07289", "Luttilan koulu", 1, 6, 5),
    School(VARKAUS, "07291", "Puurtilan koulu", 1, 6, 6),
    School(VARKAUS, "07349", "Kuoppakankaan koulu", 1, 9, 16),
    School(VARKAUS, "07295", "Svenska skolan i Varkaus", 1, 6, 2),
    School(VARKAUS, "03857", "Waltterin koulu", 1, 9, 16),
)

BY_NUMBER = {school.number: school for school in SCHOOLS}


def of(municipality: str) -> tuple[School, ...]:
    """The municipality's schools, in the order of `SCHOOLS`."""
    return tuple(school for school in SCHOOLS if school.municipality == municipality)
