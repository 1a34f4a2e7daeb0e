"""Jinja SQL as tokens with positions, and the extents of the operands around an operator.

A `{{ … }}` is one token here: in SQL it stands for an operand. Its inside is read by `jinja_tokens`.
"""

import re
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

# Ends an operand to the right, at the operand's own depth.
_AFTER = frozenset(
    {
        *(
            "and",
            "or",
            "group",
            "order",
            "having",
            "window",
            "union",
            "limit",
            "left",
            "right",
            "full",
            "inner",
            "cross",
        ),
        *("join", "where", "on", "then", "else", "when", "as", "asc", "desc", "select", "rows", "range", "using"),
        "filter",
    }
)
# Starts an operand, seen from its right.
_BEFORE = frozenset(
    {"and", "or", "where", "on", "when", "then", "else", "having", "select", "by", "filter", "distinct"},
)
# Words after which something still has to come: what follows belongs to the same operand.
_OPERATOR_WORDS = frozenset(
    {
        *("and", "or", "not", "is", "from", "between", "in", "like", "over", "where", "on", "when", "then", "else"),
        *("having", "select", "by", "at", "time", "zone", "distinct", "case", "partition", "order", "group", "as"),
        *("values", "lateral", "interval", "join"),
    }
)
_TOKEN = re.compile(
    r"""
    (?P<note>\{\#.*?\#\})
    | (?P<statement>\{%.*?%\})
    | (?P<expression>\{\{.*?\}\})
    | (?P<comment>--[^\n]*|/\*.*?\*/)
    | (?P<string>'(?:[^']|'')*')
    | (?P<quoted>"[^"]*")
    | (?P<space>\s+)
    | (?P<number>\d+(?:\.\d+)?)
    | (?P<word>[^\W\d]\w*)
    | (?P<op><=|>=|<>|!=|\|\||::|[-+*/%<>=])
    | (?P<point>.)
    """,
    re.VERBOSE | re.DOTALL,
)
_JINJA = re.compile(
    r"""
    (?P<string>'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*")
    | (?P<space>\s+)
    | (?P<number>\d+(?:\.\d+)?)
    | (?P<word>[^\W\d]\w*)
    | (?P<point>.)
    """,
    re.VERBOSE | re.DOTALL,
)


@dataclass(frozen=True)
class Token:
    """A piece of the text at [start, end). depth: parentheses and `case … end` around it."""

    kind: str
    text: str
    start: int
    end: int
    depth: int = 0

    @property
    def word(self) -> str:
        """The keyword or name in lower case; empty for anything else."""
        return self.text.lower() if self.kind == "word" else ""


def jinja_tokens(text: str, start: int) -> list[Token]:
    """The tokens inside a `{{ … }}` whose inside is `text`, at `start` in the file; white space is left out."""
    found = (match for match in _JINJA.finditer(text) if match.lastgroup != "space")
    return [Token(str(m.lastgroup), m.group(), start + m.start(), start + m.end()) for m in found]


