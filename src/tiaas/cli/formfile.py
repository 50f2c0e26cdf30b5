"""Forms of cards in TOML, JSON or YAML, told apart by their names; cards that were exported, in JSON."""

import json
import sys
import tomllib
from pathlib import Path
from typing import Any

import yaml

from tiaas.base.errors import InvalidInput
from tiaas.base.inputfile import MOST, read_input_text

_YAML = (".yaml", ".yml")
_FORM = "TOML, JSON or YAML by the file's name; docs/reference/cards.md describes it"


def read_form_file(path: Path) -> dict[str, Any]:
    """The mapping in a file; `-` is JSON on standard input. Raises `InvalidInput`."""
    try:
        text = sys.stdin.read(MOST) if str(path) == "-" else read_input_text(path)
        document = _parse(path.suffix.lower(), text)
    except (ValueError, LookupError, RecursionError, yaml.YAMLError) as error:
        raise InvalidInput(f"{path} cannot be read as a form ({_FORM}): {error}") from None
    if not isinstance(document, dict):
        raise InvalidInput(f"{path} holds no form: keys and values are expected ({_FORM})")
    return document


def read_card_file(path: Path) -> dict[str, Any]:
    """What `tiaas card export` wrote. Raises `InvalidInput`."""
    try:
        document = json.loads(read_input_text(path))
    except json.JSONDecodeError as error:
        raise InvalidInput(f"{path} is damaged at line {error.lineno}, column {error.colno}: {error.msg}") from None
    except (ValueError, RecursionError):
        raise InvalidInput(f"{path} is no card that tiaas card export wrote") from None
    if not isinstance(document, dict) or "image" not in document:
        raise InvalidInput(f"{path} is no card that tiaas card export wrote")
    return document


def _parse(suffix: str, text: str) -> object:
    if suffix == ".toml":
        return tomllib.loads(text)
    return yaml.safe_load(text) if suffix in _YAML else json.loads(text)
