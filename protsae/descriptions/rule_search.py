"""The rule of each feature: terms added one by one on train, how many decided on valid."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TypeVar

import numpy as np
from scipy import sparse

from protsae.descriptions.sparse_columns import ones_in, sparse_columns
from protsae.statistics.compiled import compiled

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
class TermRows:
    """Residues of a split, and where each term holds; the same for all SAEs of a layer.

    Attributes
    ----------
    held : ndarray of bool, shape (n_terms, n_residues)
    weight : ndarray, shape (n_residues,)
        Proteins of a homology cluster share a weight of 1.
    cluster : ndarray of int, shape (n_residues,)
        Homology cluster, from 0.
    """

    held: np.ndarray
    weight: np.ndarray
    cluster: np.ndarray

    @cached_property
    def at_residues(self) -> sparse.csr_array:
        """Terms that hold at each residue: bool, shape (n_residues, n_terms)."""
        every = [np.ones(len(own), dtype=bool) for own in self.rows]
        return sparse.csr_array(sparse_columns(self.rows, every, len(self.weight)))

    def sums(self, columns: sparse.csc_array) -> np.ndarray:
        """Weighted sums of each column over the residues where each term holds.

        Parameters
        ----------
        columns : csc_array, dtype=float64, shape=(n_residues, n_columns)

        Returns
        -------
        ndarray, float64, shape (n_columns, n_terms)
        """
        at = self.at_residues
        column = columns.indptr, columns.indices, columns.data
        return _sums(at.indptr, at.indices, self.weight, *column, len(self.held))

    @cached_property
    def n_clusters(self) -> np.ndarray:
        """Homology clusters in which each term holds."""
        shape = len(self.held), int(self.cluster.max(initial=-1)) + 1
        found = np.zeros(shape, dtype=bool)
        for of_term, own in zip(found, self.rows, strict=True):
            of_term[self.cluster[own]] = True
        return found.sum(1)

    @cached_property
    def rows(self) -> list[np.ndarray]:
        """Residues at which each term holds, ascending."""
        return [np.flatnonzero(own).astype(np.int32) for own in self.held]


@compiled
def _sums(
    first_term: np.ndarray,
    term: np.ndarray,
    weight: np.ndarray,
    first_row: np.ndarray,
    row: np.ndarray,
    value: np.ndarray,
    n_terms: int,
) -> np.ndarray:
    sums = np.zeros((len(first_row) - 1, n_terms))
    for column in range(len(sums)):
        of_column = sums[column]
        for entry in range(first_row[column], first_row[column + 1]):
            residue = row[entry]
            share = weight[residue] * value[entry]
            for place in range(first_term[residue], first_term[residue + 1]):
                of_column[term[place]] += share
    return sums


@dataclass(frozen=True, eq=False)
class Split:
    """Residues of a split as the search meets them.

    Attributes
    ----------
    terms : TermRows
    activations : csc_array, shape (n_residues, n_features)
    """

    terms: TermRows
    activations: sparse.csc_array

    @cached_property
    def moments(self) -> tuple[np.ndarray, np.ndarray]:
        """Weighted mean and variance of each feature's activation."""
        weight, exact = self.terms.weight, self.activations.astype(np.float64)
        mean = weight @ exact / weight.sum()
        squares = weight @ exact.power(2) / weight.sum()
        return mean, np.maximum(squares - mean**2, 0)


@dataclass(frozen=True)
class Found:
    """The rule of a feature, and its correlation with the activation on valid."""

    columns: Columns
    valid_correlation: float


def find_rules(train: Split, valid: Split, vocabularies: Sequence[np.ndarray]) -> list[list[Found]]:
    """For each feature the conjunction of at most ``MOST_TERMS`` terms that tells its activation.

    The correlation r of a rule (1 where it holds) with the activation is Pearson's, over residues
    with their weights: r^2 is the share of the variance that the rule explains, as in a regression
    tree. On train the ``BEAM`` best single terms are kept; each is extended by the term that adds
    most, and so on. Of the rules of each length the one with the highest r on valid stands for it;
    the shortest that `is_as_good` as the best is taken.

    Parameters
    ----------
    vocabularies : sequence of (ndarray of bool, shape (n_terms,))
        Terms that may be used; each is a search of its own.

    Returns
    -------
    list of list of Found
        For each vocabulary, of each feature; no columns where no rule has a positive correlation
        on both.

    References
    ----------
    Breiman, Friedman, Olshen & Stone, Classification and Regression Trees (1984), chapter 8.
    """
    common = train.terms.n_clusters >= FEWEST_CLUSTERS
    n_features = train.activations.shape[1]
    searches = [_Search(own & common, n_features) for own in vocabularies]
    for _ in range(MOST_TERMS):
        _extend(train, searches)
        pairs = _pairs(searches)
        on_valid = dict(zip(pairs, _correlations(valid, pairs).tolist(), strict=True))
        for search in searches:
            search.note(on_valid)
    return [[_shortest(of_feature) for of_feature in search.found] for search in searches]


