"""The rule of each feature: terms added one by one on train, how many decided on valid."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TypeVar

import numpy as np
from scipy import sparse

MOST_TERMS = 3
BEAM = 2
"""Rules that are kept of each length, and extended."""

ENOUGH = 0.95
"""Correlation on train from which on a rule is not extended."""

KEPT_SHARE, KEPT_DIFFERENCE = 0.95, 0.02
"""A simpler rule is taken if on valid its correlation is this share of the best one's, less this:
what is gained beyond is more than the choice among many rules gives."""

FEWEST_CLUSTERS = 3
"""Homology clusters of train in which a rule must hold: one is no rule."""

HELD_VALUES = 1_000_000
"""Values of a dense table held at a time, 8 bytes each: memory, not results."""

_Pair = TypeVar("_Pair")
Columns = tuple[int, ...]
"""A rule by the columns of its terms."""


@dataclass(frozen=True, eq=False)
class Split:
    """Residues of a split as the search meets them.

    Attributes
    ----------
    held : ndarray of bool, shape (n_terms, n_residues)
        Where each term holds.
    activations : csc_array, shape (n_residues, n_features)
    weight : ndarray, shape (n_residues,)
        Proteins of a homology cluster share a weight of 1.
    cluster : ndarray of int, shape (n_residues,)
        Homology cluster, from 0.
    """

    held: np.ndarray
    activations: sparse.csc_array
    weight: np.ndarray
    cluster: np.ndarray

    @cached_property
    def weighted_terms(self) -> sparse.csr_array:
        """Weight of each residue where a term holds, shape (n_terms, n_residues)."""
        return sparse.csr_array(sparse.csr_array(self.held) * self.weight)

    @cached_property
    def moments(self) -> tuple[np.ndarray, np.ndarray]:
        """Weighted mean and variance of each feature's activation."""
        total = self.weight.sum()
        exact = self.activations.astype(np.float64)
        mean = self.weight @ exact / total
        squares = self.weight @ exact.power(2) / total
        return mean, np.maximum(squares - mean**2, 0)


@dataclass(frozen=True)
class Found:
    """The rule of a feature, and its correlation with the activation on valid."""

    columns: Columns
    valid_correlation: float


def find_rules(train: Split, valid: Split, allowed: np.ndarray) -> list[Found]:
    """For each feature the conjunction of at most ``MOST_TERMS`` terms that tells its activation.

    The correlation r of a rule (1 where it holds) with the activation is Pearson's, over residues
    with their weights: r^2 is the share of the variance that the rule explains, as in a regression
    tree. On train the ``BEAM`` best single terms are kept; each is extended by the term that adds
    most, and so on. Of the rules of each length the one with the highest r on valid stands for it;
    the shortest that `is_as_good` as the best is taken.

    Parameters
    ----------
    allowed : ndarray of bool, shape (n_terms,)
        Terms that may be used.

    Returns
    -------
    list of Found
        Of each feature; no columns where no rule has a positive correlation on both.

    References
    ----------
    Breiman, Friedman, Olshen & Stone, Classification and Regression Trees (1984), chapter 8.
    """
    allowed = allowed & (_clusters_of(train) >= FEWEST_CLUSTERS)
    beams: list[list[Columns]] = [[()] for _ in range(train.activations.shape[1])]
    best: list[list[Found]] = [[] for _ in beams]
    for _ in range(MOST_TERMS):
        beams, reached = _extended(train, beams, allowed)
        pairs = [(feature, rule) for feature, rules in enumerate(beams) for rule in rules]
        r = _correlations(valid, pairs)
        for (feature, rule), value in zip(pairs, r.tolist(), strict=True):
            best[feature].append(Found(rule, value))
        beams = [[] if r >= ENOUGH else rules for rules, r in zip(beams, reached, strict=True)]
    return [_shortest(of_feature) for of_feature in best]


def _shortest(found: Sequence[Found]) -> Found:
    """The best of the shortest rules among those that are as good as the best."""
    most = max((each.valid_correlation for each in found), default=0.0)
    if most <= 0:
        return Found((), 0.0)
    good = [each for each in found if is_as_good(each.valid_correlation, most)]
    return min(good, key=lambda each: (len(each.columns), -each.valid_correlation, each.columns))


def is_as_good(correlation: float, best: float) -> bool:
    """Whether a simpler rule is taken in place of a better one.

    Examples
    --------
    >>> is_as_good(0.95, 0.98), is_as_good(0.3, 0.36)
    (True, False)
    """
    return correlation > 0 and correlation >= KEPT_SHARE * best - KEPT_DIFFERENCE


def _clusters_of(split: Split) -> np.ndarray:
    """Clusters in which each term holds."""
    n_clusters = int(split.cluster.max(initial=-1)) + 1
    ones = np.ones(len(split.cluster))
    place = split.cluster, np.arange(len(split.cluster))
    by_cluster = sparse.csr_array((ones, place), shape=(n_clusters, len(split.cluster)))
    found: np.ndarray = ((by_cluster @ split.weighted_terms.T) > 0).sum(0)
    return np.asarray(found).ravel()


