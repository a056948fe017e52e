"""How well rules tell where features are active, on proteins that they were not written on."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from scipy import sparse
from scipy.special import stdtr

from protsae.association.scoring.metrics import ratio
from protsae.descriptions.protein_sums import (
    Predictions,
    ProteinSums,
    ScoredProteins,
    protein_sums,
)
from protsae.statistics.cluster_correlation import correlation
from protsae.statistics.cluster_intervals import MIN_CLUSTERS, effective_clusters, share_interval

NEAREST = 3
"""Proteins of other clusters with the most similar composition, for each protein."""


def score_rules(
    proteins: ScoredProteins, activations: sparse.csc_array, predicted: Predictions
) -> pd.DataFrame:
    """Score the rule of each feature, beside those of the other features, which are dealt to it.

    A residue drawn in proportion to the activation is a positive, a residue of activation 0 in
    what it is compared with a negative. In a homology cluster with activation a, of which h is
    where the rule holds, that holds at a share F of the negatives, X = (a + h - a F) / 2, and AUROC
    = sum X / sum a over clusters. So each part of the activation is compared with its own cluster:
    a rule gains nothing by telling proteins apart. The proteins of a cluster share a weight of 1.
    Residues at which a label that the rule names is unknown do not count.

    Parameters
    ----------
    activations : csc_array, shape (n_residues, n_features)
        Positive where stored.

    Returns
    -------
    DataFrame
        One row for each feature; NaN where nothing can be said.

        - homologous_auroc: against silent residues of the same homology cluster;
          composition_auroc: against those of the proteins that are alike in composition.
        - auroc, auroc_low, auroc_high: the lower of the two, and its 95 % interval over homology
          clusters (`share_interval`); dealt_auroc: its mean over the rules of other features that
          differ; 0.5 if none does.
        - p_value: of the rule not being better than the dealt ones, one-sided, by Student's t of
          the difference of AUROC with the jackknife's error over clusters, or `blind_error`, if
          that is larger; the larger one against both kinds of residues; NaN with fewer than
          ``MIN_CLUSTERS`` clusters with activity.
        - correlation, correlation_low, correlation_high: `activation_correlation`.
        - recall, precision: share of the activation that is where the rule holds; share of these
          residues at which the feature is active; of residues with known labels.
        - known_share: share of the activation that is at residues with known labels.
        - protein_correlation, protein_auroc: over proteins, of the share of residues at which the
          rule holds, with the mean activation; against proteins without activity.
        - n_clusters: homology clusters with activity.
    """
    sums = protein_sums(proteins, activations, predicted)
    active = sums.activation > 0
    of_clusters = proteins.of_clusters
    found = [_compared(of_clusters, sums, each) for each in pooled(proteins, sums.negatives)]
    aurocs = np.array([each["auroc"] for each in found])
    # Of NaN, where there are no such residues, and a number, the number.
    lower = np.where(np.isnan(aurocs), np.inf, aurocs).argmin(0)
    table = {
        name: np.choose(lower, [each[name] for each in found])
        for name in ("auroc", "auroc_low", "auroc_high", "dealt_auroc")
    }
    n, held, known = sums.n_known, sums.held, sums.n_known > 0
    r, low, high = activation_correlation(proteins, sums)
    share, mean = ratio(held, n), ratio(sums.activation, n)
    of_protein = (np.ones(share.shape), share, mean, share**2, mean**2, share * mean)
    of_proteins, _, _ = correlation(_by_cluster(of_clusters, [each * known for each in of_protein]))
    every = proteins.of_residues @ activations
    return pd.DataFrame(
        {
            "homologous_auroc": aurocs[0],
            "composition_auroc": aurocs[1],
            **table,
            "p_value": np.fmax(found[0]["p_value"], found[1]["p_value"]),
            "correlation": r,
            "correlation_low": low,
            "correlation_high": high,
            "recall": ratio(sums.activation_held.sum(0), sums.activation.sum(0)),
            "precision": ratio((held - sums.silent_held).sum(0), held.sum(0)),
            "known_share": ratio(sums.activation.sum(0), every.sum(0)),
            "protein_correlation": of_proteins,
            "protein_auroc": [
                _auroc(own[of & here], own[of & ~here])
                for own, of, here in zip(share.T, known.T, active.T, strict=True)
            ],
            "n_clusters": ((of_clusters @ every).toarray() > 0).sum(0),
        }
    )


def pooled(
    proteins: ScoredProteins, negatives: Sequence[np.ndarray]
) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Counts of negatives by protein, as each protein is compared with them.

    Those of its own homology cluster, and those of the proteins that are alike in composition.
    """
    of_own = [(proteins.of_clusters @ each)[proteins.cluster] for each in negatives]
    return of_own, [proteins.of_alike @ each for each in negatives]


