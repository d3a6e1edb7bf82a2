"""Quick answers: the plain part of CEL as Python, where the two are proven to agree (decision 0021).

A CEL context costs some 50 µs for each report, and a value that is put into it about one more. What
forms mostly ask is plain: fields, texts and numbers, compared and added, `has`, `in`, `exists`, `map`
and our own functions. That is read here by CEL's grammar (https://cel.dev, § Syntax) and built as
Python's syntax tree: what an author wrote never becomes Python's source.

CEL has the last word. An expression with anything else in it has no quick answer; nor has a plain one
whose values are not what the plain part is for: a text with a text, a number with one of its own type.
Whatever is raised here only means that CEL is asked.
"""

import ast
import re
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

from validation.texts import Json

QuickAnswer = Callable[[Mapping[str, Json], Mapping[str, Callable[..., Any]]], Json]
"""The answer by variables and functions; raises anything when it is CEL's to answer."""

QuickAmounts = Callable[[Mapping[str, Json], Mapping[str, Callable[..., Any]], Sequence[Json]], list[Any]]
"""The amounts by variables, functions and the many values of one more variable; it raises as well."""

_PIECE = re.compile(
    r"""\s*(\d+\.\d+|\d+|"[^"\\\n]*"|'[^'\\\n]*'|[A-Za-z_]\w*|&&|\|\||[=!<>]=|[-+!<>?:.,()\[\]{}])""",
    re.ASCII,
)
_NAME = re.compile(r"[A-Za-z_]\w*", re.ASCII)
_WORDS: Mapping[str, Json] = {"true": True, "false": False, "null": None}
_LARGEST = 2**63 - 1
"""CEL's integers have 64 bits."""


class NotPlain(Exception):
    """The expression, or a value in it, is CEL's to answer."""


def quick_answer(source: str, functions: Collection[str]) -> QuickAnswer | None:
    """Build the quick answer of an expression that CEL has compiled, or None where there is none.

    `functions` are those that are ours.
    """
    body = _read(source, functions)
    return None if body is None else _built(["told", "functions"], body)


def quick_amounts(name: str, condition: str, amount: str, functions: Collection[str]) -> QuickAmounts | None:
    """Build what gives the amount for each of many values of the variable for which the condition holds."""
    holds, given = _read(condition, functions, name), _read(amount, functions, name)
    if holds is None or given is None:
        return None
    one = ast.comprehension(
        ast.Name(f"_{name}", ast.Store()), ast.Name("many", ast.Load()), [_truth(holds)], 0
    )
    return _built(["told", "functions", "many"], ast.ListComp(_call("number", given), [one]))


def _read(source: str, functions: Collection[str], *bound: str) -> ast.expr | None:
    try:
        return _Reading(_pieces(source), functions, bound).whole()
    except (NotPlain, RecursionError):
        return None


def _built(names: Sequence[str], body: ast.expr) -> Callable[..., Any] | None:
    """None for what Python does not compile: a chain that is too long for it, or a name that it keeps."""
    arguments = ast.arguments([], [*map(ast.arg, names)], None, [], [], None, [])
    try:
        tree = ast.fix_missing_locations(ast.Expression(ast.Lambda(arguments, body)))
        built: Callable[..., Any] = eval(compile(tree, "<CEL>", "eval"), _MEANINGS)  # noqa: S307
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
    return built


def left_to_cel(*_told: Any) -> Any:
    """The quick answer of what is not plain."""
    raise NotPlain


def _pieces(source: str) -> list[str]:
    text, pieces, at = source.rstrip(), [], 0
    while at < len(text):
        match = _PIECE.match(text, at)
        if match is None:
            raise NotPlain
        pieces.append(match[1])
        at = match.end()
    return [*pieces, ""]


