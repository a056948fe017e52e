"""Places where one token of a module can be changed: comparisons, operators, numbers."""

import ast
import io
import tokenize
from collections.abc import Iterator
from dataclasses import dataclass

_CHANGES: dict[type[ast.AST], tuple[str, str]] = {
    ast.Lt: ("<", "<="),
    ast.LtE: ("<=", "<"),
    ast.Gt: (">", ">="),
    ast.GtE: (">=", ">"),
    ast.Eq: ("==", "!="),
    ast.NotEq: ("!=", "=="),
    ast.Add: ("+", "-"),
    ast.Sub: ("-", "+"),
    ast.Mult: ("*", "+"),
    ast.Div: ("/", "*"),
    ast.FloorDiv: ("//", "*"),
    ast.Mod: ("%", "+"),
    ast.BitAnd: ("&", "|"),
    ast.BitOr: ("|", "&"),
    ast.And: ("and", "or"),
    ast.Or: ("or", "and"),
}


@dataclass(frozen=True, order=True)
class Site:
    """One change of one token.

    Attributes
    ----------
    line, column : int
        Where the token begins: 1-based, 0-based.
    old, new : str
        The token, and what takes its place.
    """

    line: int
    column: int
    old: str
    new: str

    def applied(self, source: str) -> str:
        """The module with that change.

        Examples
        --------
        >>> Site(1, 5, "<", "<=").applied("if a < b: pass")
        'if a <= b: pass'
        """
        lines = source.splitlines(keepends=True)
        text = lines[self.line - 1]
        assert text.startswith(self.old, self.column), (self, text)
        lines[self.line - 1] = text[: self.column] + self.new + text[self.column + len(self.old) :]
        return "".join(lines)


def find_sites(source: str) -> list[Site]:
    """Every comparison, operator and number of a module, but for those of annotations.

    Examples
    --------
    >>> for site in find_sites("def f(x: int | None = 0) -> int | None:\\n    return x + 2 < 9"):
    ...     print(site.line, site.old, site.new)
    1 0 1
    2 + -
    2 2 3
    2 < <=
    2 9 10
    """
    finder = _Finder(source)
    finder.visit(ast.parse(source))
    return sorted(set(finder.found))


class _Finder(ast.NodeVisitor):
    def __init__(self, source: str):
        # The tokenizer counts characters, the parser bytes.
        self._lines = [line.encode() for line in source.splitlines()]
        self._operators = [
            token
            for token in tokenize.generate_tokens(io.StringIO(source).readline)
            if token.type == tokenize.OP or token.string in ("and", "or")
        ]
        self.found: list[Site] = []

    def visit_arg(self, node: ast.arg) -> None:
        """No annotations."""

    def visit_AnnAssign(self, node: ast.AnnAssign) -> None:
        """The value alone."""
        if node.value is not None:
            self.visit(node.value)

    def visit_FunctionDef(self, node: ast.FunctionDef) -> None:
        """The body and the defaults, not the annotations."""
        for child in [*node.decorator_list, node.args, *node.body]:
            self.visit(child)

    def visit_Compare(self, node: ast.Compare) -> None:
        """Each comparison of a chain."""
        sides = [node.left, *node.comparators]
        for left, operator, right in zip(sides, node.ops, sides[1:], strict=False):
            self._add(operator, left, right)
        self.generic_visit(node)

    def visit_BinOp(self, node: ast.BinOp) -> None:
        """The operator."""
        self._add(node.op, node.left, node.right)
        self.generic_visit(node)

    def visit_BoolOp(self, node: ast.BoolOp) -> None:
        """Each ``and`` or ``or`` of a chain."""
        for left, right in zip(node.values, node.values[1:], strict=False):
            self._add(node.op, left, right)
        self.generic_visit(node)

    def visit_Constant(self, node: ast.Constant) -> None:
        """A number, other than one within a string."""
        if isinstance(node.value, bool) or not isinstance(node.value, int | float):
            return
        line, column = node.lineno, self._column(node.lineno, node.col_offset)
        old = ast.get_source_segment("\n".join(x.decode() for x in self._lines), node)
        if old and self._lines[line - 1].decode().startswith(old, column):
            new = str(node.value + 1) if isinstance(node.value, int) else str(node.value * 2)
            self.found.append(Site(line, column, old, "1" if node.value == 0 else new))

    def visit_JoinedStr(self, node: ast.JoinedStr) -> None:
        """Nothing: what a message shows is the business of the tests of messages."""

    def _add(self, operator: ast.AST, left: ast.expr, right: ast.expr) -> None:
        if type(operator) not in _CHANGES:
            return
        old, new = _CHANGES[type(operator)]
        for token in self._between(left, right):
            if token.string == old:
                self.found.append(Site(*token.start, old, new))
                return

    def _between(self, left: ast.expr, right: ast.expr) -> Iterator[tokenize.TokenInfo]:
        assert left.end_lineno is not None
        assert left.end_col_offset is not None
        begin = left.end_lineno, self._column(left.end_lineno, left.end_col_offset)
        end = right.lineno, self._column(right.lineno, right.col_offset)
        return (token for token in self._operators if begin <= token.start < end)

    def _column(self, line: int, byte: int) -> int:
        return len(self._lines[line - 1][:byte].decode())
