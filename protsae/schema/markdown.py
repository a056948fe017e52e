"""The column lists of docs/tables.md, generated from the schema.

python -m protsae.schema.markdown docs/tables.md
"""

import re
import sys
from collections.abc import Sequence
from pathlib import Path

from protsae.schema.every_table import EVERY
from protsae.schema.table import Table

_BLOCK = re.compile(r"<!-- columns: (\S+) -->\n.*?<!-- /columns -->", re.DOTALL)


def column_list(table: Table) -> str:
    """The columns of a table as a Markdown table."""
    lines = ["| column | type | range | meaning |", "|---|---|---|---|"]
    for column in table.columns:
        kind = f"{column.kind}, or empty" if column.empty else column.kind
        lines.append(f"| `{column.name}` | {kind} | {column.range} | {column.meaning} |")
    return "\n".join(lines) + "\n"


def with_column_lists(text: str, tables: Sequence[Table] = EVERY) -> str:
    """The text with the list of every table between its markers.

    Raises
    ------
    ValueError
        If the tables that have markers are not the tables given, each once.

    Examples
    --------
    >>> from protsae.schema.table import Column
    >>> counts = Table("counts", 1, "", (), (Column("n", "integer", "≥ 0", "A count."),))
    >>> text = "<!-- columns: counts -->\\nold\\n<!-- /columns -->"
    >>> print(with_column_lists(text, [counts]))
    <!-- columns: counts -->
    <BLANKLINE>
    | column | type | range | meaning |
    |---|---|---|---|
    | `n` | integer | ≥ 0 | A count. |
    <BLANKLINE>
    <!-- /columns -->
    """
    by_name = {table.name: table for table in tables}
    marked = _BLOCK.findall(text)
    if sorted(marked) != sorted(by_name):
        raise ValueError(f"column lists of {sorted(marked)}; expected those of {sorted(by_name)}")

    def block(found: re.Match[str]) -> str:
        name = found[1]
        return f"<!-- columns: {name} -->\n\n{column_list(by_name[name])}\n<!-- /columns -->"

    return _BLOCK.sub(block, text)


if __name__ == "__main__":
    for name in sys.argv[1:]:
        path = Path(name)
        path.write_text(with_column_lists(path.read_text()))