def activation_correlation(
    proteins: ScoredProteins, sums: ProteinSums
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """`correlation` of each rule with the activation, and its interval.

    NaN bounds with fewer than ``MIN_CLUSTERS`` clusters with activity: those without any hardly
    vary, so that leaving them out one by one says nothing of the spread.
    """
    n, held = sums.n_known, sums.held
    moments = [n, held, sums.activation, held, sums.squares, sums.activation_held]
    r, low, high = correlation(_by_cluster(proteins.of_clusters, moments))
    told = (proteins.of_clusters @ sums.activation > 0).sum(0) >= MIN_CLUSTERS
    return r, np.where(told, low, np.nan), np.where(told, high, np.nan)


def _by_cluster(of_clusters: sparse.csr_array, moments: Sequence[np.ndarray]) -> np.ndarray:
    """Means over the proteins of each homology cluster, moments along the last axis."""
    return np.stack([of_clusters @ each for each in moments], axis=-1)


def _compared(
    of_clusters: sparse.csr_array, sums: ProteinSums, negatives: Sequence[np.ndarray]
) -> dict[str, np.ndarray]:
    """AUROC with its interval, and a paired test against the dealt rules.

    Parameters
    ----------
    negatives : sequence of ndarray, shape (n_proteins, n_features)
        As `ProteinSums.negatives`, of the residues that each protein is compared with.
    """
    silent, false, dealt_false = negatives
    positive = sums.activation * (silent > 0)
    own = placed_activation(sums.activation, sums.activation_held, silent, false)
    dealt = placed_activation(sums.activation, sums.activation_dealt, silent, dealt_false)
    weight, placed, of_dealt = (of_clusters @ each for each in (positive, own, dealt))
    total = weight.sum(0)
    told = (weight > 0).sum(0) >= MIN_CLUSTERS
    low, high = share_interval(placed, weight)
    difference, error = jackknifed_share(placed - of_dealt, weight)
    squares = sums.squares * (silent > 0)
    blind = ratio(blind_error(of_clusters, squares, ratio(false, silent)), total)
    error = np.maximum(error, blind)
    varies = error > 1e-12
    freedom = np.maximum(effective_clusters(weight) - 1, 1)
    p_value = stdtr(freedom, -difference / np.where(varies, error, 1))
    found = {
        "auroc": (ratio(placed.sum(0), total), total > 0),
        "auroc_low": (low, told),
        "auroc_high": (high, told),
        "dealt_auroc": (ratio(of_dealt.sum(0), total), total > 0),
        "p_value": (np.where(varies, p_value, difference <= 0), told),
    }
    return {name: np.where(is_known, value, np.nan) for name, (value, is_known) in found.items()}


def placed_activation(
    activation: np.ndarray, held: np.ndarray, silent: np.ndarray, false: np.ndarray
) -> np.ndarray:
    """(a + h - a F) / 2 of each protein, with F = false / silent; 0 without negatives.

    Parameters
    ----------
    activation, held, silent, false : ndarray, shape (n_proteins, n_features)
        a and h, the negatives, and those of them where the rule holds.
    """
    some = silent > 0
    positive = activation * some
    found: np.ndarray = (positive + held * some - positive * ratio(false, silent)) / 2
    return found


def jackknifed_share(gain: np.ndarray, weight: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """sum gain / sum weight, and its standard error by the jackknife over homology clusters.

    Parameters
    ----------
    gain, weight : ndarray, shape (n_clusters, n_features)
        Clusters of weight 0 do not count.

    Returns
    -------
    share, error : ndarray, shape (n_features,)

    References
    ----------
    Efron & Stein, Ann. Stat. 9, 586 (1981).

    Examples
    --------
    >>> jackknifed_share(np.array([[0.0], [1.0]]), np.ones((2, 1)))
    (array([0.5]), array([0.5]))
    """
    total, counted = weight.sum(0), weight > 0
    n_clusters = counted.sum(0)
    share = ratio(gain.sum(0), total)
    without = np.where(counted, ratio(gain.sum(0) - gain, total - weight), 0)
    spread = np.where(counted, without - ratio(without.sum(0), n_clusters), 0)
    return share, np.sqrt(ratio(n_clusters - 1, n_clusters) * (spread**2).sum(0))


def blind_error(
    of_clusters: sparse.csr_array, squares: np.ndarray, share: np.ndarray
) -> np.ndarray:
    """Standard error of the sum of `placed_activation` of a rule that is blind to the activation.

    sqrt(sum_i F (1 - F) a_i^2) / 2 over residues i with activation a_i, if the rule holds at each
    of them independently with probability F. Neighbouring residues are alike, so the true error is
    at least this large. The error seen between clusters can be smaller, even 0, when a few residues
    agree by chance: a rule that holds at 80 % of all residues holds at ten random ones in one case
    of ten.

    Parameters
    ----------
    of_clusters : csr_array, shape (n_clusters, n_proteins)
        Of `ScoredProteins`: what a protein counts.
    squares, share : ndarray, shape (n_proteins, n_features)
        Sum of a_i^2, and F.

    Examples
    --------
    Two relatives count half each; the rule holds at half of their residues:

    >>> of_clusters = sparse.csr_array(np.array([[0.5, 0.5]]))
    >>> blind_error(of_clusters, np.full((2, 1), 8.0), np.full((2, 1), 0.5)).tolist()
    [0.5]
    """
    variance = of_clusters.power(2) @ (squares * share * (1 - share))
    return np.sqrt(variance.sum(0)) / 2


def _auroc(positives: np.ndarray, negatives: np.ndarray) -> float:
    """Share of pairs in which the positive is larger, equal ones half."""
    if not len(positives) or not len(negatives):
        return np.nan
    ordered = np.sort(negatives)
    below = np.searchsorted(ordered, positives, side="left")
    up_to = np.searchsorted(ordered, positives, side="right")
    return float((below + up_to).sum() / 2 / len(positives) / len(negatives))


def alike_in_composition(composition: np.ndarray, cluster: np.ndarray) -> np.ndarray:
    """For each protein the `NEAREST` proteins of other clusters by Euclidean distance.

    Parameters
    ----------
    composition : ndarray, shape (n_proteins, 20)
        Shares of the amino acids.
    cluster : ndarray of int, shape (n_proteins,)

    Examples
    --------
    >>> shares = np.array([[1, 0.0], [0.9, 0.1], [0.2, 0.8], [0, 1]])
    >>> alike_in_composition(shares, np.array([0, 0, 1, 2]))[0].tolist()
    [2, 3]
    """
    squares = (composition**2).sum(1)
    distance = squares[:, None] + squares - 2 * composition @ composition.T
    distance[cluster[:, None] == cluster] = np.inf
    fewest = int((cluster[:, None] != cluster).sum(1).min(initial=len(cluster)))
    # Rounded, so that the order of equals does not depend on how the product was summed.
    order = np.argsort(distance.round(12), axis=1, kind="stable")
    found: np.ndarray = order[:, : min(NEAREST, fewest)]
    return found
