"""CEL expressions, compiled and checked once when a form is read.

A form's author writes in CEL (https://cel.dev). An expression that cannot be compiled, calls a
function that does not exist or asks for a field that does not exist is refused with the form; what
is left to go wrong with a report at hand is `EvaluationError`, which holds the report.

Absent fields follow CEL: `has(data.inbjuden_av)` asks, and reading a field that is absent has no
answer. `&&` and `||` are answered when either side settles them, whatever the other side does.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import reduce
from typing import Any, TypeAlias, TypeVar

import cel

from validation.quick_answers import QuickAmounts, QuickAnswer, left_to_cel, quick_amounts, quick_answer
from validation.texts import Json, swedish

Answer = TypeVar("Answer")


class ExpressionError(Exception):
    """The expression can be used with no report at all; the message says what to mend."""


class EvaluationError(Exception):
    """The expression has no answer for this report; the message never holds what was reported."""


Vocabulary = Mapping[str, frozenset[str] | None]
"""The variables an expression may use, dotted (`past.data`), each with its fields; None is any."""

Read: TypeAlias = "Mapping[str, Read] | None"
"""The parts of a value that are read, each with its own parts; None is the whole value."""

FUNCTIONS = frozenset(
    {"kontaktpolitiker", "personal_numbers", "mentions", "days_between", "year", "unit_name"}
)
"""What we add to CEL; see `validation.rules.functions_for`."""

_OVER_ALL = ("personal_numbers", "mentions")
_OURS = FUNCTIONS | {f"{name}_in_data" for name in _OVER_ALL}

Functions = Mapping[str, Callable[..., Any]]
"""By name; see `validation.rules.functions_for`."""

_CEL_FUNCTIONS = frozenset(
    {"contains", "dyn", "endsWith", "matches", "size", "startsWith", "type"}
    | {"bytes", "double", "duration", "int", "string", "timestamp", "uint"}
    | {f"getDayOf{span}" for span in ("Month", "Week", "Year")}
    | {f"get{part}" for part in ("FullYear", "Month", "Date", "Hours", "Minutes", "Seconds")}
)
_NAMED_FUNCTION = re.compile(r"[A-Za-z]\w*")
_TEXT_LITERAL = re.compile(r"""r?("(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')""")
_UNCLEAR = re.compile(r"""//|\'{3}|"{3}|(?<!\w)[bB]?[rR][bB]?["']""")
"""A comment, a long text or a raw one: where texts begin and end cannot be told without a parser."""

_BOUND_NAME = re.compile(r"\.\s*(?:all|exists|existsOne|exists_one|map|filter)\s*\(\s*(\w+)\s*,")


class Told:
    """What expressions are told of one report: variables, functions, and for CEL a context of both.

    CEL's context holds only what is read of the variables, and is made when CEL is first asked.
    """

    def __init__(self, variables: dict[str, Json], functions: Functions, read: Read) -> None:
        self.variables = variables
        self.functions = functions
        self._read = read
        self._context: cel.Context | None = None
        self._newer: dict[str, Json] = {}

    def tell(self, name: str, value: Json) -> None:
        """Put a variable in the place of the one that had the name."""
        self.variables[name] = self._newer[name] = value

    @property
    def context(self) -> cel.Context:
        """CEL copies all of a context when something has been put into it: seldom, and together."""
        if self._context is None:
            self._context = cel.Context(narrowed(self.variables, self._read), dict(self.functions))
        elif self._newer:
            self._context.update(narrowed(self._newer, self._read))
        self._newer.clear()
        return self._context


@dataclass(frozen=True, slots=True)
class Expression:
    source: str
    program: cel.Program
    read: Mapping[str, Read]
    """The variables it needs; to hand over more costs about a µs a value."""
    quick: QuickAnswer
    """The answer without CEL, where it is plain; CEL has the last word where this raises."""

    def answer(self, told: Told, kind: type[Answer]) -> Answer:
        """Evaluate to a value of the kind; raises `EvaluationError` when there is none such."""
        try:
            value = self.quick(told.variables, told.functions)
        except Exception:
            value = self._by_cel(told)
        if not isinstance(value, kind):
            raise EvaluationError(f"{self.source}: answers {type(value).__name__}")
        return value

    def number(self, told: Told) -> int | float:
        """Evaluate to a number, which in CEL a bool is not; raises `EvaluationError`."""
        value = self.answer(told, object)
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise EvaluationError(f"{self.source}: answers {type(value).__name__}")
        return value

    def _by_cel(self, told: Told) -> Json:
        """Rust panics reach Python as `BaseException` and are held like any other failure."""
        try:
            return self.program.execute(told.context)
        except (KeyboardInterrupt, SystemExit):
            raise
        except BaseException as error:
            raise EvaluationError(f"{self.source}: {type(error).__name__}") from None

    @property
    def is_plain(self) -> bool:
        """Whether there is a quick answer, for values that are as plain."""
        return self.quick is not left_to_cel

    def uses(self, name: str) -> frozenset[str]:
        """Give the fields of the variable that the expression asks for."""
        return frozenset(_fields_of(name, _without_literals(self.source)))


def compiled(source: str, vocabulary: Vocabulary) -> Expression:
    """Compile and check names; raises `ExpressionError`."""
    try:
        references = cel.compile(source).references()
    except (ValueError, RuntimeError) as error:
        raise ExpressionError(f"`{source}` is not CEL: {error}") from None
    _check(source, references, vocabulary)
    program = cel.compile(_without_the_whole(source))
    read = {name: _read(name, program.source) for name in program.variables()}
    return Expression(source, program, read, quick_answer(program.source, _OURS) or left_to_cel)


