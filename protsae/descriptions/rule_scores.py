"""How well rules tell where features are active, on proteins that they were not written on."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy import sparse
from scipy.special import stdtr, stdtrit

from protsae.association.scoring.metrics import ratio
from protsae.statistics.cluster_intervals import (
    MIN_CLUSTERS,
    auroc_interval,
    effective_clusters,
)

NEAREST = 3
"""Proteins of other clusters with the most similar composition, for each protein."""


@dataclass(frozen=True, eq=False)
class TestResidues:
    """Residues of test, as rules are scored on them.

    Attributes
    ----------
    activations : csc_array, shape (n_residues, n_features)
    protein : ndarray of int, shape (n_residues,)
        Number of the protein of each residue.
    cluster : ndarray of int, shape (n_proteins,)
        Homology cluster of each protein, from 0.
    alike : ndarray of int, shape (n_proteins, n)
        The proteins of other clusters with the most similar composition (`alike_in_composition`).
    """

    __test__ = False  # for pytest, by its name

    activations: sparse.csc_array
    protein: np.ndarray
    cluster: np.ndarray
    alike: np.ndarray

    @cached_property
    def lengths(self) -> np.ndarray:
        """Residues of each protein."""
        return np.bincount(self.protein, minlength=len(self.cluster))

    def per_protein(self, rows: np.ndarray, values: np.ndarray | None = None) -> np.ndarray:
        """Residues of some rows, or the sum of their values, in each protein."""
        return np.bincount(self.protein[rows], values, len(self.cluster))

    def by_cluster(self, of_proteins: np.ndarray) -> np.ndarray:
        """Sums over the proteins of each homology cluster."""
        found: np.ndarray = self._members @ of_proteins
        return found

    @cached_property
    def _members(self) -> sparse.csr_array:
        place = self.cluster, np.arange(len(self.cluster))
        return sparse.csr_array((np.ones(len(self.cluster)), place))


@dataclass(frozen=True)
class Score:
    """How a rule ranks residues of one feature; all of it on the same ones.

    Attributes
    ----------
    homologous_auroc, composition_auroc : float
        AUROC against silent residues of the proteins with activity and their homologues, and of
        proteins with a similar composition. NaN where there are none.
    dealt_auroc : float
        Mean of the lower of the two over the descriptions of the other features.
    auroc_low, auroc_high : float
        95 % interval of the lower of the two, over homology clusters.
    p_value : float
        Of the rule not being better than the others', the larger one against both kinds of
        residues. NaN with fewer than ``MIN_CLUSTERS`` clusters with activity.
    correlation, correlation_low, correlation_high : float
        Pearson's, with the activation at all residues; its interval by the jackknife.
    recall, precision : float
        Share of the activation that is where the rule holds; share of these residues at which the
        feature is active.
    protein_correlation, protein_auroc : float
        The same over proteins, of the share of residues at which the rule holds, with the mean
        activation; against proteins without activity.
    n_clusters : int
        Homology clusters with activity.
    """

    homologous_auroc: float
    composition_auroc: float
    dealt_auroc: float
    auroc_low: float
    auroc_high: float
    p_value: float
    correlation: float
    correlation_low: float
    correlation_high: float
    recall: float
    precision: float
    protein_correlation: float
    protein_auroc: float
    n_clusters: int

    @property
    def auroc(self) -> float:
        """The lower one of the two."""
        return float(np.fmin(self.homologous_auroc, self.composition_auroc))


@dataclass(frozen=True, eq=False)
class Predictions:
    """Where rules hold on test, one for each feature.

    Attributes
    ----------
    rows : list of ndarray of int
        Residues at which the rule of each feature holds, ascending.
    known : list of (ndarray of bool, shape (n_residues,)) or None
        Where the labels that each rule names are known; None: everywhere.
    total : ndarray of int, shape (n_residues,)
        Rules that hold at each residue.
    n_rules : int
        Features that have a rule.
    """

    rows: list[np.ndarray]
    known: list[np.ndarray | None]
    total: np.ndarray
    n_rules: int

    @classmethod
    def of(
        cls, rows: list[np.ndarray], known: list[np.ndarray | None], n_residues: int, n_rules: int
    ) -> "Predictions":
        """Counted once; features without a rule have no rows."""
        total = np.bincount(np.concatenate(rows), minlength=n_residues)
        return cls(rows, known, total, n_rules)


def score_rule(test: TestResidues, feature: int, predicted: Predictions) -> Score:
    """Score the rule of one feature beside those of the others, which are dealt to it.

    A residue drawn in proportion to the activation is a positive, a silent one a negative. Of a
    rule that holds at a share T of the positives and F of the negatives, AUROC = (1 + T - F) / 2.
    Residues at which a label that the rule names is unknown do not count.
    """
    sums = _protein_sums(test, feature, predicted)
    n_proteins = len(test.cluster)
    active = sums.activation > 0
    homologous = np.isin(test.cluster, np.unique(test.cluster[active]))
    alike = np.zeros(n_proteins, dtype=bool)
    alike[test.alike[active].ravel()] = True
    found = [_compared(test, sums, kind) for kind in (homologous, alike)]
    aurocs = [each.auroc for each in found]
    worst = found[int(np.nanargmin(aurocs))] if not np.isnan(aurocs).all() else found[0]
    n_active = len(np.unique(test.cluster[active]))
    p_values = [each.p_value for each in found if not np.isnan(each.auroc)]
    told = n_active >= MIN_CLUSTERS and len(p_values) > 0
    held, some = sums.held, sums.n_known > 0
    moments = [sums.n_known, held, sums.activation, held, sums.squares, sums.activation_held]
    r, low, high = correlation(test.by_cluster(np.stack(moments, axis=1)))
    size = np.maximum(sums.n_known, 1)
    share, mean = held / size, sums.activation / size
    moments = [np.ones(n_proteins), share, mean, share**2, mean**2, share * mean]
    protein_r, _, _ = correlation(test.by_cluster(np.stack(moments, axis=1) * some[:, None]))
    return Score(
        homologous_auroc=aurocs[0],
        composition_auroc=aurocs[1],
        dealt_auroc=worst.dealt_auroc,
        auroc_low=worst.low,
        auroc_high=worst.high,
        p_value=max(p_values) if told else np.nan,
        correlation=r,
        correlation_low=low,
        correlation_high=high,
        recall=float(ratio(sums.activation_held.sum(), sums.activation.sum())),
        precision=float(ratio((held - sums.silent_held).sum(), held.sum())),
        protein_correlation=protein_r,
        protein_auroc=_auroc(share[some & active], share[some & ~active]),
        n_clusters=n_active,
    )


@dataclass(frozen=True, eq=False)
class _ProteinSums:
    """Of a feature and its rule, over the known residues of each protein; shape (n_proteins,).

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


