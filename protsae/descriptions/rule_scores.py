"""How well rules tell where features are active, on proteins that they were not written on."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import sparse
from scipy.special import stdtr, stdtrit

from protsae.association.scoring.metrics import ratio
from protsae.statistics import ragged
from protsae.statistics.cluster_intervals import (
    MIN_CLUSTERS,
    auroc_interval,
    effective_clusters,
)

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
        """Sums over the proteins of each homology cluster: shape (n_clusters, n_proteins)."""
        place = self.cluster, np.arange(len(self.cluster))
        return sparse.csr_array((np.ones(len(self.cluster)), place))

    @property
    def to_alike(self) -> sparse.csr_array:
        """From proteins to those alike in composition: shape (n_proteins, n_proteins)."""
        n_proteins, n = self.alike.shape
        place = self.alike.ravel(), np.repeat(np.arange(n_proteins), n)
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
    n_rules : int
        Features that have a rule.
    """

    rows: Sequence[np.ndarray]
    known: Sequence[np.ndarray | None]
    n_rules: int


def score_rules(
    proteins: ScoredProteins, activations: sparse.csc_array, predicted: Predictions
) -> pd.DataFrame:
    """Score the rule of each feature, beside those of the other features, which are dealt to it.

    A residue drawn in proportion to the activation is a positive, a silent one, of activation 0, a
    negative. Of a rule that holds at a share T of the positives and F of the negatives, AUROC =
    (1 + T - F) / 2. Residues at which a label that the rule names is unknown do not count.

    Parameters
    ----------
    activations : csc_array, shape (n_residues, n_features)

    Returns
    -------
    DataFrame
        One row for each feature; NaN where nothing can be said.

        - homologous_auroc, composition_auroc: against silent residues of the proteins with
          activity and their homologues, and of proteins with a similar composition.
        - auroc, auroc_low, auroc_high: the lower of the two, and its 95 % interval over homology
          clusters; dealt_auroc: its mean over the rules of the other features.
        - p_value: of the rule not being better than the others', the larger one against both kinds
          of residues; NaN with fewer than ``MIN_CLUSTERS`` clusters with activity.
        - correlation, correlation_low, correlation_high: `correlation` with the activation.
        - recall, precision: share of the activation that is where the rule holds; share of these
          residues at which the feature is active.
        - protein_correlation, protein_auroc: over proteins, of the share of residues at which the
          rule holds, with the mean activation; against proteins without activity.
        - n_clusters: homology clusters with activity.
    """
    sums = _protein_sums(proteins, activations, predicted)
    active = sums.activation > 0
    of_clusters = proteins.of_clusters
    homologous = (of_clusters @ active > 0)[proteins.cluster]
    found = [
        _compared(of_clusters, sums, kind) for kind in (homologous, proteins.to_alike @ active > 0)
    ]
    aurocs = np.array([each["auroc"] for each in found])
    # Of NaN, where there are no such residues, and a number, the number.
    lower = np.where(np.isnan(aurocs), np.inf, aurocs).argmin(0)
    table = {
        name: np.choose(lower, [each[name] for each in found])
        for name in ("auroc", "auroc_low", "auroc_high", "dealt_auroc")
    }
    n_clusters = (of_clusters @ active > 0).sum(0)
    p_value = np.fmax(found[0]["p_value"], found[1]["p_value"])
    n, held, known = sums.n_known, sums.held, sums.n_known > 0
    moments = [n, held, sums.activation, held, sums.squares, sums.activation_held]
    r, low, high = correlation(_by_cluster(of_clusters, moments))
    share, mean = ratio(held, n), ratio(sums.activation, n)
    of_protein = (np.ones(share.shape), share, mean, share**2, mean**2, share * mean)
    of_proteins, _, _ = correlation(_by_cluster(of_clusters, [each * known for each in of_protein]))
    return pd.DataFrame(
        {
            "homologous_auroc": aurocs[0],
            "composition_auroc": aurocs[1],
            **table,
            "p_value": np.where(n_clusters >= MIN_CLUSTERS, p_value, np.nan),
            "correlation": r,
            "correlation_low": low,
            "correlation_high": high,
            "recall": ratio(sums.activation_held.sum(0), sums.activation.sum(0)),
            "precision": ratio((held - sums.silent_held).sum(0), held.sum(0)),
            "protein_correlation": of_proteins,
            "protein_auroc": [
                _auroc(own[of & here], own[of & ~here])
                for own, of, here in zip(share.T, known.T, active.T, strict=True)
            ],
            "n_clusters": n_clusters,
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
        of the other features' rules that hold
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
    others = max(predicted.n_rules - 1, 1)
    of_total = sparse.diags_array(total)
    held, sums_held = _dense(members @ holds), _dense(members @ active_held)
    activation_dealt = _dense(members @ (of_total @ activation)) - _dense(members @ activation_held)
    active_dealt = _dense(members @ (of_total @ is_active)) - sums_held
    return _ProteinSums(
        n_known=n_known,
        n_silent=n_known - _dense(members @ is_active),
        activation=_dense(members @ activation),
        squares=_dense(members @ activation.power(2)),
        activation_held=_dense(members @ activation_held),
        activation_dealt=activation_dealt / others,
        held=held,
        silent_held=held - sums_held,
        silent_dealt=(n_dealt - held - active_dealt) / others,
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
    """Sums over proteins by homology cluster, moments along the last axis."""
    return np.stack([of_clusters @ each for each in moments], axis=-1)


def _compared(
    of_clusters: sparse.csr_array, sums: _ProteinSums, kind: np.ndarray
) -> dict[str, np.ndarray]:
    """AUROC with its interval, and a paired test against the dealt rules.

    Negatives are the silent residues of the proteins of a kind: bool, (n_proteins, n_features).
    """
    positive = sums.activation, sums.activation_held, sums.activation_dealt
    negative = sums.n_silent, sums.silent_held, sums.silent_dealt
    weights, hits, dealt_hits = (of_clusters @ each for each in positive)
    silent, false, dealt_false = (of_clusters @ (each * kind) for each in negative)
    told = (weights.sum(0) > 0) & (silent.sum(0) > 0)
    all_weights, all_silent = np.where(told, weights.sum(0), 1), np.where(told, silent.sum(0), 1)
    recall, wrong = hits.sum(0) / all_weights, false.sum(0) / all_silent
    placed = hits * (1 - wrong / 2) + (weights - hits) * (1 - wrong) / 2
    passed = (silent - false) * (1 + recall) / 2 + false * recall / 2
    low, high = auroc_interval(placed, weights, passed, silent)
    gain, lost = hits - dealt_hits, false - dealt_false
    mean_gain, mean_lost = gain.sum(0) / all_weights, lost.sum(0) / all_silent
    influence = (gain - mean_gain * weights) / all_weights
    influence -= (lost - mean_lost * silent) / all_silent
    n = ((weights > 0) | (silent > 0)).sum(0)
    error = np.sqrt(n / np.maximum(n - 1, 1) * (influence**2).sum(0))
    freedom = np.minimum(effective_clusters(weights), effective_clusters(silent)) - 1
    difference = mean_gain - mean_lost
    varies = error > 0
    t = -difference / np.where(varies, error, 1)
    p_value = np.where(varies, stdtr(np.maximum(freedom, 1), t), difference <= 0)
    found = {
        "auroc": (1 + recall - wrong) / 2,
        "auroc_low": low,
        "auroc_high": high,
        "dealt_auroc": (1 + dealt_hits.sum(0) / all_weights - dealt_false.sum(0) / all_silent) / 2,
        "p_value": p_value,
    }
    return {name: np.where(told, values, np.nan) for name, values in found.items()}


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
    order = np.argsort(distance, axis=1, kind="stable")
    found: np.ndarray = order[:, : min(NEAREST, fewest)]
    return found
