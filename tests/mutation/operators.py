"""The mutation operators: which single changes are made to a Jinja SQL text or to a code table.

Each is a small mistake that a person could make. A change that cannot alter what the text means (in a comment, a label,
a model's name) is none.
"""

import csv
import io
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta

from tests.mutation.tokens import Statement, Token, jinja_tokens


@dataclass(frozen=True, order=True)
class Edit:
    """Characters [start, end) of a text are replaced."""

    start: int
    end: int
    operator: str
    replacement: str

    def apply(self, text: str) -> str:
        """The text with the change."""
        return text[: self.start] + self.replacement + text[self.end :]


# What stands for a comparison when it is mistaken: strict for not strict, and turned round.
COMPARISONS = {"=": ("<>",), "<>": ("=",), "<": ("<=", ">"), "<=": ("<", ">="), ">": (">=", "<"), ">=": (">", "<=")}
SIGNS = {"+": "-", "-": "+", "*": "/", "/": "*"}
SWAPPED_FUNCTIONS = {
    "least": ("extreme", "greatest"),
    "greatest": ("extreme", "least"),
    "min": ("extreme", "max"),
    "max": ("extreme", "min"),
    "sum": ("aggregate", "count"),
    "lead": ("neighbour", "lag"),
    "lag": ("neighbour", "lead"),
}
SWAPPED_MACROS = {
    "month_of": "last_day_of_month",
    "last_day_of_month": "month_of",
    "month_end_of": "month_of",
    "school_year_start": "school_year_end",
    "school_year_end": "school_year_start",
}
# Constants whose plain variation the database would refuse.
CONSTANTS = {"Europe/Helsinki": "UTC"}


def sql_edits(text: str) -> list[Edit]:
    """Every change of every operator to a text of Jinja SQL, in the order of the text, each resulting text once."""
    found = sorted(set(_edits(text)))
    once: dict[str, Edit] = {}
    for edit in found:
        once.setdefault(edit.apply(text), edit)
    once.pop(text, None)
    return list(once.values())


def _edits(text: str) -> Iterator[Edit]:
    sql = Statement(text)
    for i, token in enumerate(sql.tokens):
        if token.kind == "expression":
            yield from _jinja(token)
        else:
            for operator in OPERATORS:
                yield from operator(sql, i)


def _replace(token: Token, operator: str, replacement: str) -> Edit:
    return Edit(token.start, token.end, operator, replacement)


def _comparison(sql: Statement, i: int) -> Iterator[Edit]:
    token = sql.tokens[i]
    if token.kind == "op":
        for other in COMPARISONS.get(token.text, ()):
            yield _replace(token, "comparison", other)
    # `x between a and b`: without its first day, without its last.
    if i in sql.betweens and sql.word(i - 1) not in ("rows", "range"):
        middle = sql.betweens[i]
        left, right = sql.left_of(i), sql.right_of(middle)
        if left < i and right > middle:
            tokens = sql.tokens
            value = sql.text[tokens[left].start : tokens[i - 1].end]
            lower = sql.text[tokens[i + 1].start : tokens[middle - 1].end]
            upper = sql.text[tokens[middle + 1].start : tokens[right].end]
            for first, last in ((">", "<="), (">=", "<")):
                whole = f"({value} {first} {lower} and {value} {last} {upper})"
                yield Edit(tokens[left].start, tokens[right].end, "between", whole)


