"""A new folder in `municipalities/`, made from the pattern of an existing one."""

import csv
import re
import shutil
from pathlib import Path

from connectors.config import GAP, ConfigError, load_municipality, refuse_reserved_name

NAME = re.compile(r"[a-z][a-z0-9_]*")


def make_folder(root: Path, name: str, like: str) -> Path:
    """Copies `root/<like>` to `root/<name>` and returns the new folder.

    Code, names and contact become visible gaps that `tukiverkko municipality validate` refuses until they are filled;
    crosswalk lines lose their reviewer for the same reason: nobody has reviewed them for this municipality.
    Raises ConfigError for a name that no folder can have, FileExistsError when the folder is there.
    """
    folder = root / name
    if not NAME.fullmatch(name):
        raise ConfigError(
            folder / "municipality.yaml", "(folder)", "is named in lower-case ASCII letters, digits and _"
        )
    refuse_reserved_name(folder / "municipality.yaml")
    if folder.exists():
        raise FileExistsError(f"{folder} is there already.")
    pattern = load_municipality(root / like)
    shutil.copytree(root / like, folder)
    settings = folder / "municipality.yaml"
    text = settings.read_text(encoding="utf-8").replace(f'code: "{pattern.code}"', f'code: "{GAP}"')
    text = re.sub(r"^names: .*$", f"names: {{fi: {GAP}, sv: {GAP}, en: {GAP}}}", text, flags=re.MULTILINE)
    text = re.sub(r"^contact: .*$", f"contact: {{name: {GAP}, email: {GAP}}}", text, flags=re.MULTILINE)
    settings.write_text(text, encoding="utf-8")
    for crosswalk in folder.glob("*.csv"):
        _forget_reviews(crosswalk)
    return folder


def _forget_reviews(crosswalk: Path) -> None:
    with crosswalk.open(encoding="utf-8", newline="") as file:
        reader = csv.DictReader(file)
        lines, columns = list(reader), reader.fieldnames or ()
    with crosswalk.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, fieldnames=columns, lineterminator="\n")
        writer.writeheader()
        writer.writerows({**line, "reviewed_by": "", "reviewed_on": ""} for line in lines)