class Statement:
    """The tokens of a piece of SQL, without comments and white space; extents are token numbers, [first, last]."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.tokens: list[Token] = []
        depth = 0
        for match in _TOKEN.finditer(text):
            kind, piece = str(match.lastgroup), match.group()
            if kind in ("space", "note", "comment"):
                continue
            opens = piece == "(" or (kind == "word" and piece.lower() == "case")
            closes = piece == ")" or (kind == "word" and piece.lower() == "end")
            depth -= closes
            self.tokens.append(Token(kind, piece, match.start(), match.end(), depth))
            depth += opens

    def word(self, index: int) -> str:
        """The keyword at a place; empty outside the text."""
        return self.tokens[index].word if 0 <= index < len(self.tokens) else ""

    def piece(self, index: int) -> str:
        """The text of the token at a place; empty outside the text."""
        return self.tokens[index].text if 0 <= index < len(self.tokens) else ""

    @cached_property
    def betweens(self) -> dict[int, int]:
        """`between` → its `and`, for those that are comparisons or frames."""
        found: dict[int, int] = {}
        for first, token in enumerate(self.tokens):
            if token.word == "between":
                for last in range(first + 1, len(self.tokens)):
                    if self.tokens[last].word == "and" and self.tokens[last].depth == token.depth:
                        found[first] = last
                        break
        return found

    @cached_property
    def junctions(self) -> list[int]:
        """Each `and` and `or` that joins two conditions."""
        bound = set(self.betweens.values())
        return [i for i, token in enumerate(self.tokens) if token.word in ("and", "or") and i not in bound]

    @cached_property
    def labels(self) -> set[int]:
        """The texts in `(values …) as x (…)` that are read by people: those of columns that end in `_fi` or `_en`."""
        found: set[int] = set()
        for first, token in enumerate(self.tokens):
            if token.word != "values":
                continue
            rows = [i for i in range(first + 1, len(self.tokens)) if self.tokens[i].depth == token.depth]
            rows = [i for i in rows if self.tokens[i].text == "("]
            last = next((i for i in range(first, len(self.tokens)) if self.tokens[i].depth < token.depth), None)
            if last is None or self.word(last + 1) != "as" or self.piece(last + 3) != "(":
                continue
            names = [self.piece(start) for start, _ in self.arguments(last + 3)]
            for row in (i for i in rows if i < last):
                cells = self.arguments(row)
                found |= {
                    start for (start, _), name in zip(cells, names, strict=False) if name.endswith(("_fi", "_en"))
                }
        return found

    def right_of(self, index: int) -> int:
        """The last token of the operand that starts after `index`; `index` itself when there is none."""
        depth = self.tokens[index].depth
        bound = set(self.betweens.values())
        last = index
        for i in range(index + 1, len(self.tokens)):
            token = self.tokens[i]
            if token.depth < depth or (token.depth == depth and self._ends_operand(i, index, bound)):
                break
            last = i
        return last

    def left_of(self, index: int) -> int:
        """The first token of the operand that ends before `index`; `index` itself when there is none."""
        depth = self.tokens[index].depth
        bound = set(self.betweens.values())
        first = index
        for i in range(index - 1, -1, -1):
            token = self.tokens[i]
            if token.depth < depth or token.kind == "statement":
                break
            inside = token.depth == depth
            if inside and (token.text in ",;" or (token.word in _BEFORE and not self._is_inner(i, bound))):
                break
            first = i
        return first

    def is_closed(self, index: int) -> bool:
        """True when the text has the parenthesis that closes the one at `index`."""
        depth = self.tokens[index].depth
        return any(token.depth == depth and token.text == ")" for token in self.tokens[index + 1 :])

    def closing(self, index: int) -> int:
        """The parenthesis that closes the one at `index`."""
        depth = self.tokens[index].depth
        for i in range(index + 1, len(self.tokens)):
            if self.tokens[i].depth == depth and self.tokens[i].text == ")":
                return i
        raise ValueError(f"no closing parenthesis after {self.tokens[index].start}")

    def arguments(self, index: int) -> list[tuple[int, int]]:
        """The arguments in the parentheses that open at `index`, as extents."""
        last = self.closing(index)
        depth = self.tokens[index].depth + 1
        commas = [i for i in range(index + 1, last) if self.tokens[i].text == "," and self.tokens[i].depth == depth]
        edges = [index, *commas, last]
        return [(a + 1, b - 1) for a, b in pairwise(edges) if b - 1 >= a + 1]

    def between_commas(self, index: int) -> tuple[int, list[tuple[int, int]]]:
        """The items of a list that starts after `index` (as in `order by`), and the last token of the list."""
        last = self.right_of_list(index)
        depth = self.tokens[index].depth
        commas = [i for i in range(index + 1, last) if self.tokens[i].text == "," and self.tokens[i].depth == depth]
        edges = [index, *commas, last + 1]
        return last, [(a + 1, b - 1) for a, b in pairwise(edges) if b - 1 >= a + 1]

    def right_of_list(self, index: int) -> int:
        """The last token of the list after `index`."""
        depth = self.tokens[index].depth
        last = index
        for i in range(index + 1, len(self.tokens)):
            token = self.tokens[i]
            ends = token.kind == "statement" or token.word in _AFTER - {"asc", "desc"}
            if token.depth < depth or (token.depth == depth and ends):
                break
            last = i
        return last

    def _ends_operand(self, i: int, index: int, bound: set[int]) -> bool:
        token = self.tokens[i]
        if token.kind == "statement" or token.text in (",", ";"):
            return True
        # Two operands in a row: a macro that brings its own clause begins here.
        if token.kind == "expression" and i > index + 1 and self._is_operand(i - 1):
            return True
        return token.word in _AFTER and not self._is_inner(i, bound)

    def _is_operand(self, i: int) -> bool:
        token = self.tokens[i]
        if token.kind in ("op", "point"):
            return token.text == ")"
        return token.word not in _OPERATOR_WORDS

    def _is_inner(self, i: int, bound: set[int]) -> bool:
        """True for a word that belongs to the operand itself: the `and` of a between, `is distinct from`."""
        token = self.tokens[i]
        if token.word == "and":
            return i in bound
        return token.word == "distinct" and self.word(i - 1) in ("is", "not")
