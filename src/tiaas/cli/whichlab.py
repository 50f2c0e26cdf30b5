"""Which running lab a verb means: `--dir`, `TIAAS_DIR`, else that of this folder, else the only one."""

import os
from functools import cache
from pathlib import Path

from tiaas.cli.upchoices import DEFAULT_FOLDER
from tiaas.cli.writer import note
from tiaas.lab.registry import DIR_VARIABLE, Registry


def find_lab(given: Path | None) -> Path:
    """Its folder. Raises `LabNotFound`."""
    registry = Registry(os.environ)
    if given is None and not os.environ.get(DIR_VARIABLE):
        here, running = Path(DEFAULT_FOLDER).absolute(), registry.running()
        if here in running:
            if len(running) > 1:
                _tell(here, len(running))
            return here
    return registry.find(given)


@cache
def _tell(folder: Path, count: int) -> None:
    """Once, though a verb may ask twice."""
    note(f"tiaas: of {count} running labs this is the one in {folder}; --dir names another")
