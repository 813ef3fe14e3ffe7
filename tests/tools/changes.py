"""Small changes of meaning: of SQL by its text, of Python by its syntax tree."""

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True)
class Change:
    """`old`, which begins at `start` of a text, becomes `new`."""

    start: int
    old: str
    new: str

    def apply(self, text: str) -> str:
        """Return the changed text."""
        end = self.start + len(self.old)
        assert text[self.start : end] == self.old
        return text[: self.start] + self.new + text[end:]

    def describe(self, text: str) -> str:
        """Return line, old and new text."""
        line = text.count("\n", 0, self.start) + 1
        return f"{line}: {' '.join(self.old.split())!r} -> {' '.join(self.new.split())!r}"


# Texts that stay: comments, Jinja, strings, and the digits of a decimal: a wider one holds the same values.
_KEPT_IN_SQL = re.compile(
    r"\bdecimal\(\d+, \d+\)|\{#.*?#\}|\{\{.*?\}\}|\{%.*?%\}|--[^\n]*|'(?:[^']|'')*'", re.DOTALL
)

_SQL = [
    (re.compile(pattern), new)
    for pattern, new in (
        (r"<=", "<"),
        (r"(?<![<>=])<(?![<=>])", "<="),
        (r">=", ">"),
        (r"(?<![<>=-])>(?![=>])", ">="),
        (r"(?<![<>=!:])=(?![=>])", "<>"),
        (r"<>", "="),
        (r"\bis not distinct from\b", "="),
        (r"\bis distinct from\b", "<>"),
        (r"\bis null\b", "is not null"),
        (r"\bis not null\b", "is null"),
        (r"\bnot (?=in\b|exists\b|\()", ""),
        (r"(?<=where )not |(?<=and )not |(?<=or )not ", ""),
        (r"\band\b", "or"),
        (r"\bor\b", "and"),
        # A condition of a list is left out.
        (r"(?m)^ +and .*\n", ""),
        (r"\bmin\(", "max("),
        (r"\bmax\(", "min("),
        (r"\bsum\(", "max("),
        (r"\bleast\(", "greatest("),
        (r"\bgreatest\(", "least("),
        (r"\blead\(", "lag("),
        (r"\blag\(", "lead("),
        (r"\brow_number\(", "rank("),
        (r"\bcount\(distinct ", "count("),
        (r"\bselect distinct\b", "select"),
        (r"\bunion all\b", "union"),
        (r"\bleft join\b", "inner join"),
        (r"\binner join\b", "left join"),
        (r" filter \((?:[^()]|\([^()]*\))*\)", ""),
        (r"\bcase when\b", "case when not"),
        (r"(?<= )\+(?= )", "-"),
        (r"(?<= )-(?= )", "+"),
        (r"(?<= )(?<!select )\*(?= )", "/"),
        (r"(?<= )/(?= )", "*"),
        (r"\btrue\b", "false"),
        (r"\bfalse\b", "true"),
        (r" desc\b", ""),
        (r"\bnulls last\b", "nulls first"),
        (r"\bnulls first\b", "nulls last"),
    )
]
_NUMBER = re.compile(r"(?<![\w.])(?<!\de-)\d+(?![\w.])")


def sql_changes(text: str) -> list[Change]:
    """List the changes of a model or macro: of its SQL, not of its Jinja."""
    plain = _KEPT_IN_SQL.sub(lambda kept: "\0" * len(kept[0]), text)
    found = [
        Change(match.start(), text[match.start() : match.end()], new)
        for pattern, new in _SQL
        for match in pattern.finditer(plain)
    ]
    found += [Change(match.start(), match[0], str(int(match[0]) + 1)) for match in _NUMBER.finditer(plain)]
    return sorted(found, key=lambda change: (change.start, change.new))


def marked(text: str, changes: dict[int, Change]) -> str:
    """Return the SQL with comments around each place that a change replaces, by number."""
    at: dict[int, str] = {}
    for number, change in changes.items():
        end = change.start + len(change.old)
        at[change.start] = f"{at.get(change.start, '')}/*<{number}*/"
        at[end] = f"/*{number}>*/{at.get(end, '')}"
    for place in sorted(at, reverse=True):
        text = text[:place] + at[place] + text[place:]
    return text


def changed(sql: str, number: int, change: Change) -> str:
    """Return SQL that was compiled from marked texts, with one change."""
    return re.sub(rf"/\*<{number}\*/.*?/\*{number}>\*/", lambda _: change.new, sql, flags=re.DOTALL)


