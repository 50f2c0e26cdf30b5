"""What an error code of the Konnektor means to a person and what to do about it, in English and German.

The official text of a code is terse and always German; practice software may show this beside it.
"""

import enum
import tomllib
from collections.abc import Mapping
from functools import cache
from importlib.resources import files

from tiaas.base.dataclass import dataclass


@enum.unique
class Language(enum.StrEnum):
    """The languages of the help."""

    ENGLISH = "en"
    GERMAN = "de"


@dataclass(frozen=True, slots=True)
class Help:
    """Why a code comes, and what to do; one or two sentences each."""

    cause: str
    remedy: str


@cache
def all_help(language: Language) -> Mapping[int, Help]:
    """Help by code, codes in rising order. A code that never comes from here has none."""
    text = files("tiaas.client").joinpath("errorhelp.toml").read_text(encoding="utf-8")
    return {int(number): Help(*entry[language]) for number, entry in tomllib.loads(text).items()}
