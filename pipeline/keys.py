"""Secret keys: one regional, one of each municipality (pseudonyms), one for the archive of originals.

They are files of 32 random bytes in base64, in `TUKIVERKKO_KEYS` (a mounted secret) or `HOME/keys`.
"""

import base64
import os
import secrets
from pathlib import Path

from connectors.config import refuse_reserved_name
from connectors.pseudonyms import PseudonymKeys
from pipeline.settings import Settings

KEY_BYTES = 32


class MissingKey(RuntimeError):
    """A key file is not there: nothing is read without it, since a new key would make new pseudonyms."""


def pseudonym_keys(settings: Settings, municipality: str) -> PseudonymKeys:
    """The regional key and the municipality's own. Raises MissingKey; ConfigError for another key's name."""
    refuse_reserved_name(settings.municipalities / municipality / "municipality.yaml")
    return PseudonymKeys(regional=_key(settings, "regional"), municipal=_key(settings, municipality))


def archive_key(settings: Settings) -> bytes:
    """The AES-256 key of the archive. Raises MissingKey."""
    return _key(settings, "archive")


def ensure_keys(settings: Settings, municipalities: tuple[str, ...]) -> None:
    """Makes the keys that are missing, each readable by its owner only. For a new installation and the demo."""
    folder = _folder(settings)
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    for name in ("regional", "archive", *municipalities):
        path = folder / f"{name}.key"
        try:
            handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError:
            continue
        with os.fdopen(handle, "wb") as file:
            file.write(base64.b64encode(secrets.token_bytes(KEY_BYTES)))


def _folder(settings: Settings) -> Path:
    return Path(os.environ.get("TUKIVERKKO_KEYS") or settings.keys)


def _key(settings: Settings, name: str) -> bytes:
    path = _folder(settings) / f"{name}.key"
    if not path.exists():
        raise MissingKey(
            f"The key {name}.key is missing from {path.parent}: restore it from its safe, or run `tukiverkko keys`."
        )
    key = base64.b64decode(path.read_bytes())
    if len(key) != KEY_BYTES:
        raise MissingKey(f"The key {path} does not hold {KEY_BYTES} bytes in base64.")
    return key
