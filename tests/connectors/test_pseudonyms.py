"""Pseudonyms are HMAC-SHA-256, cut to 16 bytes, apart by key and kind."""

import hashlib
import hmac

import pytest

from connectors.pseudonyms import PseudonymKeys, pseudonym

KEYS = PseudonymKeys(regional=b"r" * 32, municipal=b"m" * 32)


def test_a_pseudonym_is_the_hmac_of_kind_and_normal_form() -> None:
    expected = hmac.digest(b"r" * 32, b"tukiverkko:hetu:010115A901C", "sha256")[:16]
    assert KEYS.pseudonymiser("hetu")([" 010115a901c", None]) == [expected, None]
    assert KEYS.uuid("hetu", "010115A901C").bytes == expected
    assert pseudonym(b"r" * 32, "hetu", "010115A901C") == expected
    assert len(hashlib.sha256().digest()) == 2 * len(expected)


def test_kinds_and_keys_do_not_meet() -> None:
    made = {KEYS.uuid(kind, "1") for kind in ("pupil", "record", "hetu", "oppijanumero")}
    other = PseudonymKeys(regional=b"r" * 32, municipal=b"n" * 32)
    assert len(made | {other.uuid("pupil", "1"), other.uuid("record", "1")}) == 6
    assert other.uuid("hetu", "1") == KEYS.uuid("hetu", "1")


def test_keys_are_not_shown_and_not_short() -> None:
    assert "r" * 4 not in repr(KEYS)
    with pytest.raises(ValueError, match="16 bytes"):
        PseudonymKeys(regional=b"", municipal=b"m" * 32)
    with pytest.raises(ValueError, match="kind"):
        KEYS.pseudonymiser("name")
