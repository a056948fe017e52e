"""What a table is: its columns, their types and meaning; and checking rows against it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
import pandas as pd

from protsae.errors import UserError

Kind = Literal["text", "integer", "number", "list of numbers", "boolean"]


@dataclass(frozen=True)
class Column:
    """One column: its kind, the values it takes, what they mean, and whether it may be empty."""

    name: str
    kind: Kind
    range: str
    meaning: str
    empty: bool = False


@dataclass(frozen=True)
class Table:
    """One table: version of its format, order of its rows, and its columns in order."""

    name: str
    version: int
    rows: str
    key: tuple[str, ...]
    columns: tuple[Column, ...]

    @property
    def names(self) -> list[str]:
        """Names of the columns, in order."""
        return [column.name for column in self.columns]

    def only(self, names: Sequence[str]) -> "Table":
        """The same table with these columns alone, in this order."""
        by_name = {column.name: column for column in self.columns}
        return replace(self, columns=tuple(by_name[name] for name in names))


def conform(frame: pd.DataFrame, table: Table, where: str) -> pd.DataFrame:
    """The same rows with exactly the columns of ``table``, in its order and with its types.

    Raises
    ------
    UserError
        If a column is missing, is not one of the table's, holds values of another type, or NaN or
        infinity; the message starts with ``where``.

    Examples
    --------
    >>> counts = Table("counts", 1, "", (), (Column("n", "integer", "≥ 0", "a count"),))
    >>> conform(pd.DataFrame({"n": [1.0]}), counts, "counts.parquet")["n"].tolist()
    [1]
    >>> conform(pd.DataFrame({"a": [1]}), counts, "counts.parquet")
    Traceback (most recent call last):
    protsae.errors.UserError: counts.parquet: no column 'n'; ...
    """
    missing = [name for name in table.names if name not in frame]
    unknown = [name for name in frame if name not in table.names]
    if missing or unknown:
        lacks = f"no column {', '.join(map(repr, missing))}" if missing else ""
        extra = f"unexpected column {', '.join(map(repr, unknown))}" if unknown else ""
        raise UserError(
            f"{where}: {'; '.join(filter(None, (lacks, extra)))}; expected the columns of the "
            f"{table.name} table, version {table.version} (docs/tables.md); run the stage that "
            "writes it again"
        )
    typed = {column.name: _typed(frame[column.name], column, where) for column in table.columns}
    return pd.DataFrame(typed, index=frame.index)


def records(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """Rows by column, as ``to_dict("records")``, which takes five times as long for a few rows.

    Examples
    --------
    >>> records(pd.DataFrame({"n": [1, 2], "concept": ["SIGNAL", "HELIX"]}))
    [{'n': 1, 'concept': 'SIGNAL'}, {'n': 2, 'concept': 'HELIX'}]
    """
    names = list(map(str, frame))
    columns = (frame[name].tolist() for name in names)
    return [dict(zip(names, row, strict=True)) for row in zip(*columns, strict=True)]


def _typed(values: pd.Series, column: Column, where: str) -> pd.Series:
    if not column.empty and values.isna().any():
        row = int(values.isna().to_numpy().argmax())
        raise UserError(
            f"{where}: column {column.name!r} is empty in row {row + 1}; expected a value "
            "everywhere; run the stage that writes it again"
        )
    if column.kind == "list of numbers":
        lengths = values.map(len).to_numpy(np.int64)
        flat = np.concatenate([np.empty(0), *values]).astype(np.float64)
        _validate_finite(flat, np.repeat(np.arange(len(values)), lengths), column, where)
        return values
    if column.kind == "boolean":
        return values.astype(bool)
    if column.kind == "text":
        return values.astype(object).where(values.notna(), None)
    try:
        numbers = values.astype("float64")
        if column.kind == "integer":
            # Through float64, as a column of integers with gaps may arrive as one of numbers.
            return numbers.astype("Int64" if column.empty else "int64")
    except (TypeError, ValueError):
        raise UserError(
            f"{where}: column {column.name!r} holds {values.dtype} values; expected "
            f"{column.kind}s; run the stage that writes it again"
        ) from None
    filled = numbers.dropna()
    _validate_finite(filled.to_numpy(), np.flatnonzero(numbers.notna()), column, where)
    return numbers


def _validate_finite(values: np.ndarray, rows: np.ndarray, column: Column, where: str) -> None:
    """Raise UserError if one of the values, which are of these rows, is NaN or infinite."""
    bad = ~np.isfinite(values)
    if bad.any():
        first = int(bad.argmax())
        raise UserError(
            f"{where}: column {column.name!r} is {values[first]} in row {int(rows[first]) + 1}; "
            "expected a finite number; run the stage that writes it again"
        )