def _condition(sql: Statement, i: int) -> Iterator[Edit]:
    """A condition is lost."""
    tokens = sql.tokens
    if i in sql.junctions:
        right = sql.right_of(i)
        if right > i:
            yield Edit(tokens[i].start, tokens[right].end, "condition", "")
            left = sql.left_of(i)
            # The others of a row of conditions are lost with the junction before them.
            if left < i and not (left - 1 in sql.junctions and tokens[left - 1].depth == tokens[i].depth):
                yield Edit(tokens[left].start, tokens[i + 1].start, "condition", "")
    if sql.word(i) in ("where", "having", "on"):
        last = sql.right_of(i)
        alone = last + 1 >= len(tokens) or last + 1 not in sql.junctions
        if last > i and alone:
            if sql.word(i) == "on":
                yield Edit(tokens[i + 1].start, tokens[last].end, "condition", "true")
            elif sql.word(i - 2) == "filter":
                yield Edit(tokens[i - 2].start, tokens[sql.closing(i - 1)].end, "condition", "")
            else:
                yield Edit(tokens[i].start, tokens[last].end, "condition", "")


def _junction(sql: Statement, i: int) -> Iterator[Edit]:
    if i in sql.junctions:
        yield _replace(sql.tokens[i], "and_or", {"and": "or", "or": "and"}[sql.word(i)])


def _join(sql: Statement, i: int) -> Iterator[Edit]:
    kinds = {"inner": "left", "left": "inner"}
    if sql.word(i) in kinds and sql.word(i + 1) == "join":
        yield _replace(sql.tokens[i], "join", kinds[sql.word(i)])


def _union(sql: Statement, i: int) -> Iterator[Edit]:
    if sql.word(i) == "union":
        if sql.word(i + 1) == "all":
            yield Edit(sql.tokens[i].start, sql.tokens[i + 1].end, "union", "union")
        else:
            yield _replace(sql.tokens[i], "union", "union all")


def _order(sql: Statement, i: int) -> Iterator[Edit]:
    if not (sql.word(i) == "by" and sql.word(i - 1) == "order"):
        return
    for _, last in sql.between_commas(i)[1]:
        token = sql.tokens[last]
        if token.word in ("asc", "desc"):
            yield _replace(token, "order", {"asc": "desc", "desc": "asc"}[token.word])
        else:
            yield Edit(token.end, token.end, "order", " desc")


def _partition(sql: Statement, i: int) -> Iterator[Edit]:
    if not (sql.word(i) == "by" and sql.word(i - 1) == "partition"):
        return
    tokens = sql.tokens
    last, items = sql.between_commas(i)
    if len(items) == 1:
        yield Edit(tokens[i - 1].start, tokens[last].end, "partition", "")
    for number, (first, end) in enumerate(items if len(items) > 1 else []):
        if number == 0:
            yield Edit(tokens[first].start, tokens[items[1][0]].start, "partition", "")
        else:
            yield Edit(tokens[items[number - 1][1]].end, tokens[end].end, "partition", "")


def _function(sql: Statement, i: int) -> Iterator[Edit]:
    token = sql.tokens[i]
    if sql.piece(i + 1) != "(":
        return
    if token.word in SWAPPED_FUNCTIONS:
        operator, other = SWAPPED_FUNCTIONS[token.word]
        yield _replace(token, operator, other)
    # A fragment in a macro's argument may end before the call does.
    if not sql.is_closed(i + 1):
        return
    if token.word == "count":
        last = sql.closing(i + 1)
        if sql.piece(i + 2) == "*":
            yield Edit(token.start, sql.tokens[last].end, "aggregate", "max(cast(1 as bigint))")
        elif sql.word(i + 2) != "distinct":
            yield _replace(token, "aggregate", "sum")
    if token.word == "coalesce":
        arguments = sql.arguments(i + 1)
        # In a condition, null counts as false.
        filters = sql.word(i - 1) in ("where", "and", "on", "when") and sql.word(arguments[-1][0]) == "false"
        for kept in () if filters else (arguments[0], arguments[-1]):
            value = sql.text[sql.tokens[kept[0]].start : sql.tokens[kept[1]].end]
            last = sql.closing(i + 1)
            yield Edit(token.start, sql.tokens[last].end, "coalesce", value)


