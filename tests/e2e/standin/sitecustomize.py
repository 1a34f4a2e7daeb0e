"""Puts the stand-ins of this folder in the place of the night's steps, in every process that has it on its path.

Stand-ins, because the test is about when Airflow starts what; the steps themselves are tested with real data elsewhere.
"""

import importlib.util
import sys
from collections.abc import Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType


class StandIns(MetaPathFinder):
    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname in ("pipeline.ingest", "pipeline.release", "pipeline.retention", "pages.site"):
            file = Path(__file__).with_name(f"{fullname.rpartition('.')[2]}_standin.py")
            return importlib.util.spec_from_file_location(fullname, file)
        return None


sys.meta_path.insert(0, StandIns())
