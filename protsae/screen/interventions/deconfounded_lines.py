"""What taking a confounder out of a probe did, in words and a small table."""

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from protsae.one_line import note, one_line
from protsae.screen.wording import fitted, listed

WHAT_IT_SAYS = (
    "scores on test weigh the four combinations of label and confounder alike, so that the "
    "confounder says nothing of the label there; an AUROC of its own of 0.5 says it is gone",
    "a gain of features says that they carry the confounder only where they are ahead of features "
    "at random",
)
MOST_FEATURES = 12


def data_lines(
    label: str,
    confounder: str,
    agreement: float,
    n_proteins: Mapping[str, int],
    cells: Sequence[int],
) -> list[str]:
    """What was compared, on how many proteins.

    Parameters
    ----------
    label, confounder : str
        In words.
    agreement : float
        Share of the proteins of train in which both are there or neither is.
    n_proteins : mapping of str to int
        By split.
    cells : sequence of int
        Homology clusters of test in each of the four combinations.
    """
    sizes = ", ".join(f"{n:,} of {name}" for name, n in n_proteins.items())
    lines = [
        *fitted(f"proteins {one_line(label)}", "label: "),
        *fitted(f"proteins {one_line(confounder)}", "confounder: "),
        *fitted(f"{sizes}; in train the two agree in {agreement:.0%}", "proteins: "),
    ]
    names = ("neither", "confounder alone", "label alone", "both")
    own = ", ".join(f"{name} {n:,}" for name, n in zip(names, cells, strict=True))
    return [*lines, *fitted(own, "homology clusters of test: ")]


def arm_lines(table: pd.DataFrame) -> list[str]:
    """The chosen rows as columns of text: removed, AUROC, worst combination, the confounder's.

    Parameters
    ----------
    table : DataFrame
        The table ``deconfounded``.
    """
    chosen = table[table["is_chosen"]]
    head = ("arm", "probe", "removed", "AUROC", "worst combination", "confounder AUROC")
    rows = [
        (
            str(row["arm"]),
            str(row["probe"]),
            str(row["n_removed"]),
            *(scored(row, name) for name in ("auroc", "worst_cell", "confounder_auroc")),
        )
        for row in chosen.to_dict("records")
    ]
    widths = [max(map(len, column)) for column in zip(head, *rows, strict=True)]
    return [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in (head, *rows)
    ]


def scored(row: Mapping[Any, Any], name: str, form: str = ".2f") -> str:
    """A score with its interval.

    Examples
    --------
    >>> scored({"a": 0.5, "a_low": 0.4, "a_high": 0.61}, "a")
    '0.50 [0.40, 0.61]'
    >>> scored({"a": 0.5, "a_low": None, "a_high": None}, "a")
    '0.50'
    """
    low, high = row[f"{name}_low"], row[f"{name}_high"]
    interval = "" if pd.isna(low) else f" [{low:{form}}, {high:{form}}]"
    return f"{row[name]:{form}}{interval}"


def verdict_lines(table: pd.DataFrame, features: Mapping[str, Sequence[int]]) -> list[str]:
    """For each probe: which features, what they gain, and whether they are ahead of the others.

    Parameters
    ----------
    features : mapping of str to sequence of int
        Features removed, by probe.
    """
    lines = []
    for probe, own in features.items():
        chosen = table[table["is_chosen"] & (table["probe"] == probe)].set_index("arm")
        if not own:
            text = "valid chose to remove no feature"
        else:
            [row] = chosen.loc[["features"]].to_dict("records")
            said = listed([str(feature) for feature in own], MOST_FEATURES)
            text = (
                f"without {len(own)} ({said}) AUROC changes by {scored(row, 'auroc_gain', '+.3f')}"
            )
            text += f"; {_against(chosen)}"
        lines += fitted(text, f"features, probe {probe}: ")
    return lines


def _against(rows: pd.DataFrame) -> str:
    """Which arms features are ahead of, level with, and behind."""
    others = rows.drop(index=["features", "none", "reweighted"], errors="ignore")
    if others["features_ahead_low"].isna().any():
        return "too few homology clusters to compare it with the other arms"
    low, high = others["features_ahead_low"] > 0, others["features_ahead_high"] < 0
    sides = (("ahead of", low), ("level with", ~low & ~high), ("behind", high))
    return "; ".join(
        f"{word} {', '.join(others.index[side])}" for word, side in sides if side.any()
    )


def said_at_end(folder: str) -> list[str]:
    """How to read it, and what was written where.

    Examples
    --------
    >>> said_at_end("deconfound")[-1]
    'wrote deconfound/: deconfounded.parquet and deconfounded.tsv, with every number tried'
    """
    files = "deconfounded.parquet and deconfounded.tsv, with every number tried"
    return [*map(note, WHAT_IT_SAYS), f"wrote {folder}/: {files}"]