class _Search:
    """The rules that are extended next, of each feature, and what all had on valid."""

    def __init__(self, allowed: np.ndarray, n_features: int):
        self.allowed = allowed
        self.beams: list[list[Columns]] = [[()] for _ in range(n_features)]
        self.reached = [0.0] * n_features
        self.found: list[list[Found]] = [[] for _ in range(n_features)]

    def take(self, candidates: Sequence[Mapping[Columns, float]]) -> None:
        """Keep the best of the rules with one term more, by r on train; of equals the first."""
        for feature, own in enumerate(candidates):
            ordered = sorted(own, key=lambda rule, own=own: (-own[rule], rule))  # type: ignore[misc]
            self.beams[feature] = ordered[:BEAM]
            self.reached[feature] = max(own.values(), default=0.0)

    def note(self, on_valid: Mapping[tuple[int, Columns], float]) -> None:
        """Add what the rules have on valid; a rule that is good enough is not extended."""
        for feature, rules in enumerate(self.beams):
            self.found[feature] += [Found(rule, on_valid[feature, rule]) for rule in rules]
            if self.reached[feature] >= ENOUGH:
                self.beams[feature] = []


def _pairs(searches: Sequence[_Search]) -> list[tuple[int, Columns]]:
    """Features with the rules that are extended next; once each."""
    return list(
        dict.fromkeys(
            (feature, rule)
            for search in searches
            for feature, rules in enumerate(search.beams)
            for rule in rules
        )
    )


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


def _extend(split: Split, searches: Sequence[_Search]) -> None:
    """Give each search the best rules of one term more, of each feature, by r on these residues."""
    candidates: list[list[dict[Columns, float]]] = [
        [{} for _ in search.beams] for search in searches
    ]
    for part in _parts(_pairs(searches), len(split.terms.held)):
        rules, place = _distinct([rule for _, rule in part])
        features = np.array([feature for feature, _ in part])
        inside = split.terms.sums(_indicators(split.terms, rules)).T[:, place]
        sums = split.terms.sums(_restricted(split, part)).T
        r = _pearson(split, features, inside, sums)
        for search, found in zip(searches, candidates, strict=True):
            allowed = np.where(search.allowed[:, None], r, -1)
            for _ in range(BEAM):
                best = allowed.argmax(0)
                for column, (feature, rule) in enumerate(part):
                    term, value = int(best[column]), float(allowed[best[column], column])
                    if value > 0 and term not in rule and rule in search.beams[feature]:
                        found[feature][tuple(sorted((*rule, term)))] = value
                allowed[best, np.arange(len(part))] = -1
    for search, found in zip(searches, candidates, strict=True):
        search.take(found)


def _correlations(split: Split, pairs: Sequence[tuple[int, Columns]]) -> np.ndarray:
    """r of each rule with its feature's activation, shape (n_pairs,)."""
    found = [np.zeros(0)]
    for part in _parts(pairs, 1):
        rules, place = _distinct([rule for _, rule in part])
        features = np.array([feature for feature, _ in part])
        inside = (split.terms.weight @ _indicators(split.terms, rules))[place]
        sums = split.terms.weight @ _restricted(split, part)
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
    total = split.terms.weight.sum()
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


def _indicators(terms: TermRows, rules: Sequence[Columns]) -> sparse.csc_array:
    """1 where all terms of a rule hold, shape (n_residues, n_rules)."""
    return ones_in([rule_rows(terms.held, rule, terms.rows) for rule in rules], terms.held.shape[1])


def _restricted(split: Split, pairs: Sequence[tuple[int, Columns]]) -> sparse.csc_array:
    """The activation of each feature where its rule holds, shape (n_residues, n_pairs)."""
    activations = split.activations
    rows, values = [], []
    for feature, rule in pairs:
        column = slice(*activations.indptr[feature : feature + 2])
        own, value = activations.indices[column], activations.data[column]
        inside = np.ones(len(own), dtype=bool)
        for term in rule:
            inside &= split.terms.held[term][own]
        rows.append(own[inside])
        values.append(value[inside].astype(np.float64))
    return sparse_columns(rows, values, activations.shape[0])


def rule_rows(
    held: np.ndarray, rule: Columns, of_terms: Sequence[np.ndarray] | None = None
) -> np.ndarray:
    """Residues at which all terms of a rule hold, ascending; all if it has none.

    Parameters
    ----------
    held : ndarray of bool, shape (n_terms, n_residues)
    of_terms : sequence of ndarray of int, optional
        Residues at which each term holds, where they are known already.
    """
    if not rule:
        return np.arange(held.shape[1])
    rows = np.flatnonzero(held[rule[0]]) if of_terms is None else of_terms[rule[0]]
    for term in rule[1:]:
        rows = rows[held[term][rows]]
    return rows


def _parts(pairs: Sequence[_Pair], size: int) -> Iterator[Sequence[_Pair]]:
    step = max(1, HELD_VALUES // size)
    return (pairs[i : i + step] for i in range(0, len(pairs), step))
