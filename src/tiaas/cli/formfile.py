"""Form files in TOML, JSON or YAML, told apart by their names."""

import json
import sys
import tomllib
from pathlib import Path
from typing import Any

import yaml

from tiaas.base.errors import InvalidInput

_YAML = (".yaml", ".yml")
_FORM = "TOML, JSON or YAML by the file's name; docs/reference/cards.md describes it"


def read_form_file(path: Path) -> dict[str, Any]:
    """The mapping in a file; `-` is JSON on standard input. Raises `InvalidInput`, `OSError`."""
    try:
        text = sys.stdin.read() if str(path) == "-" else path.read_text(encoding="utf-8")
        document = _parse(path.suffix.lower(), text)
    except (ValueError, LookupError, RecursionError, yaml.YAMLError) as error:
        raise InvalidInput(f"{path} cannot be read as a form ({_FORM}): {error}") from None
    if not isinstance(document, dict):
        raise InvalidInput(f"{path} holds no form: keys and values are expected ({_FORM})")
    return document


def _parse(suffix: str, text: str) -> object:
    if suffix == ".toml":
        return tomllib.loads(text)
    return yaml.safe_load(text) if suffix in _YAML else json.loads(text)