def _frame(sql: Statement, i: int) -> Iterator[Edit]:
    if sql.word(i) == "preceding" and sql.tokens[i - 1].kind == "number":
        yield Edit(sql.tokens[i - 1].start, sql.tokens[i].end, "frame", "current row")
    if sql.word(i) == "current" and sql.word(i + 1) == "row":
        yield Edit(sql.tokens[i].start, sql.tokens[i + 1].end, "frame", "1 preceding")


def _constant(sql: Statement, i: int) -> Iterator[Edit]:
    token = sql.tokens[i]
    if token.kind == "number" and sql.word(i + 1) != "preceding":
        yield _replace(token, "constant", _next_number(token.text))
    if token.word in ("true", "false"):
        yield _replace(token, "constant", {"true": "false", "false": "true"}[token.word])
    whole = token.kind == "string" and "{{" not in token.text and sql.piece(i + 1) != "::"
    if whole and sql.word(i - 1) != "interval" and i not in sql.labels:
        value = token.text[1:-1]
        yield _replace(token, "constant", f"'{CONSTANTS.get(value, value + '~')}'")


def _sign(sql: Statement, i: int) -> Iterator[Edit]:
    token = sql.tokens[i]
    if token.kind == "op" and token.text in SIGNS and sql.piece(i - 1) not in ("(", "."):
        yield _replace(token, "sign", SIGNS[token.text])


def _distinct(sql: Statement, i: int) -> Iterator[Edit]:
    tokens = sql.tokens
    if sql.word(i) != "distinct":
        return
    if sql.word(i + 1) == "from":
        negated = sql.word(i - 1) == "not"
        start = tokens[i - 2 if negated else i - 1].start
        yield Edit(start, tokens[i + 1].end, "null_comparison", "=" if negated else "<>")
        yield Edit(start, tokens[i + 1].end, "comparison", f"is {'' if negated else 'not '}distinct from")
    else:
        yield Edit(tokens[i].start, tokens[i + 1].start, "distinct", "")


def _null(sql: Statement, i: int) -> Iterator[Edit]:
    tokens = sql.tokens
    if sql.word(i) == "is" and sql.word(i + 1) == "null":
        yield Edit(tokens[i].start, tokens[i + 1].end, "null_check", "is not null")
    if sql.word(i) == "is" and sql.word(i + 1) == "not" and sql.word(i + 2) == "null":
        yield Edit(tokens[i].start, tokens[i + 2].end, "null_check", "is null")
    if sql.word(i) == "not" and sql.word(i - 1) != "is":
        yield Edit(tokens[i].start, tokens[i + 1].start, "negation", "")


OPERATORS: tuple[Callable[[Statement, int], Iterator[Edit]], ...] = (
    _comparison,
    _condition,
    _junction,
    _join,
    _union,
    _order,
    _partition,
    _function,
    _frame,
    _constant,
    _sign,
    _distinct,
    _null,
)


def _jinja(expression: Token) -> Iterator[Edit]:
    """Changes inside a `{{ … }}`: the day that a macro is called with, the macro itself, and SQL in its strings."""
    inside = expression.text[2:-2]
    tokens = jinja_tokens(inside, expression.start + 2)
    calls: list[str] = []
    for i, token in enumerate(tokens):
        if token.text == "(":
            calls.append(tokens[i - 1].text if i and tokens[i - 1].kind == "word" else "")
        elif token.text == ")" and calls:
            calls.pop()
        before = tokens[i - 1].text if i else ""
        if token.kind == "word" and before != "." and token.text in SWAPPED_MACROS:
            yield _replace(token, "date", SWAPPED_MACROS[token.text])
        if token.kind == "number":
            zero = before == "-" and token.text == "1"
            edit = Edit(tokens[i - 1].start, token.end, "date", "0") if zero else None
            yield edit or _replace(token, "date", "0" if token.text == "1" else _next_number(token.text))
        named = calls and calls[-1] in ("ref", "source", "definition", "var", "last_day", "date_trunc")
        if token.kind == "string" and not named:
            for edit in _edits(token.text[1:-1]):
                offset = token.start + 1
                yield Edit(edit.start + offset, edit.end + offset, edit.operator, edit.replacement)


