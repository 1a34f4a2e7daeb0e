"""The encrypted archive of originals: what a replay reads, so that the source need not be asked again.

Each file is nonce (12 bytes) + AES-256-GCM ciphertext; the delivery's and the file's name are authenticated with it, so
that files cannot be exchanged. A delivery appears all at once, by a rename.
"""

import json
import os
import shutil
import tempfile
from datetime import date, datetime
from pathlib import Path

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from connectors.delivery import RawDelivery, RawFile

NONCE_BYTES = 12
MANIFEST = "manifest"


def store(folder: Path, key: bytes, delivery: str, raw: RawDelivery) -> None:
    """Writes the raw delivery as `folder/<municipality>/<delivery>/`, replacing an earlier copy of the same name."""
    target = folder / raw.municipality / delivery
    target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    _remove_unfinished(target)
    scratch = Path(tempfile.mkdtemp(prefix=f".writing-{delivery}.", dir=target.parent))
    try:
        for number, file in enumerate(raw.files):
            content = file.content if isinstance(file.content, bytes) else file.content.read_bytes()
            _write(scratch, key, delivery, f"file-{number}", content)
        _write(scratch, key, delivery, MANIFEST, json.dumps(_manifest(raw)).encode())
        if target.exists():
            shutil.rmtree(target)
        os.rename(scratch, target)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def remove(folder: Path, municipality: str, delivery: str) -> bool:
    """Removes a delivery's originals, and what a killed process left of writing them; says whether there were any."""
    target = folder / municipality / delivery
    _remove_unfinished(target)
    if not target.exists():
        return False
    shutil.rmtree(target)
    return True


def _remove_unfinished(target: Path) -> None:
    for left in target.parent.glob(f".writing-{target.name}.*"):
        shutil.rmtree(left)


def load(folder: Path, key: bytes, municipality: str, delivery: str) -> RawDelivery:
    """Reads a raw delivery back. Raises FileNotFoundError when the archive no longer has it (kept 30 days)."""
    source = folder / municipality / delivery
    if not source.exists():
        raise FileNotFoundError(f"{delivery}: the archive no longer has it; fetch it again with `tukiverkko ingest`.")
    manifest = json.loads(_read(source, key, delivery, MANIFEST))
    files = tuple(
        RawFile(dataset=file["dataset"], name=file["name"], content=_read(source, key, delivery, f"file-{number}"))
        for number, file in enumerate(manifest["files"])
    )
    return RawDelivery(
        municipality=manifest["municipality"],
        night=date.fromisoformat(manifest["night"]),
        school_year=manifest["school_year"],
        as_of=datetime.fromisoformat(manifest["as_of"]),
        since=datetime.fromisoformat(manifest["since"]) if manifest["since"] else None,
        first_of_year=manifest["first_of_year"],
        files=files,
        digest=manifest["digest"],
    )


def _manifest(raw: RawDelivery) -> dict[str, object]:
    return {
        "municipality": raw.municipality,
        "night": raw.night.isoformat(),
        "school_year": raw.school_year,
        "as_of": raw.as_of.isoformat(),
        "since": raw.since.isoformat() if raw.since else None,
        "first_of_year": raw.first_of_year,
        "digest": raw.digest,
        "files": [{"dataset": file.dataset, "name": file.name} for file in raw.files],
    }


def _write(folder: Path, key: bytes, delivery: str, name: str, content: bytes) -> None:
    nonce = os.urandom(NONCE_BYTES)
    ciphertext = AESGCM(key).encrypt(nonce, content, f"{delivery}/{name}".encode())
    with (folder / name).open("wb") as file:
        file.write(nonce)
        file.write(ciphertext)
        file.flush()
        os.fsync(file.fileno())


def _read(folder: Path, key: bytes, delivery: str, name: str) -> bytes:
    content = (folder / name).read_bytes()
    return AESGCM(key).decrypt(content[:NONCE_BYTES], content[NONCE_BYTES:], f"{delivery}/{name}".encode())
