"""Pseudonyms: HMAC-SHA-256, cut to the 16 bytes of a uuid, made before anything is written.

Two keys: the regional one links a pupil across municipalities (`harmonised` only), the municipality's own one makes
what its own people see. Each kind of id has its own domain, so that equal texts of two kinds do not meet.
"""

import hashlib
import hmac
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from uuid import UUID

MUNICIPAL_KINDS = ("pupil", "record")
REGIONAL_KINDS = ("hetu", "oppijanumero")


@dataclass(frozen=True)
class PseudonymKeys:
    """The regional and the municipality's own secret, at least 16 bytes each; never shown in a repr."""

    regional: bytes = field(repr=False)
    municipal: bytes = field(repr=False)

    def __post_init__(self) -> None:
        if min(len(self.regional), len(self.municipal)) < 16:
            raise ValueError("A pseudonym key must have at least 16 bytes.")

    def pseudonymiser(self, kind: str) -> Callable[[Iterable[str | None]], list[bytes | None]]:
        """A function from ids to 16-byte pseudonyms (None stays None), each id after `normalise_id`.

        kind: `pupil`, `record` (municipality's key); `hetu`, `oppijanumero` (regional key).
        """
        if kind in MUNICIPAL_KINDS:
            key = self.municipal
        elif kind in REGIONAL_KINDS:
            key = self.regional
        else:
            raise ValueError(f"No such kind of pseudonym: {kind!r}")
        # One keyed state is copied for each id: the key schedule is half of a short HMAC's work.
        keyed = hmac.new(key, f"tukiverkko:{kind}:".encode(), hashlib.sha256)

        def pseudonymise(ids: Iterable[str | None]) -> list[bytes | None]:
            made: list[bytes | None] = []
            for value in ids:
                if value is None:
                    made.append(None)
                    continue
                state = keyed.copy()
                state.update(normalise_id(value).encode())
                made.append(state.digest()[:16])
            return made

        return pseudonymise

    def pupil_ref(self, pupil_id: str) -> UUID:
        """The `pupil_ref` of one id, as landing holds it: for looking a pupil up (`tukiverkko forget`)."""
        return self._uuid("pupil", pupil_id)

    def hetu_key(self, hetu: str) -> UUID:
        """The `hetu_key` of one HETU, as landing holds it."""
        return self._uuid("hetu", hetu)

    def oppijanumero_key(self, oppijanumero: str) -> UUID:
        """The `oppijanumero_key` of one oppijanumero, as landing holds it."""
        return self._uuid("oppijanumero", oppijanumero)

    def _uuid(self, kind: str, value: str) -> UUID:
        made = self.pseudonymiser(kind)([value])[0]
        assert made is not None
        return UUID(bytes=made)


def normalise_id(value: str) -> str:
    """An id without surrounding blanks, in upper case: the same HETU written in two ways is one pupil."""
    return value.strip().upper()