class _Reading:
    """One expression, read from its pieces by precedence, `?:` first and fields last."""

    def __init__(self, pieces: Sequence[str], functions: Collection[str], bound: Sequence[str]) -> None:
        self._pieces = pieces
        self._at = 0
        self._functions = functions
        self._bound = [*bound]

    def whole(self) -> ast.expr:
        found = self._choice()
        self._expect("")
        return found

    def _choice(self) -> ast.expr:
        condition = self._either()
        if not self._take("?"):
            return condition
        then = self._either()
        self._expect(":")
        return ast.IfExp(_truth(condition), then, self._choice())

    def _either(self) -> ast.expr:
        return self._joined("||", ast.Or(), self._both)

    def _both(self) -> ast.expr:
        return self._joined("&&", ast.And(), self._relation)

    def _joined(self, sign: str, operator: ast.boolop, part: Callable[[], ast.expr]) -> ast.expr:
        parts = [part()]
        while self._take(sign):
            parts.append(part())
        return parts[0] if len(parts) == 1 else ast.BoolOp(operator, [*map(_truth, parts)])

    def _relation(self) -> ast.expr:
        left = self._sum()
        while (sign := self._pieces[self._at]) in _RELATIONS:
            self._at += 1
            left = _RELATIONS[sign](left, self._sum())
        return left

    def _sum(self) -> ast.expr:
        left = self._negation()
        while (sign := self._pieces[self._at]) in _SUMS:
            self._at += 1
            left = _call(_SUMS[sign], left, self._negation())
        return left

    def _negation(self) -> ast.expr:
        return _not(self._negation()) if self._take("!") else self._member()

    def _member(self) -> ast.expr:
        found = self._primary()
        while True:
            if self._take("."):
                found = self._field(found)
            elif self._take("["):
                found = _call("at", found, self._choice())
                self._expect("]")
            else:
                return found

    def _field(self, operand: ast.expr) -> ast.expr:
        name = self._name()
        if self._take("("):
            return self._method(operand, name)
        return ast.Subscript(operand, ast.Constant(name), ast.Load())

    def _method(self, operand: ast.expr, name: str) -> ast.expr:
        if name == "size":
            self._expect(")")
            return _call("size", operand)
        if name not in ("exists", "all", "filter", "map"):
            raise NotPlain
        bound = self._name()
        self._expect(",")
        self._bound.append(bound)
        each = self._choice()
        self._bound.pop()
        self._expect(")")
        return _gone_through(name, operand, bound, each)

    def _primary(self) -> ast.expr:
        piece = self._next()
        if piece == "(":
            inner = self._choice()
            self._expect(")")
            return inner
        if piece == "[":
            return ast.List(self._listed("]"), ast.Load())
        if piece == "{":
            return self._map()
        if piece[:1] in ("'", '"'):
            return ast.Constant(piece[1:-1])
        return _number(piece) if piece[:1].isdigit() else self._word(piece)

    def _word(self, piece: str) -> ast.expr:
        if not _NAME.fullmatch(piece) or piece == "in":
            raise NotPlain
        if piece in _WORDS:
            return ast.Constant(_WORDS[piece])
        if self._take("("):
            return self._called(piece, self._listed(")"))
        if piece in self._bound:
            return ast.Name(f"_{piece}", ast.Load())
        return ast.Subscript(ast.Name("told", ast.Load()), ast.Constant(piece), ast.Load())

    def _called(self, name: str, given: list[ast.expr]) -> ast.expr:
        if name in self._functions:
            function = ast.Subscript(ast.Name("functions", ast.Load()), ast.Constant(name), ast.Load())
            return ast.Call(function, given, [])
        if name in ("size", "string") and len(given) == 1:
            return _call(name, given[0])
        if name == "has" and len(given) == 1 and isinstance(given[0], ast.Subscript):
            return _call("holds", given[0].value, given[0].slice)
        raise NotPlain

    def _listed(self, end: str) -> list[ast.expr]:
        if self._take(end):
            return []
        found = [self._choice()]
        while self._take(","):
            found.append(self._choice())
        self._expect(end)
        return found

    def _map(self) -> ast.expr:
        """A map with texts as keys, each there once."""
        keys: list[ast.expr | None] = []
        values: list[ast.expr] = []
        while not keys or self._take(","):
            keys.append(self._choice())
            self._expect(":")
            values.append(self._choice())
        self._expect("}")
        texts = {key.value for key in keys if isinstance(key, ast.Constant) and isinstance(key.value, str)}
        if len(texts) != len(keys):
            raise NotPlain
        return ast.Dict(keys, values)

    def _name(self) -> str:
        name = self._next()
        if not _NAME.fullmatch(name) or name in _WORDS or name == "in":
            raise NotPlain
        return name

    def _next(self) -> str:
        piece = self._pieces[self._at]
        if not piece:
            raise NotPlain
        self._at += 1
        return piece

    def _take(self, piece: str) -> bool:
        found = self._pieces[self._at] == piece
        self._at += found
        return found

    def _expect(self, piece: str) -> None:
        if self._pieces[self._at] != piece:
            raise NotPlain
        self._at += 1


def _call(name: str, *given: ast.expr) -> ast.expr:
    return ast.Call(ast.Name(name, ast.Load()), [*given], [])


def _not(condition: ast.expr) -> ast.expr:
    return ast.UnaryOp(ast.Not(), _truth(condition))


def _truth(node: ast.expr) -> ast.expr:
    """The node with its answer made sure to be true or false, where it could be anything else."""
    named = isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in _TRUTHS
    is_sure = named or isinstance(node, ast.BoolOp | ast.UnaryOp)
    return node if is_sure else _call("truth", node)


def _number(piece: str) -> ast.expr:
    return ast.Constant(float(piece) if "." in piece else int(piece))


