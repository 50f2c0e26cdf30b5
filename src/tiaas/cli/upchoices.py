"""What `tiaas up` lets one choose, as far as its arguments need it; loads next to nothing."""

import argparse
import enum
import os
from pathlib import Path

from tiaas.lab.registry import DIR_VARIABLE

DEFAULT_FOLDER = ".tiaas"
LOG_FILE = "tiaas.log"


@enum.unique
class HsmKind(enum.StrEnum):
    """Where the keys of an HSM-B are; the value stands on the command line."""

    SOFTHSM = "softhsm"
    FOLDER = "folder"


def folder_of(args: argparse.Namespace) -> Path:
    """The lab's folder: by option, variable or habit."""
    return Path(args.dir or os.environ.get(DIR_VARIABLE) or DEFAULT_FOLDER).absolute()
