"""Pseudonyms: HMAC-SHA-256, cut to the 16 bytes of a uuid, made before anything reaches the warehouse.

Two keys: the regional one links a pupil across municipalities (`landing` and `harmonised` only), the municipality's own
one makes what its own people see. Each kind of id has its own domain, so that equal texts of two kinds do not meet.
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
        """A function from ids to 16-byte pseudonyms; None stays None.

        kind: `pupil`, `record` (municipality's key); `hetu`, `oppijanumero` (regional key).
        """
        # One keyed state is copied for each id: setting up the key is half of a short HMAC's work.
        keyed = _keyed(self._key(kind), kind)

        def pseudonymise(ids: Iterable[str | None]) -> list[bytes | None]:
            return [None if value is None else _finish(keyed, value) for value in ids]

        return pseudonymise

    def uuid(self, kind: str, value: str) -> UUID:
        """The pseudonym of one id as landing holds it, to look it up by."""
        return UUID(bytes=pseudonym(self._key(kind), kind, value))

    def _key(self, kind: str) -> bytes:
        if kind in MUNICIPAL_KINDS:
            return self.municipal
        if kind in REGIONAL_KINDS:
            return self.regional
        raise ValueError(f"No such kind of pseudonym: {kind!r}")


def pseudonym(key: bytes, kind: str, value: str) -> bytes:
    """The 16 bytes of one id's pseudonym with that key; kinds as in `PseudonymKeys.pseudonymiser`."""
    return _finish(_keyed(key, kind), value)


def normalise_id(value: str) -> str:
    """An id without surrounding blanks, in upper case: the same HETU written in two ways is one pupil."""
    return value.strip().upper()


def _keyed(key: bytes, kind: str) -> hmac.HMAC:
    return hmac.new(key, f"tukiverkko:{kind}:".encode(), hashlib.sha256)


def _finish(keyed: hmac.HMAC, value: str) -> bytes:
    state = keyed.copy()
    state.update(normalise_id(value).encode())
    return state.digest()[:16]