def _protein_sums(test: TestResidues, feature: int, predicted: Predictions) -> _ProteinSums:
    column = slice(*test.activations.indptr[feature : feature + 2])
    active, value = test.activations.indices[column], test.activations.data[column]
    rows, known = predicted.rows[feature], predicted.known[feature]
    total = predicted.total
    if known is None:
        n_known, every = test.lengths, test.per_protein(np.arange(len(total)), total)
    else:
        keep = known[active]
        active, value, rows = active[keep], value[keep], rows[known[rows]]
        where = np.flatnonzero(known)
        n_known, every = test.per_protein(where), test.per_protein(where, total[where])
    exact = value.astype(np.float64)
    at_active = np.isin(active, rows, assume_unique=True)
    others = max(predicted.n_rules - 1, 1)
    dealt_at_active = (total[active] - at_active) / others
    held, active_held = test.per_protein(rows), test.per_protein(active[at_active])
    return _ProteinSums(
        n_known=n_known,
        n_silent=n_known - test.per_protein(active),
        activation=test.per_protein(active, exact),
        squares=test.per_protein(active, exact**2),
        activation_held=test.per_protein(active[at_active], exact[at_active]),
        activation_dealt=test.per_protein(active, exact * dealt_at_active),
        held=held,
        silent_held=held - active_held,
        silent_dealt=(every - held) / others - test.per_protein(active, dealt_at_active),
    )


