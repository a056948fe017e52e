"""Which concepts are predicted at which residues of a protein, each by one feature."""

import numpy as np
import pandas as pd

from protsae.association.joined_baselines import best_per_concept
from protsae.features.protein_segments import is_called, is_defined
from protsae.statistics import ragged

TIMES = 2.0
"""A feature that matches another concept better predicts this one only if its F1 on valid is this
many times that of the best feature that does not. It follows the concept as far as the two
concepts occur together, which may differ in other proteins."""


def concept_features(pairs: pd.DataFrame) -> pd.DataFrame:
    """The feature that predicts each concept: of those called for it, the best on valid.

    Usually this is a feature that matches no other concept better (``is_own``). A feature that
    does takes its place only if its F1 on valid is at least ``TIMES`` as high. Left out are
    concepts for which no feature of the first kind is called, and those that the sequence defines:
    a rule finds them exactly.

    Parameters
    ----------
    pairs : DataFrame
        Rows of the feature table (``is_own``: the concept is the one that the feature matches
        best) and of the table of best features, of any layers and SAEs.

    Returns
    -------
    DataFrame
        Some of the rows, by falling F1 on the test set.

    Examples
    --------
    >>> rows = [
    ...     ("SIGNAL", 0.7, 0.6, 0.01, True),
    ...     ("SIGNAL", 0.6, 0.8, 0.01, True),
    ...     ("SIGNAL", 0.9, 0.9, 0.01, False),
    ...     ("TURN", 0.9, 0.9, 0.3, True),
    ...     ("DISULFID", 0.1, 0.1, 0.01, True),
    ...     ("DISULFID", 0.7, 0.5, 0.01, False),
    ...     ("DOMAIN", 0.7, 0.5, 0.01, False),
    ... ]
    >>> pairs = pd.DataFrame(rows, columns=["concept", "valid_f1", "f1", "q_value", "is_own"])
    >>> concept_features(pairs.assign(defined_by_sequence=0))[["concept", "f1"]].values.tolist()
    [['SIGNAL', 0.6], ['DISULFID', 0.5]]
    """
    called = pairs[is_called(pairs) & ~is_defined(pairs)]
    is_own = called["is_own"].astype(bool)
    own, others = best_per_concept(called[is_own]), best_per_concept(called[~is_own])
    least = TIMES * others["concept"].map(own.set_index("concept")["valid_f1"])
    better = others[others["valid_f1"] >= least]
    best = pd.concat([own[~own["concept"].isin(better["concept"])], better])
    return best.sort_values("f1", ascending=False, kind="stable")


def label_of(features: pd.DataFrame) -> pd.Series:
    """What features are called: their label, if they have one that is known, else their concept."""
    labels = features["label"]
    return labels.where(labels.notna() & (labels != "unknown"), features["concept"])


OF_RUN = (
    *("concept", "label", "layer", "variant", "feature", "assumed_base_rate", "base_rate_from"),
    *("calibration", "look_alike_rate", "valid_f1", "f1", "f1_low", "f1_high", "q_value"),
    *("verdict", "best_baseline", "best_baseline_f1", "stability", "random_stability", "recurs"),
)
"""What a predicted segment repeats of its feature."""


def predicted_segments(residues: pd.DataFrame) -> pd.DataFrame:
    """Neighbouring residues at which one concept is predicted, joined.

    Parameters
    ----------
    residues : DataFrame
        By protein, concept and position: number (of the protein), position, probability with its
        bounds, activation, look_alike and ``OF_RUN``.

    Returns
    -------
    DataFrame
        number, start, end, peak, activation and look_alike (there), probability with its bounds
        (means over the residues), expected_residues (their sum) and ``OF_RUN``; in the order of
        ``residues``.

    Examples
    --------
    >>> rows = pd.DataFrame(columns=OF_RUN, index=range(3)).assign(number=0, concept="SIGNAL")
    >>> rows = rows.assign(position=[2, 3, 9], activation=[1.0, 2, 1], look_alike=None)
    >>> rows = rows.assign(probability=[0.5, 0.7, 0.2])
    >>> found = predicted_segments(rows.assign(probability_low=0.1, probability_high=0.9))
    >>> found[["start", "end", "peak", "probability"]].round(2).values.tolist()
    [[2.0, 3.0, 3.0, 0.6], [9.0, 9.0, 9.0, 0.2]]
    """
    position = residues["position"].to_numpy(np.int64)
    protein, concept = residues["number"].to_numpy(), pd.factorize(residues["concept"])[0]
    new = ragged.changes(protein, concept, position - np.arange(len(position)))
    run = np.cumsum(new) - 1
    activation = residues["activation"].to_numpy(np.float64)
    peak = np.lexsort((position, -activation, run))[np.flatnonzero(new)]
    bounds = ["probability", "probability_low", "probability_high"]
    means = residues[bounds].astype(float).groupby(run).mean().reset_index(drop=True)
    length = np.bincount(run, minlength=len(peak)) if len(peak) else np.zeros(0, np.int64)
    start = position[new]
    found = residues.loc[new, ["number", *OF_RUN]].reset_index(drop=True).join(means)
    return found.assign(
        start=start,
        end=start + length - 1,
        peak=position[peak],
        activation=activation[peak],
        look_alike=residues["look_alike"].to_numpy(object)[peak],
        expected_residues=means["probability"].to_numpy(np.float64) * length,
    )
