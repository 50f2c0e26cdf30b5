"""From an expression's text to functions that evaluate it (§2, §3): a parser by recursive descent."""

import math
from collections.abc import Callable, Mapping

from tiaas.base.dataclass import dataclass
from tiaas.konnektor.xpath.document import Kind, Node
from tiaas.konnektor.xpath.functions import FUNCTIONS, Focus
from tiaas.konnektor.xpath.lexer import BadXPath, Token, TokenKind, tokens
from tiaas.konnektor.xpath.steps import AXES, Expression, NodeTest, Step, keep
from tiaas.konnektor.xpath.values import Run, Value, XPathFailed, compare, to_boolean, to_number

EXPRESSION_LENGTH_MAX = 1024
DEPTH_MAX = 24
_ANYTHING = Step(AXES["descendant-or-self"], NodeTest(kind=None))
_NODE_TYPES = {
    "node": NodeTest(kind=None),
    "text": NodeTest(kind=Kind.TEXT),
    "comment": NodeTest(nothing=True),
    "processing-instruction": NodeTest(nothing=True),
}


@dataclass(frozen=True, slots=True, repr=False)
class XPath:
    """A compiled expression. `prefixes` are those it uses."""

    prefixes: frozenset[str]
    _evaluate: Expression

    def holds(self, run: Run) -> bool:
        """Whether the result, from the root, is neither an empty node-set nor "", 0, NaN or false.

        Raises `XPathFailed`, if the budget of `run` does not suffice or types do not fit.
        """
        return to_boolean(self._evaluate(Focus(run, run.document.root, 1, 1)))


def compile_xpath_untrusted(expression: str, prefixes: Mapping[str, str], default: str) -> XPath:
    """Compiles an expression; a name without prefix belongs to the namespace `default`. Raises `BadXPath`."""
    if len(expression) > EXPRESSION_LENGTH_MAX:
        raise BadXPath(EXPRESSION_LENGTH_MAX, "the expression is too long")
    parser = _Parser(tokens(expression), prefixes, default)
    result = parser.expression()
    if parser.here.kind is not TokenKind.END:
        raise parser.wrong("an operator is expected")
    return XPath(frozenset(parser.used), result)


