"""What can be scored on a split, and how many proteins it would take to score the rest."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from scipy import sparse

from protsae.concepts.frequency import LeftOut
from protsae.concepts.uniprot.spans import feature_spans, is_certain
from protsae.proteins.split_names import SPLITS

NAMED = 5
"""Concepts named for each reason, those that want the fewest proteins first."""


def annotated_residues(annotations: pd.DataFrame, proteins: pd.DataFrame) -> sparse.csr_array:
    """Residues of each protein that have each annotated concept.

    Where features of one concept overlap, their residues count once for each.

    Parameters
    ----------
    annotations : DataFrame
        Columns accession, type, description, start, end (1-based inclusive); unless all are,
        certain: others are left out.
    proteins : DataFrame
        Columns accession, length.

    Returns
    -------
    csr_array, dtype=int64, shape=(n_proteins, n_concepts)

    Examples
    --------
    >>> proteins = pd.DataFrame({"accession": ["P1", "P2"], "length": [9, 7]})
    >>> annotations = pd.DataFrame(
    ...     [("P2", "SIGNAL", "", 1, 5)],
    ...     columns=["accession", "type", "description", "start", "end"],
    ... )
    >>> annotated_residues(annotations, proteins).toarray().tolist()
    [[0], [5]]
    """
    lengths = dict(zip(proteins["accession"], proteins["length"].tolist(), strict=True))
    concepts, spans, _ = feature_spans(annotations[is_certain(annotations)], lengths)
    place = (spans.protein, spans.column)
    return sparse.csr_array((spans.end - spans.begin, place), shape=(len(lengths), len(concepts)))


def proteins_needed(
    occurrence: pd.DataFrame,
    n_proteins: int,
    shares: tuple[float, float],
    min_residues: int,
    min_clusters: int,
) -> dict[str, float]:
    """How many more proteins like these it would take until a concept can be scored.

    Of N proteins, n clusters have the concept, k of them in a part with the share s. Another M
    bring M s n / N clusters to the part; it takes min_clusters - k. The same with residues; the
    largest M of both, in valid and in test, is what it takes.

    Parameters
    ----------
    occurrence : DataFrame
        As `count_occurrence` gives it.
    n_proteins : int
        Proteins in train, valid and test.
    shares : tuple of float
        Of valid and test.

    Returns
    -------
    dict of str to float, by concept
        0 where there are enough; two significant digits, rounded up; infinite where none has it.

    Examples
    --------
    3 of 100 proteins have it, 1 in valid: valid wants 2 more, and gets 3 of 500.

    >>> counts = pd.DataFrame({"concept": ["ZN_FING"]}).assign(
    ...     train_clusters=2, valid_clusters=1, test_clusters=0,
    ...     train_residues=60, valid_residues=30, test_residues=0,
    ... )
    >>> proteins_needed(counts, 100, (0.2, 0.2), min_residues=10, min_clusters=3)
    {'ZN_FING': 500.0}
    """
    needed = np.zeros(len(occurrence))
    for unit, least in (("clusters", min_clusters), ("residues", min_residues)):
        total = occurrence[[f"{split}_{unit}" for split in SPLITS]].sum(axis=1).to_numpy()
        for split, share in zip(SPLITS[1:], shares, strict=True):
            lacking = np.maximum(least - occurrence[f"{split}_{unit}"].to_numpy(), 0)
            rate = total * share / n_proteins
            with np.errstate(divide="ignore"):
                more = np.where(lacking > 0, lacking / rate, 0)
            needed = np.maximum(needed, more)
    return dict(zip(occurrence["concept"], _rounded_up(needed).tolist(), strict=True))


def outlook_lines(
    n_scored: int, reasons: Mapping[str, LeftOut], needed: Mapping[str, float]
) -> list[str]:
    """What will be scored and what not, for people: one line, then one for each reason.

    Parameters
    ----------
    n_scored : int
        Concepts that will be scored.
    reasons : mapping of str to LeftOut
        Why each other concept is not.
    needed : mapping of str to float
        As `proteins_needed` gives it.

    Examples
    --------
    >>> few = LeftOut("fewer than 3 homology clusters in valid or test", "1 in valid, 0 in test")
    >>> for line in outlook_lines(7, {"ZN_FING": few}, {"ZN_FING": 500.0}):
    ...     print(line)
    7 of 8 concepts will be scored
      not 1: fewer than 3 homology clusters in valid or test
        it would take about 500 more proteins like these for ZN_FING
    """
    lines = [f"{n_scored:,} of {n_scored + len(reasons):,} concepts will be scored"]
    for rule in dict.fromkeys(reason.rule for reason in reasons.values()):
        names = [name for name, reason in reasons.items() if reason.rule == rule]
        lines.append(f"  not {len(names):,}: {rule}")
        counted = [name for name in names if 0 < needed.get(name, 0) < np.inf]
        nearest = sorted(counted, key=lambda name: (needed[name], name))[:NAMED]
        if nearest:
            more = ", ".join(f"{needed[name]:,.0f} for {name}" for name in nearest)
            first = f"{needed[nearest[0]]:,.0f}"
            more = more.replace(first, f"{first} more proteins like these", 1)
            lines.append(f"    it would take about {more}")
    return lines


def _rounded_up(values: np.ndarray) -> np.ndarray:
    """To two significant digits."""
    finite = np.where((values > 0) & np.isfinite(values), values, 1)
    unit = 10.0 ** (np.floor(np.log10(finite)) - 1)
    rounded: np.ndarray = np.where(values == finite, np.ceil(finite / unit - 1e-9) * unit, values)
    return rounded
