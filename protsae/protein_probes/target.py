"""Labels of proteins as a probe takes them: yes or no, one of several classes, or a number."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
import pandas as pd

from protsae.errors import UserError
from protsae.one_line import cut

Kind = Literal["yes/no", "classes", "number"]
UNKNOWN = frozenset({"", "na", "n/a", "nan", "<na>", "none"})
YES, NO = frozenset({"1", "1.0", "yes", "true"}), frozenset({"0", "0.0", "no", "false"})


@dataclass(frozen=True, eq=False)
class Target:
    """A label of proteins.

    Attributes
    ----------
    name : str
    kind : {"yes/no", "classes", "number"}
    classes : tuple of str
        Of yes/no: the name of no, and that of yes. None of a number.
    values : ndarray, float64, shape (n_proteins,)
        Index of the class, or the number; NaN where it is unknown.
    """

    name: str
    kind: Kind
    classes: tuple[str, ...]
    values: np.ndarray

    @property
    def known(self) -> np.ndarray:
        """Proteins whose label is known: bool, shape (n_proteins,)."""
        return ~np.isnan(self.values)

    @property
    def told(self) -> tuple[tuple[int, str], ...]:
        """Classes that a probe of its own tells from the others: index and name."""
        every = tuple(enumerate(self.classes))
        return every[1:] if self.kind == "yes/no" else every

    def only(self, rows: np.ndarray) -> "Target":
        """The same of some proteins."""
        return Target(self.name, self.kind, self.classes, self.values[rows])


@dataclass(frozen=True, eq=False)
class GivenLabels:
    """Labels of the proteins of a run, and what did not become one.

    Attributes
    ----------
    targets : list of Target
    notes : list of str
        What was left out, for the user.
    """

    targets: list[Target]
    notes: list[str] = field(default_factory=list)


def read_target(name: str, column: Sequence[object], is_classes: bool = False) -> Target:
    """The label that a column of texts, numbers or truth values stands for.

    Of 0 and 1, yes and no, or true and false: yes/no. Of other numbers: a number. Of two texts:
    yes/no, the rarer being yes. Of more: classes. Empty, NA or NaN: unknown.

    Parameters
    ----------
    column : sequence
        One value a protein.
    is_classes : bool
        Numbers are the names of classes, too.

    Raises
    ------
    UserError
        If numbers are mixed with texts, or no two values differ.

    Examples
    --------
    >>> read_target("soluble", ["yes", "no", "NA"]).values.tolist()
    [1.0, 0.0, nan]
    >>> where = read_target("where", ["inside", "outside", "inside"])
    >>> where.kind, where.classes, where.values.tolist()
    ('yes/no', ('inside', 'outside'), [0.0, 1.0, 0.0])
    >>> read_target("melting point", [60, 45.5, None]).kind
    'number'
    """
    texts = pd.Series([_text(value) for value in column], dtype=object)
    known = texts.notna()
    found = texts[known]
    lower = found.str.lower()
    if found.nunique() < 2:
        only = f", {cut(repr(found.iloc[0]), 40)}" if len(found) else ""
        raise UserError(
            f"label {cut(name, 60)}: {found.nunique()} distinct values{only}, of {len(found):,} "
            "proteins of the run; expected at least two"
        )
    values = np.full(len(texts), np.nan)
    if lower.isin(YES | NO).all():
        values[known] = lower.isin(YES)
        if len(np.unique(values[known])) == 2:
            return Target(name, "yes/no", ("no", "yes"), values)
    numbers = pd.to_numeric(found, errors="coerce")
    if numbers.notna().all() and not is_classes:
        if not np.isfinite(numbers).all():
            raise UserError(f"label {cut(name, 60)}: an infinite number; expected finite ones")
        values[known] = numbers
        return Target(name, "number", (), values)
    if numbers.notna().mean() > 0.5 and not is_classes:
        odd = cut(repr(found[numbers.isna()].iloc[0]), 40)
        raise UserError(
            f"label {cut(name, 60)}: {odd} among numbers; expected numbers, or names of classes "
            "(--classes), and NA where it is unknown"
        )
    counts = found.value_counts()
    if len(counts) == 2:  # the commoner first; of equal ones the first by name
        classes = tuple(sorted(counts.index, key=lambda text: (-counts[text], text)))
        kind: Kind = "yes/no"
    else:
        classes, kind = tuple(sorted(counts.index)), "classes"
    values[known] = found.map({text: i for i, text in enumerate(classes)})
    return Target(name, kind, classes, values)


def without_rare(target: Target, cluster: np.ndarray, least: int) -> tuple[Target, dict[str, int]]:
    """The label without the classes that too few homology clusters have.

    Parameters
    ----------
    cluster : ndarray, shape (n_proteins,)
    least : int
        Homology clusters of each class; of a number: with a known value.

    Returns
    -------
    target : Target
        Proteins of classes that are left out are unknown.
    left_out : dict of str to int
        Homology clusters of each class that is left out.

    Raises
    ------
    UserError
        If fewer than two classes are left.

    Examples
    --------
    >>> target = read_target("where", ["a", "a", "b", "b", "c", "c"])
    >>> kept, left_out = without_rare(target, np.array([0, 1, 2, 3, 4, 4]), least=2)
    >>> kept.kind, kept.classes, left_out
    ('yes/no', ('a', 'b'), {'c': 1})
    """
    names = target.classes or ("a value",)
    place = target.values if target.classes else np.where(target.known, 0, np.nan)
    sizes = {name: len(np.unique(cluster[place == i])) for i, name in enumerate(names)}
    rare = {name: size for name, size in sizes.items() if size < least}
    if not rare:
        return target, {}
    if len(sizes) - len(rare) < 2:
        found = ", ".join(f"{cut(name, 40)} in {size:,}" for name, size in sizes.items())
        raise UserError(
            f"label {cut(target.name, 60)}: too few homology clusters: {found}; expected at least "
            f"{least} for each of two classes, or with a number; give more proteins"
        )
    texts = [None if np.isnan(value) else names[int(value)] for value in target.values]
    kept = [None if text in rare else text for text in texts]
    return read_target(target.name, kept, is_classes=True), rare


def _text(value: object) -> str | None:
    """Of a value of a table; None where it is unknown."""
    text = "" if value is None else str(value).strip()
    return None if text.lower() in UNKNOWN else text
