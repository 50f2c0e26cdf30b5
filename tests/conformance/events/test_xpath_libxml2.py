"""Our XPath evaluator and libxml2 give the same results, on written and on random expressions."""

import math
import os
from random import Random
from typing import Any

import pytest
from lxml import etree

from tiaas.konnektor.xpath.compiler import compile_xpath_untrusted
from tiaas.konnektor.xpath.document import Branch, Document, build
from tiaas.konnektor.xpath.functions import Focus
from tiaas.konnektor.xpath.lexer import BadXPath
from tiaas.konnektor.xpath.values import Run, XPathFailed

URI = "urn:x"
NS = {"e": URI}
RANDOM = int(os.environ.get("TIAAS_XPATH_EXPRESSIONS", "4000"))

TREE = Branch(
    "Event",
    (
        Branch("Topic", "CARD/INSERTED"),
        Branch("Empty"),
        Branch(
            "Message",
            tuple(
                Branch("Parameter", (Branch("Key", key), Branch("Value", value)))
                for key, value in (("CtID", "CT1"), ("SlotID", "2"), ("CardType", "EGK"), ("Name", " a  b\t"))
            ),
        ),
    ),
)
DOCUMENT: Document = build(URI, TREE)


def _xml(branch: Branch) -> etree._Element:
    element = etree.Element(f"{{{URI}}}{branch.local}")
    if isinstance(branch.content, str):
        element.text = branch.content or None
    else:
        element.extend([_xml(inner) for inner in branch.content])
    return element


XML = etree.ElementTree(_xml(TREE))


def theirs(expression: str) -> Any:
    """libxml2's result, node-sets as string values in document order; None if it refuses the expression."""
    try:
        value = XML.xpath(expression, namespaces=NS)
    except etree.XPathError:
        return None
    if isinstance(value, list):
        return [str(item) if isinstance(item, str) else "".join(item.itertext()) for item in value]
    return str(value) if isinstance(value, str) else value


def ours(expression: str) -> Any:
    try:
        # lxml begins at the document element, a filter at the document.
        focus = Focus(Run(DOCUMENT, 10**6), DOCUMENT.root.children[0], 1, 1)
        value = compile_xpath_untrusted(expression, NS, "")._evaluate(focus)
    except (BadXPath, XPathFailed):
        return None
    if isinstance(value, list):
        return [DOCUMENT.string_value(node) for node in value if node.parent is not None]
    return value


def same(left: Any, right: Any) -> bool:
    if isinstance(left, float) and isinstance(right, float):
        return left == right or (math.isnan(left) and math.isnan(right))
    return type(left) is type(right) and bool(left == right)


WRITTEN = [
    "/e:Event/e:Message/e:Parameter[e:Key='CardType']/e:Value",
    "/e:Event/e:Message/e:Parameter[e:Key='CardType' and e:Value='EGK']",
    "//e:Parameter[e:Key[.='CtID']]/e:Value/text()",
    "//e:Value[../e:Key='SlotID'] > 1",
    "count(//e:Parameter[position() mod 2 = 1])",
    "//e:Parameter[last()]/preceding-sibling::*[1]/e:Key",
    "//*[local-name()='Key' and starts-with(., 'C')]",
    "string(//e:Parameter[3]/e:Value)",
    "concat(//e:Topic, '/', count(//e:Key))",
    "substring-before('abc', '')",
    "substring-after('abc', '')",
    "substring-before('', '')",
    "substring('12345', 1.5, 2.6)",
    "substring('12345', 0 div 0, 3)",
    "substring('12345', -42, 1 div 0)",
    "translate('bar', 'abc', 'AB')",
    "normalize-space(//e:Parameter[4]/e:Value)",
    "-5 mod 2",
    "1 div -0",
    "round(-0.5)",
    "- - 3 * 2 + 1",
    "//e:Key | //e:Topic",
    "(//e:Key)[2]",
    "//e:Key[2]",
    "/descendant::e:Key[2]",
    "//e:Parameter/ancestor-or-self::node()",
    "//e:Topic/following::e:Key",
    "//e:Value[.='EGK']/preceding::e:Key",
    "not(//e:Nothing)",
    "//e:Empty = ''",
    "//e:Value != //e:Value",
    "//e:Key = //e:Value",
    "//e:Nothing = false()",
    "boolean(0 div 0)",
    "sum(//e:Parameter[2]/e:Value)",
    "string-length(//e:Topic)",
    "//@*",
    "div div div",
    "* * *",
    "or or or",
    "/",
    "//",
    "1 = 1 = 1",
    "e:Event[",
    "e:Event/",
    "f(1)",
    "u:x",
    "'a",
    "self::node()",
    "processing-instruction('x')",
    "comment()",
    ". = ..",
    "true() > false()",
    "string(-0)",
    "number('  7 ')",
    "'a'/b",
    "1[1]",
]


@pytest.mark.parametrize("expression", WRITTEN)
def test_written(expression: str) -> None:
    assert same(ours(expression), theirs(expression)), (ours(expression), theirs(expression))


_NAMES = ("e:Event", "e:Message", "e:Parameter", "e:Key", "e:Value", "*", "node()", "text()", "e:*")
_AXES = ("", "", "", "descendant::", "ancestor::", "parent::", "self::", "following::", "preceding::",
         "following-sibling::", "preceding-sibling::", "descendant-or-self::", "ancestor-or-self::")  # fmt: skip


def _path(random: Random, depth: int) -> str:
    steps = []
    for _ in range(random.randint(1, 3)):
        step = random.choice((".", "..")) if random.random() < 0.15 else random.choice(_AXES) + random.choice(_NAMES)
        if depth and random.random() < 0.35 and not step.startswith("."):
            step += f"[{_any(random, depth - 1)}]"
        steps.append(step)
    return random.choice(("/", "//", "", ".//")) + random.choice(("/", "/", "//")).join(steps)


def _any(random: Random, depth: int) -> str:
    if depth <= 0 or random.random() < 0.4:
        simple = (str(random.randint(0, 3)), "'EGK'", "'CtID'", "position()", "last()")
        return random.choice((_path(random, depth), *simple))
    a, b = _any(random, depth - 1), _any(random, depth - 1)
    sign = random.choice(("=", "!=", "<", ">=", "and", "or", "+", "-", "*", "div", "mod"))
    return random.choice(
        (f"{a} {sign} {b}", f"({a}) {sign} ({b})", f"count({_path(random, depth)})", f"string({a})", f"not({a})",
         f"{_path(random, depth)} | {_path(random, depth)}", f"contains({a}, {b})", f"-{a}", f"number({a})",
         f"concat({a}, {b})", f"string-length({a})", f"boolean({a})", f"starts-with({a}, {b})")
    )  # fmt: skip


def test_random() -> None:
    random = Random(20260302)
    differ = []
    refused = 0
    for _ in range(RANDOM):
        expression = _any(random, 3)
        if len(expression) > 1024:
            continue
        left, right = ours(expression), theirs(expression)
        if right is None and ("position()" in expression or "last()" in expression):
            continue  # libxml2 knows no position outside of predicates
        refused += left is None
        if not same(left, right):
            differ.append((expression, left, right))
    assert not differ, f"{len(differ)}: {differ[:3]}"
    assert refused < RANDOM // 3
