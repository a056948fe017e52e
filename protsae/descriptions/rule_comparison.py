"""Two rules for each feature, on the same residues of test: which one tells more."""

from dataclasses import replace

import numpy as np
import pandas as pd
from scipy import sparse
from scipy.special import stdtrit

from protsae.association.scoring.metrics import ratio
from protsae.descriptions.protein_sums import Predictions, ProteinSums, ScoredProteins, protein_sums
from protsae.descriptions.rule_scores import (
    activation_correlation,
    jackknifed_share,
    placed_activation,
    pooled,
)
from protsae.statistics.cluster_intervals import MIN_CLUSTERS, effective_clusters


def compare_rules(
    proteins: ScoredProteins, activations: sparse.csc_array, first: Predictions, second: Predictions
) -> pd.DataFrame:
    """The paired difference of two rules of each feature, in AUROC and correlation.

    Both are scored as in `score_rules`, at residues at which the labels that either names are
    known. Of the two kinds of silent residues, those count against which the first rule has the
    lower AUROC.

    Parameters
    ----------
    activations : csc_array, shape (n_residues, n_features)
        Positive where stored.

    Returns
    -------
    DataFrame
        One row for each feature; NaN where nothing can be said, or one of the rules has no terms.

        - second_auroc, second_correlation: of the second rule.
        - auroc_difference, auroc_difference_low, auroc_difference_high: first less second, and its
          95 % interval, Student's t with the jackknife's error over homology clusters; no interval
          with fewer than ``MIN_CLUSTERS`` clusters with activity.
        - correlation_difference: first less second.
    """
    known = [_both(a, b) for a, b in zip(first.known, second.known, strict=True)]
    own, other = (
        protein_sums(proteins, activations, replace(each, known=known)) for each in (first, second)
    )
    kinds = zip(*(pooled(proteins, each.negatives[:2]) for each in (own, other)), strict=True)
    found = [_difference(proteins, own, other, *of_kind) for of_kind in kinds]
    aurocs = np.array([each.pop("first_auroc") for each in found])
    lower = np.where(np.isnan(aurocs), np.inf, aurocs).argmin(0)
    table = {name: np.choose(lower, [each[name] for each in found]) for name in found[0]}
    r = [activation_correlation(proteins, each)[0] for each in (own, other)]
    table |= {"second_correlation": r[1], "correlation_difference": r[0] - r[1]}
    has_both = (first.same > 0) & (second.same > 0)
    return pd.DataFrame({name: np.where(has_both, of, np.nan) for name, of in table.items()})


def _difference(
    proteins: ScoredProteins,
    first: ProteinSums,
    second: ProteinSums,
    of_first: list[np.ndarray],
    of_second: list[np.ndarray],
) -> dict[str, np.ndarray]:
    """Against one kind of silent residues, given as counts of all and where each rule holds."""
    silent, of_clusters = of_first[0], proteins.of_clusters
    weight = of_clusters @ (first.activation * (silent > 0))
    placed = [
        of_clusters @ placed_activation(own.activation, own.activation_held, silent, false)
        for own, (_, false) in ((first, of_first), (second, of_second))
    ]
    total = weight.sum(0)
    difference, error = jackknifed_share(placed[0] - placed[1], weight)
    half = stdtrit(np.maximum(effective_clusters(weight) - 1, 1), 0.975) * error
    told = (weight > 0).sum(0) >= MIN_CLUSTERS
    found = {
        "first_auroc": (ratio(placed[0].sum(0), total), total > 0),
        "second_auroc": (ratio(placed[1].sum(0), total), total > 0),
        "auroc_difference": (difference, total > 0),
        "auroc_difference_low": (difference - half, told),
        "auroc_difference_high": (difference + half, told),
    }
    return {name: np.where(is_known, value, np.nan) for name, (value, is_known) in found.items()}


def _both(first: np.ndarray | None, second: np.ndarray | None) -> np.ndarray | None:
    """Where both are known; None: everywhere."""
    if first is None or second is None:
        return second if first is None else first
    return first & second
