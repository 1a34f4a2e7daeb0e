"""Identities of persons who do not exist, and numbers of records: all unique, none guessable from another.

HETU individual numbers are 900-999 (the range of artificial identities) and person OIDs lie under node 98, so that
nothing here can be a real person's.
"""

import numpy as np

from demo.region.calendars import as_date

_CHECK = "0123456789ABCDEFHJKLMNPRSTUVWXY"
_SIGNS = "ABCDEF"
_OPPILASNRO = np.array(list("23456789ABCDEFGHJKLMNPQRSTUVWXYZ"))
_SYLLABLES = np.array(
    [
        *map(
            "".join,
            zip(
                *[iter("qaxvuzxolzyqwexdråjuqmoxzofquåvyxxirbwazeqguxhyzklånwopyxruxswytwåcixfuqlweozqyxuawqeqzuwx")]
                * 3,
                strict=True,
            ),
        )
    ]
)


def hetu(birth: int, sign: str, individual: int) -> str:
    """A HETU of the birth day (day number), century sign and individual number, with its check character."""
    day = as_date(birth).strftime("%d%m%y")
    return f"{day}{sign}{individual:03d}{_CHECK[int(f'{day}{individual:03d}') % 31]}"


def hetus(rng: np.random.Generator, births: np.ndarray) -> list[str]:
    """One unique HETU a person. The alternative signs B-F are as valid as A and come to about a sixth of them."""
    taken: dict[int, int] = {}
    sign = rng.integers(0, 36, len(births)).tolist()
    found = []
    for n, birth in enumerate(births.tolist()):
        # A hundred persons fill a day; whoever comes after them is born the day after.
        while (used := taken.get(birth, 0)) >= 100:
            birth += 1
        taken[birth] = used + 1
        # 37 and 100 have no common factor, so a hundred persons of a day get a hundred numbers.
        individual = 900 + (birth * 7 + used * 37) % 100
        found.append(hetu(birth, _SIGNS[sign[n]] if sign[n] < 6 else "A", individual))
    return found


def oids(rng: np.random.Generator, count: int) -> list[str]:
    """Oppijanumerot under node 98: ten digits and a check digit (weights 7, 3, 1 from the right)."""
    digits = np.unique(rng.integers(10**9, 10**10, count + count // 50 + 100))
    digits = rng.permutation(digits)[:count]
    total = np.zeros(count, dtype=np.int64)
    rest = digits.copy()
    for place in range(10):
        total += (rest % 10) * (7, 3, 1)[place % 3]
        rest //= 10
    return [f"1.2.246.562.98.{d}{c}" for d, c in zip(digits.tolist(), ((10 - total % 10) % 10).tolist(), strict=True)]


def uuids(rng: np.random.Generator, count: int) -> list[str]:
    """Random version 4 UUIDs."""
    raw = rng.bytes(16 * count).hex()
    parts = (raw[n : n + 32] for n in range(0, 32 * count, 32))
    return [f"{p[:8]}-{p[8:12]}-4{p[13:16]}-{'89ab'[int(p[16], 16) % 4]}{p[17:20]}-{p[20:]}" for p in parts]


def oppilasnros(rng: np.random.Generator, count: int) -> list[str]:
    """Varkaus' pupil numbers: ten letters and digits."""
    drawn = _OPPILASNRO[rng.integers(0, len(_OPPILASNRO), (count, 10))]
    found = ["".join(row) for row in drawn.tolist()]
    assert len(set(found)) == count
    return found


def record_numbers(rng: np.random.Generator, count: int) -> np.ndarray:
    """Distinct numbers of twelve digits."""
    size = 900_000_000_000
    step = int(rng.integers(10**10, 10**11)) * 30 + 7  # shares no factor with size, so that no number repeats
    start = int(rng.integers(0, size))
    step %= size
    # The product is taken in two halves: index times step can pass 63 bits.
    index = np.arange(count, dtype=np.int64)
    high, low = divmod(step, 1_000_000)
    product = ((index * high % size) * 1_000_000 % size + index * low) % size
    return 100_000_000_000 + (start + product) % size


def names(rng: np.random.Generator, count: int) -> list[str]:
    """Invented names of two words, no word used twice."""
    seen: dict[str, None] = {}
    while len(seen) < 2 * count:
        drawn = _SYLLABLES[rng.integers(0, len(_SYLLABLES), (2 * count, 4))]
        seen.update(dict.fromkeys("".join(row).capitalize() for row in drawn.tolist()))
    words = list(seen)[: 2 * count]
    return [f"{a} {b}" for a, b in zip(words[:count], words[count:], strict=True)]
