"""Which tests say what they show: the marks `requirement`, `code`, `pitfall`, `event`, read from their sources."""

import ast
from collections import defaultdict
from collections.abc import Iterator, Mapping
from functools import cache

from tests.structure.sources import ROOT

KINDS = ("requirement", "code", "pitfall", "event")


@cache
def shown() -> Mapping[str, Mapping[str, tuple[str, ...]]]:
    """Per kind and id (or number, as text) the tests that show it: `tests/…/test_x.py::test_name`, sorted.

    A mark on a test or on a parameter of it counts for the test; one in a module-level value counts for the module.
    """
    found: dict[str, dict[str, set[str]]] = {kind: defaultdict(set) for kind in KINDS}
    for path in sorted((ROOT / "tests").rglob("test_*.py")):
        module = ast.parse(path.read_text(encoding="utf-8"), str(path))
        name = path.relative_to(ROOT).as_posix()
        for node in module.body:
            for where, part in _places(name, node):
                for kind, value in _marks(part):
                    found[kind][value].add(where)
    return {kind: {value: tuple(sorted(where)) for value, where in values.items()} for kind, values in found.items()}


def _places(module: str, node: ast.stmt) -> Iterator[tuple[str, ast.AST]]:
    """A top-level statement, a class taken apart into its methods."""
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
        yield f"{module}::{node.name}", node
    elif isinstance(node, ast.ClassDef):
        for item in node.body:
            yield from _places(f"{module}::{node.name}", item)
    else:
        yield module, node


def _marks(node: ast.AST) -> Iterator[tuple[str, str]]:
    for item in ast.walk(node):
        if not isinstance(item, ast.Call) or not isinstance(item.func, ast.Attribute) or item.func.attr not in KINDS:
            continue
        if ast.unparse(item.func) in (f"pytest.mark.{item.func.attr}", f"mark.{item.func.attr}"):
            yield from ((item.func.attr, str(arg.value)) for arg in item.args if isinstance(arg, ast.Constant))
