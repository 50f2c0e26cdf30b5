"""The fuzz targets: modules `fuzz_NAME.py` in this folder with `target(data)` and `SEEDS`."""

import importlib
from collections.abc import Callable
from pathlib import Path
from time import thread_time
from typing import Protocol, cast

FOLDER = Path(__file__).parent

THOROUGH = frozenset({"cms", "cms_enveloped", "mtom", "pdf", "smime", "verification", "xmlenc", "xmlsignature"})
"""Documents and signatures of unknown origin, deep and stateful: longest in CI."""


TIMED = THOROUGH | {"certificate", "crl", "markup", "ocsp", "pdf_usual", "soap", "tsl", "verification_report"}
"""What reads documents, signatures and messages of anybody: an input that takes long is a finding, too."""
CPU_SECONDS = 2.0
"""Of the processor: thirty times what the dearest of usual inputs takes with a fuzzer's coverage, on a slow machine."""


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


def watched(name: str, target: Callable[[bytes], None]) -> Callable[[bytes], None]:
    """The target of that name, which also raises for an input that takes long each time; itself if it is not in
    `TIMED`."""
    if name not in TIMED:
        return target

    def timed(data: bytes) -> None:
        # Once it may be something else that takes long: what is loaded when it is first needed, or a collection.
        for _ in range(2):
            begun = thread_time()
            target(data)
            if thread_time() - begun <= CPU_SECONDS:
                return
        raise AssertionError(f"one input took more than {CPU_SECONDS:g} s of the processor")

    return timed
