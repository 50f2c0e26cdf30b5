"""The fuzz targets: modules `fuzz_NAME.py` in this folder with `target(data)` and `SEEDS`."""

import importlib
from pathlib import Path
from typing import Protocol, cast

FOLDER = Path(__file__).parent

THOROUGH = frozenset({"cms", "cms_enveloped", "mtom", "pdf", "smime", "verification", "xmlenc", "xmlsignature"})
"""Documents and signatures of unknown origin, deep and stateful: longest in CI."""


class Target(Protocol):
    """A target module. `target` raises for a finding only; `SEEDS` are inputs worth mutating."""

    SEEDS: list[bytes]

    def target(self, data: bytes) -> None:
        """Feeds `data` to what is under test."""
        ...


def names() -> list[str]:
    """All targets, sorted."""
    return sorted(path.stem.removeprefix("fuzz_") for path in FOLDER.glob("fuzz_*.py"))


def load(name: str) -> Target:
    """The module of a target."""
    return cast(Target, importlib.import_module(f"tests.fuzz.fuzz_{name}"))