class _Parser:
    def __init__(self, found: list[Token], prefixes: Mapping[str, str], default: str) -> None:
        self._tokens = found
        self._at = 0
        self._depth = 0
        self.used: set[str] = set()
        self._prefixes = prefixes
        self._default = default

    @property
    def here(self) -> Token:
        return self._tokens[self._at]

    def wrong(self, reason: str) -> BadXPath:
        return BadXPath(self.here.at, reason)

    def _next(self) -> Token:
        token = self.here
        self._at += 1
        return token

    def _is(self, *marks: str) -> bool:
        return self.here.kind is TokenKind.MARK and self.here.text in marks

    def _take(self, *marks: str) -> bool:
        if not self._is(*marks):
            return False
        self._at += 1
        return True

    def _expect(self, mark: str) -> None:
        if not self._take(mark):
            raise self.wrong(f"{mark} is expected")

    # ---- operators (§3.3, §3.4, §3.5) ----------------------------------------------------------------------------

    def expression(self) -> Expression:
        self._depth += 1
        if self._depth > DEPTH_MAX:
            raise self.wrong(f"nested deeper than {DEPTH_MAX} levels")
        parts = [self._and()]
        while self._word("or"):
            parts.append(self._and())
        self._depth -= 1
        if len(parts) == 1:
            return parts[0]
        return lambda focus: any(to_boolean(part(focus)) for part in parts)

    def _word(self, *words: str) -> str:
        if self.here.kind is TokenKind.OPERATOR and self.here.text in words:
            return self._next().text
        return ""

    def _and(self) -> Expression:
        parts = [self._equality()]
        while self._word("and"):
            parts.append(self._equality())
        if len(parts) == 1:
            return parts[0]
        return lambda focus: all(to_boolean(part(focus)) for part in parts)

    def _equality(self) -> Expression:
        return self._comparison(("=", "!="), self._relational)

    def _relational(self) -> Expression:
        return self._comparison(("<", "<=", ">", ">="), self._additive)

    def _comparison(self, signs: tuple[str, ...], operand: Callable[[], Expression]) -> Expression:
        left = operand()
        rest: list[tuple[str, Expression]] = []
        while self._is(*signs):
            sign = self._next().text
            rest.append((sign, operand()))
        if not rest:
            return left

        def evaluate(focus: Focus) -> Value:
            value = left(focus)
            for sign, right in rest:
                value = compare(focus.run, sign, value, right(focus))
            return value

        return evaluate

    def _additive(self) -> Expression:
        left = self._multiplicative()
        rest: list[tuple[str, Expression]] = []
        while self._is("+", "-"):
            sign = self._next().text
            rest.append((sign, self._multiplicative()))
        return _arithmetic(left, rest)

    def _multiplicative(self) -> Expression:
        left = self._unary()
        rest: list[tuple[str, Expression]] = []
        while word := self._word("*", "div", "mod"):
            rest.append((word, self._unary()))
        return _arithmetic(left, rest)

    def _unary(self) -> Expression:
        signs = 0
        while self._take("-"):
            signs += 1
        operand = self._union()
        if not signs:
            return operand
        factor = -1.0 if signs % 2 else 1.0
        return lambda focus: factor * to_number(focus.run, operand(focus))

    def _union(self) -> Expression:
        parts = [self._path()]
        while self._take("|"):
            parts.append(self._path())
        if len(parts) == 1:
            return parts[0]

        def evaluate(focus: Focus) -> Value:
            found = {node.order: node for part in parts for node in _node_set(part(focus))}
            return [found[order] for order in sorted(found)]

        return evaluate

    # ---- paths (§2) ----------------------------------------------------------------------------------------------

    def _path(self) -> Expression:
        if self._is("/", "//"):
            start: Expression = lambda focus: [focus.run.document.root]  # noqa: E731
            if self._is("/"):
                self._next()
                if not self._begins_step():
                    return start
                return _walk(start, [self._step(), *self._more_steps()])
            return _walk(start, self._more_steps())
        if self._begins_step():
            return _walk(lambda focus: [focus.node], [self._step(), *self._more_steps()])
        start = self._filtered(self._primary())
        steps = self._more_steps()
        return _walk(start, steps) if steps else start

    def _begins_step(self) -> bool:
        if self._is(".", "..", "@"):
            return True
        if self.here.kind is not TokenKind.NAME:
            return False
        after = self._tokens[self._at + 1]
        return not (after.kind is TokenKind.MARK and after.text == "(") or self.here.text in _NODE_TYPES

    def _more_steps(self) -> list[Step]:
        steps = []
        while self._is("/", "//"):
            if self._next().text == "//":
                steps.append(_ANYTHING)
            steps.append(self._step())
        return steps

    def _step(self) -> Step:
        if self._take("."):
            return Step(AXES["self"], NodeTest(kind=None))
        if self._take(".."):
            return Step(AXES["parent"], NodeTest(kind=None))
        axis = "child"
        if self._take("@"):
            axis = "attribute"
        elif self._tokens[self._at + 1 :] and self._tokens[self._at + 1].text == "::":
            axis = self._next().text
            self._expect("::")
            if axis not in AXES:
                raise self.wrong(f"no axis {axis}")
        return Step(AXES[axis], self._node_test(), tuple(self._predicates()))

    def _node_test(self) -> NodeTest:
        token = self._next()
        if token.kind is not TokenKind.NAME:
            raise BadXPath(token.at, "a name is expected")
        name = token.text
        if self._take("("):
            return self._node_type(name)
        if name == "*":
            return NodeTest()
        prefix, colon, local = name.rpartition(":")
        if colon and prefix not in self._prefixes:
            raise self.wrong(f"the prefix {prefix} is not declared")
        if colon:
            self.used.add(prefix)
        return NodeTest(uri=self._prefixes[prefix] if colon else self._default, local=None if local == "*" else local)

    def _node_type(self, name: str) -> NodeTest:
        if name not in _NODE_TYPES:
            raise self.wrong("a node test is expected")
        if not self._take(")"):
            if name != "processing-instruction" or self._next().kind is not TokenKind.LITERAL:
                raise self.wrong(") is expected")
            self._expect(")")
        return _NODE_TYPES[name]

    def _predicates(self) -> list[Expression]:
        found = []
        while self._take("["):
            found.append(self.expression())
            self._expect("]")
        return found

    def _filtered(self, primary: Expression) -> Expression:
        predicates = self._predicates()
        if not predicates:
            return primary

        def evaluate(focus: Focus) -> Value:
            nodes = _node_set(primary(focus))
            for predicate in predicates:
                nodes = keep(focus.run, nodes, predicate)
            return nodes

        return evaluate

    # ---- the rest (§3.1, §3.2) -----------------------------------------------------------------------------------

    def _primary(self) -> Expression:
        if self._take("("):
            inner = self.expression()
            self._expect(")")
            return inner
        token = self.here
        if token.kind is TokenKind.LITERAL:
            self._next()
            return lambda _: token.text
        if token.kind is TokenKind.NUMBER:
            number = float(self._next().text)
            return lambda _: number
        if token.kind is TokenKind.NAME:
            return self._call()
        raise self.wrong("an expression is expected")

    def _call(self) -> Expression:
        name = self.here.text
        function = FUNCTIONS.get(name)
        if function is None:
            raise self.wrong(f"no function {name}")
        self._next()
        self._expect("(")
        arguments: list[Expression] = []
        while not self._take(")"):
            if arguments:
                self._expect(",")
            arguments.append(self.expression())
        if len(arguments) < function.least or (function.most is not None and len(arguments) > function.most):
            raise self.wrong(f"wrong number of arguments of {name}")

        def evaluate(focus: Focus) -> Value:
            focus.run.spend(1)
            return function.call(focus, [argument(focus) for argument in arguments])

        return evaluate


def _walk(start: Expression, steps: list[Step]) -> Expression:
    def evaluate(focus: Focus) -> Value:
        nodes = _node_set(start(focus))
        for step in steps:
            nodes = step.apply(focus.run, nodes)
        return nodes

    return evaluate


def _node_set(value: Value) -> list[Node]:
    if not isinstance(value, list):
        raise XPathFailed("a node-set is expected")
    return value


def _arithmetic(left: Expression, rest: list[tuple[str, Expression]]) -> Expression:
    if not rest:
        return left

    def evaluate(focus: Focus) -> Value:
        value = to_number(focus.run, left(focus))
        for sign, right in rest:
            focus.run.spend(1)
            value = _calculate(sign, value, to_number(focus.run, right(focus)))
        return value

    return evaluate


def _calculate(sign: str, a: float, b: float) -> float:
    if sign == "+":
        return a + b
    if sign == "-":
        return a - b
    if sign == "*":
        return a * b
    if sign == "div":
        if b == 0:
            return math.nan if a == 0 or math.isnan(a) else math.copysign(math.inf, a) * math.copysign(1.0, b)
        return a / b
    return math.nan if b == 0 or math.isinf(a) or math.isnan(a) or math.isnan(b) else math.fmod(a, b)
