"""How well rules tell where features are active, on proteins that they were not written on."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import sparse
from scipy.special import stdtr, stdtrit

from protsae.association.scoring.metrics import ratio
from protsae.statistics import ragged
from protsae.statistics.cluster_intervals import MIN_CLUSTERS, effective_clusters, share_interval

NEAREST = 3
"""Proteins of other clusters with the most similar composition, for each protein."""


@dataclass(frozen=True, eq=False)
class ScoredProteins:
    """Proteins of test, one after another, as rules are scored on them.

    Attributes
    ----------
    lengths : ndarray of int, shape (n_proteins,)
    cluster : ndarray of int, shape (n_proteins,)
        Homology cluster, from 0.
    alike : ndarray of int, shape (n_proteins, n)
        The proteins of other clusters with the most similar composition (`alike_in_composition`).
    """

    lengths: np.ndarray
    cluster: np.ndarray
    alike: np.ndarray

    @property
    def of_residues(self) -> sparse.csr_array:
        """Sums over the residues of each protein: shape (n_proteins, n_residues)."""
        first = np.append(ragged.starts(self.lengths), self.lengths.sum())
        n_residues = int(first[-1])
        members = np.ones(n_residues), np.arange(n_residues), first
        return sparse.csr_array(members, shape=(len(self.lengths), n_residues))

    @property
    def of_clusters(self) -> sparse.csr_array:
        """Means over the proteins of each homology cluster: shape (n_clusters, n_proteins)."""
        place = self.cluster, np.arange(len(self.cluster))
        return sparse.csr_array((1 / np.bincount(self.cluster)[self.cluster], place))

    @property
    def of_alike(self) -> sparse.csr_array:
        """Sums over the proteins alike in composition: shape (n_proteins, n_proteins)."""
        n_proteins, n = self.alike.shape
        place = np.repeat(np.arange(n_proteins), n), self.alike.ravel()
        return sparse.csr_array((np.ones(n_proteins * n), place), shape=(n_proteins, n_proteins))


@dataclass(frozen=True, eq=False)
class Predictions:
    """Where rules hold on test, one for each feature.

    Attributes
    ----------
    rows : sequence of ndarray of int
        Residues at which the rule of each feature holds, ascending; none for features without one.
    known : sequence of (ndarray of bool, shape (n_residues,)) or None
        Where the labels that each rule names are known; None: everywhere.
    same : ndarray of int, shape (n_features,)
        Features that have the same rule, itself among them; 0 for those without a rule.
    """

    rows: Sequence[np.ndarray]
    known: Sequence[np.ndarray | None]
    same: np.ndarray

    @property
    def n_others(self) -> np.ndarray:
        """Features with another rule."""
        found: np.ndarray = np.count_nonzero(self.same) - self.same
        return found


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
          the difference of AUROC with the jackknife's error over clusters; the larger one against
          both kinds of residues; NaN with fewer than ``MIN_CLUSTERS`` clusters with activity.
        - correlation, correlation_low, correlation_high: `correlation` with the activation.
        - recall, precision: share of the activation that is where the rule holds; share of these
          residues at which the feature is active; of residues with known labels.
        - known_share: share of the activation that is at residues with known labels.
        - protein_correlation, protein_auroc: over proteins, of the share of residues at which the
          rule holds, with the mean activation; against proteins without activity.
        - n_clusters: homology clusters with activity.
    """
    sums = _protein_sums(proteins, activations, predicted)
    active = sums.activation > 0
    of_clusters, negatives = proteins.of_clusters, sums.negatives
    of_own = [(of_clusters @ each)[proteins.cluster] for each in negatives]
    of_alike = [proteins.of_alike @ each for each in negatives]
    found = [_compared(of_clusters, sums, each) for each in (of_own, of_alike)]
    aurocs = np.array([each["auroc"] for each in found])
    # Of NaN, where there are no such residues, and a number, the number.
    lower = np.where(np.isnan(aurocs), np.inf, aurocs).argmin(0)
    table = {
        name: np.choose(lower, [each[name] for each in found])
        for name in ("auroc", "auroc_low", "auroc_high", "dealt_auroc")
    }
    n, held, known = sums.n_known, sums.held, sums.n_known > 0
    moments = [n, held, sums.activation, held, sums.squares, sums.activation_held]
    r, low, high = correlation(_by_cluster(of_clusters, moments))
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