def _next_number(text: str) -> str:
    """The number with one more in its last place."""
    decimals = len(text.partition(".")[2])
    return f"{float(text) + 10**-decimals:.{decimals}f}"


# Columns of the seeds and code tables that say something to people only.
TEXT_COLUMNS = frozenset(["label_fi", "label_en", "unit", "source", "reviewed_by", "reviewed_on", "name_fi"])
# Columns in whose order the rows are tried.
ORDER_COLUMNS = frozenset(("priority", "rank"))


def table_edits(text: str, *, rows_are_rules: bool) -> list[Edit]:
    """Changes to a CSV with a header: a value that is another one, two neighbours' priorities swapped.

    rows_are_rules: the table is a crosswalk, where also each row is lost once; its validity dates are those of the
    whole table and are left alone.
    """
    names, *rows = list(csv.reader(io.StringIO(text)))
    places = [(start, start + len(line)) for start, line in _lines(text)][1:]
    edits: list[Edit] = []
    for number, (row, (start, end)) in enumerate(zip(rows, places, strict=True)):
        # A code that is its own translation is understood without its row.
        if rows_are_rules and row[0] != row[1]:
            edits.append(Edit(start, end, "row", ""))
        for column, name in enumerate(names):
            if name in TEXT_COLUMNS or (rows_are_rules and name in ("valid_from", "valid_to")):
                continue
            # The key of a crosswalk is lost with its row.
            if rows_are_rules and column == 0:
                continue
            values = [other[column] for other in rows]
            if name in ORDER_COLUMNS:
                edits += _swapped(rows, places, number, column)
            else:
                value = _other_value(values, number)
                if value is not None and value != row[column]:
                    changed = _csv_line([*row[:column], value, *row[column + 1 :]])
                    edits.append(Edit(start, end, "constant", changed))
    return edits


def _swapped(rows: list[list[str]], places: list[tuple[int, int]], number: int, column: int) -> list[Edit]:
    """The row and the next one with their places in the order exchanged."""
    if number + 1 == len(rows):
        return []
    one, other = rows[number], rows[number + 1]
    # Where the first column repeats, the order is one within its value.
    is_one_order = len({row[0] for row in rows}) == len(rows) or one[0] == other[0]
    if not (is_one_order and one[column] and other[column]):
        return []
    lines = [
        _csv_line([*row[:column], value, *row[column + 1 :]])
        for row, value in ((one, other[column]), (other, one[column]))
    ]
    return [Edit(places[number][0], places[number + 1][1], "priority", "".join(lines))]


def _other_value(values: list[str], number: int) -> str | None:
    """A wrong value of the same kind: the next number or day, the other truth, another text of the column."""
    value = values[number]
    if re.fullmatch(r"\d+(\.\d+)?", value):
        return _next_number(value)
    if re.fullmatch(r"\d{4}-\d\d-\d\d", value):
        return (date.fromisoformat(value) + timedelta(days=1)).isoformat()
    if re.fullmatch(r"(0[1-9]|1[0-2])-\d\d", value):
        return (date.fromisoformat(f"2023-{value}") - timedelta(days=1)).isoformat()[5:]
    if value in ("true", "false"):
        return {"true": "false", "false": "true"}[value]
    if not value:
        return None
    others = [other for other in (*values[number:], *values[:number]) if other and other != value]
    return others[0] if others else ""


def _csv_line(row: list[str]) -> str:
    line = io.StringIO()
    csv.writer(line, lineterminator="\n").writerow(row)
    return line.getvalue()


def _lines(text: str) -> Iterator[tuple[int, str]]:
    start = 0
    for line in text.splitlines(keepends=True):
        yield start, line
        start += len(line)