def amounts(name: str, condition: Expression, amount: Expression | None) -> QuickAmounts:
    """Give the amount, or 1, for each of many values of the variable for which the condition holds."""
    given = amount.program.source if amount else "1"
    return quick_amounts(name, condition.program.source, given, _OURS) or left_to_cel


def read_by(expressions: Iterable[Expression]) -> Read:
    """Give what the expressions need of the variables together."""
    return _together(expression.read for expression in expressions)


def narrowed(value: Json, read: Read) -> Json:
    """Leave out what is not read; lists and texts stay whole."""
    if read is None or not isinstance(value, dict):
        return value
    return {name: narrowed(value[name], part) for name, part in read.items() if name in value}


def _together(parts: Iterable[Read]) -> Read:
    nothing: Read = {}
    return reduce(_both, parts, nothing)


def _both(one: Read, other: Read) -> Read:
    if one is None or other is None:
        return None
    shared = {name: _both(one[name], other[name]) for name in one.keys() & other.keys()}
    return {**one, **other, **shared}


def _read(name: str, source: str) -> Read:
    """Read which parts of the variable the expression names; all of it where that cannot be told.

    A name before a parenthesis is a method and no part; to ask whether it is there, or null, takes none.
    """
    if _UNCLEAR.search(source):
        return None
    steps = r"(?:\.[A-Za-z_]\w*\b(?!\s*\())*"
    named = rf"(?<![\w.]){re.escape(name)}\b(?P<steps>{steps})"
    places = rf"(?P<is_there>\bhas\(\s*)?{named}(?P<is_null>\s*[=!]=\s*null\b)?"
    found = [*re.finditer(places, _without_literals(source))]
    return _together(_part(match) for match in found) if found else None


def _part(match: re.Match[str]) -> Read:
    part: Read = {} if match["is_null"] or match["is_there"] else None
    for step in reversed(match["steps"].split(".")[1:]):
        part = {step: part}
    return part


_WHOLE = re.compile(rf"{_TEXT_LITERAL.pattern}|\b({'|'.join(_OVER_ALL)})\(\s*data\s*(?:,|(?=\)))")


def _without_the_whole(source: str) -> str:
    """Let functions over all of `data` find it themselves, so that its texts need not become CEL's.

    `mentions(data, words)` is compiled as `mentions_in_data(words)`; see `validation.rules.functions_for`.
    """
    if _UNCLEAR.search(source) or "data" in _BOUND_NAME.findall(source):
        return source
    return _WHOLE.sub(lambda match: f"{match[2]}_in_data(" if match[2] else match[0], source)


def _check(source: str, references: Mapping[str, list[str]], vocabulary: Vocabulary) -> None:
    bare = _without_literals(source)
    variables = {name.split(".")[0] for name in vocabulary} | set(_BOUND_NAME.findall(bare))
    functions = {name for name in references["functions"] if _NAMED_FUNCTION.fullmatch(name)}
    _refuse(source, "variable", set(references["variables"]) - variables, variables)
    _refuse(source, "function", functions - FUNCTIONS - _CEL_FUNCTIONS, FUNCTIONS)
    for name, fields in vocabulary.items():
        if fields is not None:
            _refuse(source, f"field of {name}", set(_fields_of(name, bare)) - fields, fields)


def _refuse(source: str, what: str, strange: set[str], known: set[str] | frozenset[str]) -> None:
    if strange:
        raise ExpressionError(
            f"`{source}` uses an unknown {what}: {', '.join(sorted(strange))}; "
            f"there are {', '.join(sorted(known)) or 'none'}"
        )


def _without_literals(source: str) -> str:
    return _TEXT_LITERAL.sub("''", source)


def _fields_of(name: str, source: str) -> list[str]:
    return re.findall(rf"(?<![\w.]){re.escape(name)}\.([A-Za-z_]\w*)", source)


@dataclass(frozen=True, slots=True)
class Template:
    """A sentence in which `{…}` is CEL, its answers written the Swedish way."""

    parts: tuple[str | Expression, ...]

    def filled(self, told: Told) -> str:
        """Write the sentence out; raises `EvaluationError`."""
        parts = self.parts
        if len(parts) == 1 and isinstance(parts[0], str):
            return parts[0]
        return "".join(
            [part if isinstance(part, str) else swedish(part.answer(told, object)) for part in parts]
        )

    @property
    def is_plain(self) -> bool:
        """Whether there is no expression in it."""
        return all(isinstance(part, str) for part in self.parts)

    @property
    def expressions(self) -> Iterator[Expression]:
        return (part for part in self.parts if isinstance(part, Expression))


def template(text: str, vocabulary: Vocabulary) -> Template:
    """Read a sentence; raises `ExpressionError`, also for a brace without its partner."""
    return Template(tuple(_parts(text, vocabulary)))


def _parts(text: str, vocabulary: Vocabulary) -> Iterator[str | Expression]:
    rest = text
    while "{" in rest:
        before, _, opened = rest.partition("{")
        end = _closing_brace(opened)
        yield before
        yield compiled(opened[:end], vocabulary)
        rest = opened[end + 1 :]
    yield rest


def _closing_brace(opened: str) -> int:
    """Find the brace that closes the expression; those of CEL's maps and texts are passed over."""
    depth = 1
    for match in re.finditer(rf"{_TEXT_LITERAL.pattern}|[{{}}]", opened):
        depth += {"{": 1, "}": -1}.get(match[0], 0)
        if depth == 0:
            return match.start()
    raise ExpressionError(f"a brace is never closed: `{{{opened}`")
