"""Where in a protein features are on, each at its own threshold, and what their rows say."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from scipy import sparse

from protsae.association.scoring.metrics import CALLED_Q
from protsae.association.verdicts import ABOVE
from protsae.statistics import ragged
from protsae.statistics.segments import segments_above


def thresholds(features: pd.DataFrame) -> np.ndarray:
    """The activation above which each feature is on, float64, shape (n_features,).

    That at which its concept was scored; 0, so that any activity counts, if it has no concept.

    Parameters
    ----------
    features : DataFrame
        Rows of the feature table; ``threshold`` is read.

    Examples
    --------
    >>> thresholds(pd.DataFrame({"threshold": [0.5, None]})).tolist()
    [0.5, 0.0]
    """
    found: np.ndarray = features["threshold"].fillna(0.0).to_numpy(np.float64)
    return found


def protein_segments(
    codes: sparse.csr_array,
    features: pd.DataFrame,
    columns: Sequence[str],
    lengths: Sequence[int] | None = None,
) -> pd.DataFrame:
    """Active segments of an SAE's features in one protein, or in several.

    Parameters
    ----------
    codes : csr_array, shape (n_residues, n_features)
        Activations of the features, none negative.
    features : DataFrame
        Their rows of the feature table, row i being feature i.
    columns : sequence of str
        What to take from these rows, beside layer, variant and feature.
    lengths : sequence of int, optional
        Residues of each protein, where the codes are of several, one after another.

    Returns
    -------
    DataFrame
        start, end, peak (1-based, inclusive), activation, relative_activation (to the largest on
        the test set of the run), threshold, layer, variant, feature and ``columns``; by feature,
        protein and place. With ``lengths`` also number, that of the protein, from 0.

    Examples
    --------
    Four residues; the feature is on at 2 and 3, and as strongly as half of the largest on test:

    >>> row = {"layer": 3, "variant": "topk", "feature": 0, "concept": "SIGNAL"}
    >>> features = pd.DataFrame([{**row, "threshold": 0.5, "max_activation": 4.0}])
    >>> codes = sparse.csr_array(np.array([[0.25], [1], [2], [0]], np.float32))
    >>> found = protein_segments(codes, features, ["concept"])
    >>> found[["start", "end", "peak", "relative_activation", "concept"]].values.tolist()
    [[2, 3, 3, 0.5, 'SIGNAL']]

    As two proteins of two residues:

    >>> found = protein_segments(codes, features, ["concept"], [2, 2])
    >>> found[["number", "start", "end"]].values.tolist()
    [[0, 2, 2], [1, 1, 1]]
    """
    threshold = thresholds(features)
    sizes = np.array([codes.shape[0]] if lengths is None else lengths)
    found = segments_above(codes, threshold, sizes)
    first = ragged.starts(sizes)[found.group]
    start, end = ragged.inclusive(found.begin - first, found.end - first)
    activation = found.value.astype(np.float64)
    rows = features[["layer", "variant", "feature", *columns]].iloc[found.column]
    largest = features["max_activation"].to_numpy(np.float64)[found.column]
    return rows.reset_index(drop=True).assign(
        start=start,
        end=end,
        peak=found.peak - first + 1,
        activation=activation,
        relative_activation=activation / np.where(largest > 0, largest, np.nan),
        threshold=threshold[found.column],
        **({} if lengths is None else {"number": found.group}),
    )


def is_called(segments: pd.DataFrame) -> pd.Series:
    """Whether the pair of the feature and its concept is called: a q-value of at most 0.05."""
    return (segments["q_value"] <= CALLED_Q).fillna(False).astype(bool)


def is_defined(segments: pd.DataFrame) -> pd.Series:
    """Whether the sequence defines the concept of the feature, so that it is no finding."""
    return segments["defined_by_sequence"].eq(1).fillna(False).astype(bool)


LEVELS = {"all": 4, "concept": 3, "called": 2, "annotated": 1, "above": 0}
"""What segments can be limited to, each with those that follow, and the last `trust` of it."""


def trust(segments: pd.DataFrame) -> np.ndarray:
    """How sure the concept of each segment's feature is, as a number from 0, the surest.

    0: above all baselines. 1: called, for a concept that the sequence does not define. 2: called,
    for one that it defines. 3: other features with a concept. 4: those without.
    """
    is_above = (segments["verdict"] == ABOVE).fillna(False).astype(bool)
    called = is_called(segments)
    conditions = [is_above, called & ~is_defined(segments), called, segments["concept"].notna()]
    return np.select([each.to_numpy(bool) for each in conditions], [0, 1, 2, 3], 4)


def only(segments: pd.DataFrame, level: str) -> pd.DataFrame:
    """The segments whose feature has a concept, is called for it, is called for one that the
    sequence does not define, or is above all baselines; or all.

    Parameters
    ----------
    level : str
        One of `LEVELS`.
    """
    return segments[trust(segments) <= LEVELS[level]].reset_index(drop=True)


def by_trust(segments: pd.DataFrame) -> pd.DataFrame:
    """The segments of one protein, those first whose concept is surest.

    By `trust`, then by falling F1 on the test set, then by layer, variant, feature and place.

    Examples
    --------
    >>> rows = pd.DataFrame(
    ...     {
    ...         "verdict": [None, None, "below", "above", "undecided"],
    ...         "q_value": [None, 0.2, 0.01, 0.01, 0.01],
    ...         "concept": [None, "HELIX", "HELIX", "SIGNAL", "residue: C"],
    ...         "defined_by_sequence": [None, 0, 0, 0, 1],
    ...         "f1": [None, 0.9, 0.3, 0.2, 1.0],
    ...     }
    ... ).assign(layer=3, variant="topk", feature=range(5), start=1)
    >>> by_trust(rows)["feature"].tolist()
    [3, 2, 4, 1, 0]
    >>> only(rows, "called")["feature"].tolist()
    [2, 3, 4]
    """
    keys = segments[["layer", "variant", "feature", "start"]].assign(
        trust=trust(segments), falling=-segments["f1"]
    )
    names = ["trust", "falling", "layer", "variant", "feature", "start"]
    order = keys.sort_values(names, kind="stable").index
    return segments.loc[order].reset_index(drop=True)


def agreement(segments: pd.DataFrame, others: pd.DataFrame) -> list[tuple[int, int]]:
    """How many features of how many layers agree with each segment: those on at a residue of it.

    Parameters
    ----------
    segments : DataFrame
        Some rows of ``others``.
    others : DataFrame
        Segments of all features with one concept, in one protein.

    Returns
    -------
    list of (int, int)
        Features and layers, each with the segment's own.

    Examples
    --------
    >>> columns = ["start", "end", "layer", "variant", "feature"]
    >>> rows = [(1, 9, 3, "topk", 1), (9, 12, 6, "topk", 1), (10, 21, 6, "topk", 2)]
    >>> others = pd.DataFrame(rows, columns=columns)
    >>> agreement(others[:2], others)
    [(2, 2), (3, 2)]
    """
    start, end = others["start"].to_numpy(), others["end"].to_numpy()
    features = list(zip(*(others[name].tolist() for name in _FEATURE), strict=True))
    found = [
        {features[i] for i in np.flatnonzero((start <= last) & (end >= first))}
        for first, last in zip(segments["start"], segments["end"], strict=True)
    ]
    return [(len(on), len({layer for layer, *_ in on})) for on in found]


_FEATURE = ["layer", "variant", "feature"]


def n_features(segments: pd.DataFrame) -> int:
    """How many features these segments are of."""
    return len(segments[_FEATURE].drop_duplicates())