def _same(one: ast.expr, other: ast.expr) -> ast.expr:
    """Nothing but null is null; other values are compared with their own kind."""
    for value, against in ((one, other), (other, one)):
        if isinstance(against, ast.Constant) and against.value is None:
            return _call("is_null", value)
    return _call("same", one, other)


def _within(sought: ast.expr, among: ast.expr) -> ast.expr:
    """A list of constants becomes a tuple, which Python makes once."""
    if isinstance(among, ast.List):
        return _call("within", sought, ast.Tuple(among.elts, ast.Load()))
    return _call("within", sought, among)


def _gone_through(name: str, operand: ast.expr, bound: str, each: ast.expr) -> ast.expr:
    one, target = ast.Name(f"_{bound}", ast.Load()), ast.Name(f"_{bound}", ast.Store())
    items = _call("items", operand)
    if name == "map":
        return ast.ListComp(each, [ast.comprehension(target, items, [], 0)])
    if name == "filter":
        return ast.ListComp(one, [ast.comprehension(target, items, [_truth(each)], 0)])
    answers = ast.GeneratorExp(_truth(each), [ast.comprehension(target, items, [], 0)])
    return _call({"exists": "any", "all": "all"}[name], answers)


_RELATIONS: Mapping[str, Callable[[ast.expr, ast.expr], ast.expr]] = {
    "==": _same,
    "!=": lambda one, other: _not(_same(one, other)),
    "<": lambda one, other: _call("less", one, other),
    ">": lambda one, other: _call("less", other, one),
    "<=": lambda one, other: _call("at_most", one, other),
    ">=": lambda one, other: _call("at_most", other, one),
    "in": _within,
}
_SUMS = {"+": "plus", "-": "minus"}
_TRUTHS = frozenset({"is_null", "same", "less", "at_most", "within", "holds", "any", "all", "truth"})

_COMPARED = frozenset({str, int, float})
_EQUALLED = _COMPARED | {bool}


def _truth_of(value: Json) -> bool:
    if value is True or value is False:
        return value
    raise NotPlain


def _is_null(value: Json) -> bool:
    return value is None


def _are_same(one: Json, other: Json) -> bool:
    if type(one) is type(other) and type(one) in _EQUALLED:
        return bool(one == other)
    raise NotPlain


def _is_less(one: Json, other: Json) -> bool:
    if type(one) is type(other) and type(one) in _COMPARED:
        return bool(one < other)
    raise NotPlain


def _is_at_most(one: Json, other: Json) -> bool:
    if type(one) is type(other) and type(one) in _COMPARED:
        return bool(one <= other)
    raise NotPlain


def _plus(one: Json, other: Json) -> Json:
    """Texts and lists are joined; what is no number of CEL's is left to it."""
    if type(one) is not type(other):
        raise NotPlain
    if type(one) in (str, list):
        return one + other
    if type(one) in (int, float):
        return _sound(one + other)
    raise NotPlain


def _minus(one: Json, other: Json) -> Json:
    if type(one) is type(other) and type(one) in (int, float):
        return _sound(one - other)
    raise NotPlain


def _sound(number: Json) -> Json:
    if number != number or (type(number) is int and abs(number) > _LARGEST):  # noqa: PLR0124
        raise NotPlain
    return number


def _number_of(value: Json) -> Json:
    if type(value) in (int, float):
        return value
    raise NotPlain


def _is_within(sought: Json, among: Json) -> bool:
    """A text is no key and no item but itself."""
    if type(sought) is str and type(among) in (tuple, list, dict):
        return sought in among
    raise NotPlain


def _holds(among: Json, name: str) -> bool:
    if type(among) is dict:
        return name in among
    raise NotPlain


def _at(among: Json, place: Json) -> Json:
    is_place = type(among) is list and type(place) is int and place >= 0
    if is_place or (type(among) is dict and type(place) is str):
        return among[place]
    raise NotPlain


def _items(value: Json) -> list[Json]:
    if type(value) is list:
        return value
    raise NotPlain


def _size(value: Json) -> int:
    if type(value) in (list, dict):
        return len(value)
    raise NotPlain


def _string(value: Json) -> str:
    if type(value) in (int, str):
        return str(value)
    raise NotPlain


_MEANINGS: dict[str, Any] = {
    "__builtins__": {},
    "truth": _truth_of,
    "is_null": _is_null,
    "same": _are_same,
    "less": _is_less,
    "at_most": _is_at_most,
    "plus": _plus,
    "minus": _minus,
    "number": _number_of,
    "within": _is_within,
    "holds": _holds,
    "at": _at,
    "items": _items,
    "size": _size,
    "string": _string,
    "any": any,
    "all": all,
}
"""What the names in a tree mean; there are no others."""