_COMPARED = {
    "<": "<=",
    "<=": "<",
    ">": ">=",
    ">=": ">",
    "==": "!=",
    "!=": "==",
    "is": "is not",
    "is not": "is",
    "in": "not in",
    "not in": "in",
}
_COMPUTED = {ast.Add: ("+", "-"), ast.Sub: ("-", "+"), ast.Mult: ("*", "//"), ast.FloorDiv: ("//", "*")}
_LOOKS_LIKE_SQL = re.compile(r"\b(?:select|from|where|update|delete)\b")


def python_changes(source: str) -> list[Change]:
    """List the changes of a module, of SQL in its texts, too; annotations and docstrings stay."""
    return sorted(_Changes(source).found(), key=lambda change: (change.start, change.new))


class _Changes:
    def __init__(self, source: str) -> None:
        self.source = source
        self.starts = [0]
        for line in source.splitlines(keepends=True):
            self.starts.append(self.starts[-1] + len(line.encode()))
        self.bytes = source.encode()

    def found(self) -> Iterator[Change]:
        for node in _meant(ast.parse(self.source)):
            yield from self._of(node)

    def _of(self, node: ast.AST) -> Iterator[Change]:
        match node:
            case ast.Compare(left=left, comparators=comparators):
                for before, after in zip([left, *comparators], comparators, strict=False):
                    yield from self._between(before, after, _COMPARED)
            case ast.BoolOp(op=op, values=values):
                old, new = ("and", "or") if isinstance(op, ast.And) else ("or", "and")
                yield from self._between(values[0], values[1], {old: new})
            case ast.BinOp(left=left, op=op, right=right) if type(op) in _COMPUTED:
                yield from self._between(left, right, dict([_COMPUTED[type(op)]]))
            case ast.UnaryOp(op=ast.Not()):
                yield self._change(self._start(node), self._start(node) + len("not"), "")
            case ast.If(test=test) | ast.IfExp(test=test) | ast.While(test=test):
                text = self.bytes[self._start(test) : self._end(test)].decode()
                yield self._change(self._start(test), self._end(test), f"not ({text})")
            case ast.Constant(value=bool(value)):
                yield self._change(self._start(node), self._end(node), str(not value))
            case ast.Constant(value=int(value)):
                yield self._change(self._start(node), self._end(node), str(value + 1))
            case ast.Constant(value=str(value)) if _LOOKS_LIKE_SQL.search(value):
                text = self.bytes[self._start(node) : self._end(node)].decode()
                # Comments between the parts of a text are none of it.
                plain = re.sub(r"(?m)^ *#.*", lambda kept: "\0" * len(kept[0]), text)
                for change in sql_changes(plain):
                    start = self._start(node) + len(text[: change.start].encode())
                    yield self._change(start, start + len(change.old.encode()), change.new)
            case ast.Expr(value=ast.Call()):
                yield self._change(self._start(node), self._end(node), "pass")
            case ast.Continue() | ast.Break():
                new = "break" if isinstance(node, ast.Continue) else "continue"
                yield self._change(self._start(node), self._end(node), new)

    def _between(self, before: ast.expr, after: ast.expr, pairs: dict[str, str]) -> Iterator[Change]:
        start = self._end(before)
        gap = self.bytes[start : self._start(after)].decode()
        for old in sorted(pairs, key=len, reverse=True):
            found = re.search(rf"(?<![\w<>=!]){re.escape(old)}(?![\w<>=!])", gap)
            if found:
                yield self._change(start + found.start(), start + found.end(), pairs[old])
                return

    def _change(self, start: int, end: int, new: str) -> Change:
        return Change(len(self.bytes[:start].decode()), self.bytes[start:end].decode(), new)

    def _start(self, node: ast.AST) -> int:
        assert isinstance(node, ast.expr | ast.stmt)
        return self.starts[node.lineno - 1] + node.col_offset

    def _end(self, node: ast.AST) -> int:
        assert isinstance(node, ast.expr | ast.stmt)
        assert node.end_lineno is not None
        assert node.end_col_offset is not None
        return self.starts[node.end_lineno - 1] + node.end_col_offset


def _meant(node: ast.AST) -> Iterator[ast.AST]:
    """Yield the nodes below one, but for annotations, decorators, docstrings and texts put together."""
    for name, value in ast.iter_fields(node):
        if name in ("annotation", "returns", "decorator_list"):
            continue
        for child in value if isinstance(value, list) else [value]:
            if not isinstance(child, ast.AST) or isinstance(child, ast.JoinedStr):
                continue
            if isinstance(child, ast.Expr) and isinstance(child.value, ast.Constant):
                continue
            if isinstance(child, ast.If) and ast.unparse(child.test) == "TYPE_CHECKING":
                continue
            yield child
            yield from _meant(child)