@dataclass(frozen=True)
class _Compared:
    """Against one kind of silent residues."""

    auroc: float
    low: float
    high: float
    dealt_auroc: float
    p_value: float


def _compared(test: TestResidues, sums: _ProteinSums, kind: np.ndarray) -> _Compared:
    """AUROC with its interval, and a paired test against the dealt descriptions.

    Negatives are the silent residues of some proteins.
    """
    positive = [sums.activation, sums.activation_held, sums.activation_dealt]
    negative = [each * kind for each in (sums.n_silent, sums.silent_held, sums.silent_dealt)]
    of_clusters = test.by_cluster(np.stack([*positive, *negative], axis=1))
    weights, hits, dealt_hits, silent, false, dealt_false = of_clusters.T
    if weights.sum() == 0 or silent.sum() == 0:
        return _Compared(np.nan, np.nan, np.nan, np.nan, np.nan)
    recall, wrong = hits.sum() / weights.sum(), false.sum() / silent.sum()
    placed = hits * (1 - wrong / 2) + (weights - hits) * (1 - wrong) / 2
    passed = (silent - false) * (1 + recall) / 2 + false * recall / 2
    low, high = auroc_interval(placed, weights, passed, silent)
    gain, lost = hits - dealt_hits, false - dealt_false
    mean_gain, mean_lost = gain.sum() / weights.sum(), lost.sum() / silent.sum()
    influence = (gain - mean_gain * weights) / weights.sum()
    influence -= (lost - mean_lost * silent) / silent.sum()
    n = int(((weights > 0) | (silent > 0)).sum())
    error = np.sqrt(n / max(n - 1, 1) * (influence**2).sum())
    freedom = max(min(effective_clusters(weights), effective_clusters(silent)) - 1, 1)
    difference = mean_gain - mean_lost
    p_value = stdtr(freedom, -difference / error) if error > 0 else float(difference <= 0)
    of_dealt = (1 + dealt_hits.sum() / weights.sum() - dealt_false.sum() / silent.sum()) / 2
    area = (1 + recall - wrong) / 2
    return _Compared(float(area), float(low), float(high), float(of_dealt), float(p_value))


def correlation(moments: np.ndarray) -> tuple[float, float, float]:
    """Pearson's correlation from sums by homology cluster, and its 95 % interval over clusters.

    tanh(artanh r +- t s): s^2 = (n - 1) / n sum_c (z_c - mean z)^2 is the jackknife's variance of
    z = artanh r, where z_c leaves cluster c out; t at n - 1 degrees of freedom.

    Parameters
    ----------
    moments : ndarray, shape (n_clusters, 6)
        n, sum x, sum y, sum x^2, sum y^2, sum xy.

    Returns
    -------
    r, low, high : float
        NaN where one of the two is constant; the interval, too, with fewer than ``MIN_CLUSTERS``.

    References
    ----------
    Efron & Stein, Ann. Stat. 9, 586 (1981).

    Examples
    --------
    Twelve clusters alike, x = 0, 1, 1, 0 and y = 0, 1, 2, 1:

    >>> r, low, high = correlation(np.tile([4.0, 2, 4, 2, 6, 3], (12, 1)))
    >>> round(r, 3), round(low, 3), round(high, 3)
    (0.707, 0.707, 0.707)
    """
    own = moments[moments[:, 0] > 0]
    r, n = float(_pearson(own.sum(0)[None])[0]), len(own)
    if np.isnan(r) or n < MIN_CLUSTERS:
        return r, np.nan, np.nan
    z = _artanh(np.nan_to_num(_pearson(own.sum(0) - own), nan=r))
    error = np.sqrt((n - 1) / n * ((z - z.mean()) ** 2).sum())
    half = stdtrit(n - 1, 0.975) * error
    centre = float(_artanh(np.array(r)))
    return r, float(np.tanh(centre - half)), float(np.tanh(centre + half))


def _artanh(r: np.ndarray) -> np.ndarray:
    found: np.ndarray = np.arctanh(np.clip(r, -1 + 1e-12, 1 - 1e-12))
    return found


def _pearson(sums: np.ndarray) -> np.ndarray:
    """From rows of n, sum x, sum y, sum x^2, sum y^2, sum xy."""
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
