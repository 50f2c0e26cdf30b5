"""Rules of the source that no linter knows (habits: size, names, calls, decoders, log fields)."""

import ast
import re
import sys
from pathlib import Path

import pytest

from tests.fuzz import targets
from tests.structure.sources import ROOT, SRC, calls, functions, modules, tracked, tree, where
from tiaas.base.logfields import NAMES

_MAX_LINES = 800
_MAX_FUNCTION = 100
_FORBIDDEN_NAMES = frozenset({"utils", "util", "common", "helpers", "helper", "misc"})
_FORBIDDEN_CALLS = {
    "print": "verbs write by tiaas.cli.writer, everything else logs",
    "time.sleep": "nothing blocks the loop",
    "sleep": "nothing blocks the loop",
    "datetime.now": "take a Clock",
    "datetime.datetime.now": "take a Clock",
    "datetime.utcnow": "take a Clock",
    "date.today": "take a Clock",
    "time.time": "take a Clock",
    "uuid.uuid4": "take an Entropy",
    "uuid4": "take an Entropy",
}
_CLOCK = SRC / "base" / "clock.py"


def _ids(path: Path) -> str:
    return str(path.relative_to(ROOT))


def test_there_is_something_to_check() -> None:
    assert len(modules()) > 20


@pytest.mark.parametrize("path", modules(), ids=_ids)
def test_module(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert len(text.splitlines()) <= _MAX_LINES, "split it"
    assert path.stem not in _FORBIDDEN_NAMES, "name a module after what is in it"
    assert path.parent.name not in _FORBIDDEN_NAMES, "name a package after what is in it"
    assert ast.get_docstring(tree(path)), "a module says what it is, and by which document"
    for function in functions(tree(path)):
        size = (function.end_lineno or function.lineno) - function.lineno + 1
        assert size <= _MAX_FUNCTION, f"{where(path, function)}: {size} lines"


@pytest.mark.parametrize("path", modules(), ids=_ids)
def test_calls(path: Path) -> None:
    if path == _CLOCK:
        return
    found = [f"{where(path, call)}: {name}: {_FORBIDDEN_CALLS[name]}" for name, call in calls(tree(path))
             if name in _FORBIDDEN_CALLS]  # fmt: skip
    assert not found


@pytest.mark.parametrize("path", modules(), ids=_ids)
def test_public_names_have_docstrings(path: Path) -> None:
    missing = []
    for node in tree(path).body:
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) or node.name.startswith("_"):
            continue
        if not ast.get_docstring(node):
            missing.append(f"{where(path, node)}: {node.name}")
    assert not missing


@pytest.mark.parametrize("path", modules(), ids=_ids)
def test_log_fields_are_declared(path: Path) -> None:
    unknown = []
    for _, call in calls(tree(path)):
        for keyword in call.keywords:
            if keyword.arg == "extra" and isinstance(keyword.value, ast.Dict):
                literal = [key.value for key in keyword.value.keys if isinstance(key, ast.Constant)]
                unknown += [f"{where(path, call)}: {name!r}" for name in literal if name not in NAMES]
    assert not unknown, "declare it in tiaas/base/logfields.py, or leave it out"


def test_base_uses_the_standard_library_only() -> None:
    foreign = []
    for path in (SRC / "base").rglob("*.py"):
        for node in ast.walk(tree(path)):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom):
                names = [node.module or ""]
            foreign += [
                f"{where(path, node)}: {name}"
                for name in names
                if name.partition(".")[0] not in sys.stdlib_module_names and not name.startswith("tiaas.base")
            ]
    assert not foreign


def test_every_untrusted_decoder_is_fuzzed() -> None:
    """A public `…_untrusted` function is called by a fuzz target, by name."""
    fuzzed = "\n".join(path.read_text(encoding="utf-8") for path in targets.FOLDER.glob("fuzz_*.py"))
    missing = [
        where(path, function)
        for path in modules()
        for function in functions(tree(path))
        if re.fullmatch(r"(?!_).*_untrusted", function.name) and not re.search(rf"\b{function.name}\b", fuzzed)
    ]
    assert not missing


def test_todos_name_an_issue() -> None:
    naked = [
        f"{path.relative_to(ROOT)}:{number}"
        for path in tracked()
        if path.suffix in {".py", ".sh", ".toml", ".md"} and path != Path(__file__)
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if re.search(r"\b(TODO|FIXME|XXX)\b", line) and not re.search(r"TODO\(#\d+\): \S", line)
    ]
    assert not naked, "TODO(#nn): what"


# Octets in hex so that this file does not contain what it looks for: machine paths, registry hosts, index options.
_PLACES = re.compile("|".join(re.escape(bytes.fromhex(item).decode()) for item in (
    "2f776f726b2f6d61696e", "2f776f726b2f736861726564", "2f776f726b2f2e", "2f686f6d652f", "2f726f6f742f",
    "707970692e6f7267", "66696c65732e707974686f6e686f73746564", "72656769737472792e6e706d6a73",
    "2d2d696e6465782d75726c", "2d2d65787472612d696e6465782d75726c", "6465622e64656269616e2e6f7267",
)))  # fmt: skip


def test_no_machine_paths_and_no_registry_hosts() -> None:
    found = []
    for path in tracked():
        try:
            lines = path.read_text(encoding="utf-8").splitlines()
        except UnicodeDecodeError:
            continue
        found += [f"{path.relative_to(ROOT)}:{at}" for at, line in enumerate(lines, 1) if _PLACES.search(line)]
    assert not found


def test_locks_have_hashes_for_everything() -> None:
    for name, least in (("requirements.lock", 10), ("requirements-dev.lock", 10), ("requirements-pcsc.lock", 1)):
        pins = re.split(r"\n(?=[a-z0-9])", (ROOT / name).read_text(encoding="utf-8"))
        assert len(pins) >= least
        assert all("==" in pin and "--hash=sha256:" in pin for pin in pins), name