@dataclass(frozen=True, eq=False)
class _ProteinSums:
    """Of features and their rules, over the known residues of proteins: (n_proteins, n_features).

    Attributes
    ----------
    n_known, n_silent : residues, and those at which the feature is silent
    activation, squares : of the activation
    activation_held, activation_dealt : the activation where the rule holds, and times the share
        of the dealt rules that hold
    held, silent_held, silent_dealt : residues at which the rule holds, silent ones, and the sum of
        that share over silent ones
    """

    n_known: np.ndarray
    n_silent: np.ndarray
    activation: np.ndarray
    squares: np.ndarray
    activation_held: np.ndarray
    activation_dealt: np.ndarray
    held: np.ndarray
    silent_held: np.ndarray
    silent_dealt: np.ndarray

    @property
    def negatives(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Silent residues: all, where the rule holds, and by the share of dealt rules."""
        return self.n_silent, self.silent_held, self.silent_dealt


def _protein_sums(
    proteins: ScoredProteins, activations: sparse.csc_array, predicted: Predictions
) -> _ProteinSums:
    members, n_residues = proteins.of_residues, activations.shape[0]
    total = np.bincount(np.concatenate(predicted.rows), minlength=n_residues).astype(np.float64)
    n_features = activations.shape[1]
    n_known = np.repeat(proteins.lengths[:, None], n_features, axis=1)
    n_dealt = np.repeat((members @ total)[:, None], n_features, axis=1)
    rows, active, values = list(predicted.rows), [], []
    for feature, known in enumerate(predicted.known):
        column = slice(*activations.indptr[feature : feature + 2])
        own, value = activations.indices[column], activations.data[column].astype(np.float64)
        if known is not None:
            own, value = own[known[own]], value[known[own]]
            rows[feature] = rows[feature][known[rows[feature]]]
            n_known[:, feature] = members @ known.astype(np.float64)
            n_dealt[:, feature] = members @ (total * known)
        active.append(own)
        values.append(value)
    shape = n_residues, n_features
    activation = _columns(active, values, shape)
    is_active = _columns(active, [np.ones(len(own)) for own in active], shape)
    holds = _columns(rows, [np.ones(len(own)) for own in rows], shape)
    activation_held, active_held = activation * holds, is_active * holds
    of_total = sparse.diags_array(total)
    same, n_others = predicted.same, predicted.n_others
    held, held_active = _dense(members @ holds), _dense(members @ active_held)
    sums_held = _dense(members @ activation_held)
    dealt = _dense(members @ (of_total @ activation)) - same * sums_held
    dealt_active = _dense(members @ (of_total @ is_active)) - same * held_active
    sums, silent = _dense(members @ activation), n_known - _dense(members @ is_active)
    return _ProteinSums(
        n_known=n_known,
        n_silent=silent,
        activation=sums,
        squares=_dense(members @ activation.power(2)),
        activation_held=sums_held,
        # Without a rule that differs: chance.
        activation_dealt=np.where(n_others > 0, ratio(dealt, n_others), sums / 2),
        held=held,
        silent_held=held - held_active,
        silent_dealt=np.where(
            n_others > 0, ratio(n_dealt - same * held - dealt_active, n_others), silent / 2
        ),
    )


def _columns(
    rows: Sequence[np.ndarray], values: Sequence[np.ndarray], shape: tuple[int, int]
) -> sparse.csc_array:
    first = np.concatenate([[0], np.cumsum([len(own) for own in rows])])
    return sparse.csc_array((np.concatenate(values), np.concatenate(rows), first), shape=shape)


def _dense(sums: sparse.csr_array) -> np.ndarray:
    found: np.ndarray = sums.toarray()
    return found


def _by_cluster(of_clusters: sparse.csr_array, moments: Sequence[np.ndarray]) -> np.ndarray:
    """Means over the proteins of each homology cluster, moments along the last axis."""
    return np.stack([of_clusters @ each for each in moments], axis=-1)


def _compared(
    of_clusters: sparse.csr_array, sums: _ProteinSums, negatives: Sequence[np.ndarray]
) -> dict[str, np.ndarray]:
    """AUROC with its interval, and a paired test against the dealt rules.

    Parameters
    ----------
    negatives : sequence of ndarray, shape (n_proteins, n_features)
        As `_ProteinSums.negatives`, of the residues that each protein is compared with.
    """
    silent, false, dealt_false = negatives
    some = silent > 0
    positive = sums.activation * some
    own = (positive + sums.activation_held * some - positive * ratio(false, silent)) / 2
    dealt = (positive + sums.activation_dealt * some - positive * ratio(dealt_false, silent)) / 2
    weight, placed, of_dealt = (of_clusters @ each for each in (positive, own, dealt))
    total, counted = weight.sum(0), weight > 0
    n_clusters, told = counted.sum(0), counted.sum(0) >= MIN_CLUSTERS
    low, high = share_interval(placed, weight)
    gain = placed - of_dealt
    difference = ratio(gain.sum(0), total)
    without = np.where(counted, ratio(gain.sum(0) - gain, total - weight), 0)
    spread = np.where(counted, without - ratio(without.sum(0), n_clusters), 0)
    error = np.sqrt(ratio(n_clusters - 1, n_clusters) * (spread**2).sum(0))
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


def correlation(moments: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Pearson's correlation from sums by homology cluster, and its 95 % interval over clusters.

    tanh(artanh r +- t s): s^2 = (n - 1) / n sum_c (z_c - mean z)^2 is the jackknife's variance of
    z = artanh r, where z_c leaves cluster c out; t at n - 1 degrees of freedom.

    Parameters
    ----------
    moments : ndarray, shape (n_clusters, ..., 6)
        n, sum x, sum y, sum x^2, sum y^2, sum xy; clusters of n = 0 do not count.

    Returns
    -------
    r, low, high : ndarray, float64, shape (...)
        NaN where one of the two is constant; the interval, too, with fewer than ``MIN_CLUSTERS``.

    References
    ----------
    Efron & Stein, Ann. Stat. 9, 586 (1981).

    Examples
    --------
    Twelve clusters alike, x = 0, 1, 1, 0 and y = 0, 1, 2, 1:

    >>> r, low, high = correlation(np.tile([4.0, 2, 4, 2, 6, 3], (12, 1)))
    >>> round(float(r), 3), round(float(low), 3), round(float(high), 3)
    (0.707, 0.707, 0.707)
    """
    total, some = moments.sum(0), moments[..., 0] > 0
    r, n = _pearson(total), some.sum(0)
    without = _pearson(total - moments)
    z = np.where(some, _artanh(np.where(np.isnan(without), r, without)), 0)
    mean = ratio(z.sum(0), n)
    squares = (np.where(some, z - mean, 0) ** 2).sum(0)
    half = stdtrit(np.maximum(n - 1, 1), 0.975) * np.sqrt(ratio(n - 1, n) * squares)
    told = ~np.isnan(r) & (n >= MIN_CLUSTERS)
    low, high = np.tanh(_artanh(r) - half), np.tanh(_artanh(r) + half)
    return r, np.where(told, low, np.nan), np.where(told, high, np.nan)


def _artanh(r: np.ndarray) -> np.ndarray:
    found: np.ndarray = np.arctanh(np.clip(r, -1 + 1e-12, 1 - 1e-12))
    return found


def _pearson(sums: np.ndarray) -> np.ndarray:
    """From n, sum x, sum y, sum x^2, sum y^2, sum xy, along the last axis."""
    n, x, y, xx, yy, xy = np.moveaxis(sums, -1, 0)
    with np.errstate(divide="ignore", invalid="ignore"):
        of_x, of_y = xx / n - (x / n) ** 2, yy / n - (y / n) ** 2
        scale = np.sqrt(np.maximum(of_x, 0) * np.maximum(of_y, 0))
        r = (xy / n - x * y / n**2) / scale
        # What rounding leaves of a constant.
        constant = (of_x <= 1e-12 * xx / n) | (of_y <= 1e-12 * yy / n)
    found: np.ndarray = np.where(constant, np.nan, np.clip(r, -1, 1))
    return found


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