def _extended(
    split: Split, beams: Sequence[Sequence[Columns]], allowed: np.ndarray
) -> tuple[list[list[Columns]], list[float]]:
    """The ``BEAM`` best rules of one term more, of each feature, and the r that the best has."""
    candidates: list[dict[Columns, float]] = [{} for _ in beams]
    pairs = [(feature, rule) for feature, rules in enumerate(beams) for rule in rules]
    weighted = split.weighted_terms
    for part in _parts(pairs, len(split.held)):
        rules, place = _distinct([rule for _, rule in part])
        features = np.array([feature for feature, _ in part])
        inside = (weighted @ _indicators(split.held, rules)).toarray()[:, place]
        sums = (weighted @ _restricted(split, part)).toarray()
        r = _pearson(split, features, inside, sums)
        r[~allowed] = -1
        best = np.argsort(-r, axis=0, kind="stable")[:BEAM]
        for column, (feature, rule) in enumerate(part):
            for term in best[:, column].tolist():
                if r[term, column] > 0 and term not in rule:
                    candidates[feature][tuple(sorted((*rule, term)))] = float(r[term, column])
    reached = [max(own.values(), default=0.0) for own in candidates]
    return [_first(own) for own in candidates], reached


def _first(rules: Mapping[Columns, float]) -> list[Columns]:
    """The ``BEAM`` rules of highest r; of equals the first terms."""
    return sorted(rules, key=lambda rule: (-rules[rule], rule))[:BEAM]


def _correlations(split: Split, pairs: Sequence[tuple[int, Columns]]) -> np.ndarray:
    """r of each rule with its feature's activation, shape (n_pairs,)."""
    found = [np.zeros(0)]
    for part in _parts(pairs, 1):
        rules, place = _distinct([rule for _, rule in part])
        features = np.array([feature for feature, _ in part])
        inside = (split.weight @ _indicators(split.held, rules))[place]
        sums = split.weight @ _restricted(split, part)
        found.append(_pearson(split, features, inside, sums))
    return np.concatenate(found)


def _pearson(
    split: Split, features: np.ndarray, inside: np.ndarray, sums: np.ndarray
) -> np.ndarray:
    """r from the weight of the residues inside, and the activation there; 0 if one is constant.

    Parameters
    ----------
    inside, sums : ndarray, shape (..., len(features))
    """
    mean, variance = split.moments
    total = split.weight.sum()
    share = inside / total
    scale = np.sqrt(np.maximum(share * (1 - share) * variance[features], 0))
    covariance = sums / total - share * mean[features]
    found: np.ndarray = np.divide(covariance, scale, out=np.zeros(scale.shape), where=scale > 1e-12)
    return found


def _distinct(rules: Sequence[Columns]) -> tuple[list[Columns], np.ndarray]:
    """Rules that differ, and for each given one its place among them."""
    number: dict[Columns, int] = {}
    place = np.array([number.setdefault(rule, len(number)) for rule in rules], dtype=np.int64)
    return list(number), place


def _indicators(held: np.ndarray, rules: Sequence[Columns]) -> sparse.csc_array:
    """1 where all terms of a rule hold, shape (n_residues, n_rules)."""
    rows = [rule_rows(held, rule) for rule in rules]
    return _columns(rows, [np.ones(len(own)) for own in rows], held.shape[1])


def _restricted(split: Split, pairs: Sequence[tuple[int, Columns]]) -> sparse.csc_array:
    """The activation of each feature where its rule holds, shape (n_residues, n_pairs)."""
    activations = split.activations
    rows, values = [], []
    for feature, rule in pairs:
        column = slice(*activations.indptr[feature : feature + 2])
        own, value = activations.indices[column], activations.data[column]
        inside = np.ones(len(own), dtype=bool)
        for term in rule:
            inside &= split.held[term][own]
        rows.append(own[inside])
        values.append(value[inside].astype(np.float64))
    return _columns(rows, values, activations.shape[0])


def _columns(
    rows: Sequence[np.ndarray], values: Sequence[np.ndarray], n_rows: int
) -> sparse.csc_array:
    """A sparse matrix from the rows and values of each column."""
    first = np.concatenate([[0], np.cumsum([len(own) for own in rows])])
    parts = np.concatenate(values), np.concatenate(rows), first
    return sparse.csc_array(parts, shape=(n_rows, len(rows)))


def rule_rows(held: np.ndarray, rule: Columns) -> np.ndarray:
    """Residues at which all terms of a rule hold, ascending; all if it has none.

    Parameters
    ----------
    held : ndarray of bool, shape (n_terms, n_residues)
    """
    if not rule:
        return np.arange(held.shape[1])
    rows = np.flatnonzero(held[rule[0]])
    for term in rule[1:]:
        rows = rows[held[term][rows]]
    return rows


def _parts(pairs: Sequence[_Pair], size: int) -> Iterator[Sequence[_Pair]]:
    step = max(1, HELD_VALUES // size)
    return (pairs[i : i + step] for i in range(0, len(pairs), step))
