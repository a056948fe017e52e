"""What a feature's direction does at residues with its concept, beside residues without it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from protsae.interventions.effects.effect_estimates import LEAST_SITES
from protsae.interventions.effects.effect_sites import SiteRows
from protsae.statistics.mean_intervals import mean_interval


@dataclass(frozen=True)
class ConceptRows:
    """The concept of each feature, and which rows of `SiteRows` have it.

    Attributes
    ----------
    of_feature : sequence of str or None
        Name of each feature's concept, None if it has none.
    labels : mapping of str to ndarray
        For each of these concepts 1 at rows with it, 0 at rows without, -1 where that is not known:
        int8, shape (n_rows,).
    """

    of_feature: Sequence[str | None]
    labels: Mapping[str, np.ndarray]


PER_CLUSTER = 4
"""Most residues of each kind in a homology cluster: one alone says little of its mean."""


@dataclass(frozen=True)
class PairedSites:
    """Rows where a feature is active, with its concept and without, in clusters that have both.

    Attributes
    ----------
    rows : ndarray of int, shape (n,)
    activation : ndarray of float64, shape (n,)
    cluster : ndarray of int, shape (n,)
        From 0.
    has_concept : ndarray of bool, shape (n,)
    """

    rows: np.ndarray
    activation: np.ndarray
    cluster: np.ndarray
    has_concept: np.ndarray

    @property
    def n_clusters(self) -> int:
        """Number of clusters."""
        return int(self.cluster.max()) + 1 if len(self.cluster) else 0

    def cluster_means(self, values_N: np.ndarray) -> np.ndarray:
        """Means with the concept and without: float64, shape (n_clusters, 2)."""
        group, n_groups = 2 * self.cluster + ~self.has_concept, 2 * self.n_clusters
        sums = np.bincount(group, values_N, n_groups)
        found: np.ndarray = (sums / np.bincount(group, minlength=n_groups)).reshape(-1, 2)
        return found


def choose_paired_sites(
    rows: SiteRows, concepts: ConceptRows, n_clusters: int, seed: int
) -> dict[int, PairedSites]:
    """Sites of each feature that has a concept, in at most ``n_clusters`` clusters with both kinds.

    Clusters are drawn at random, and `PER_CLUSTER` rows of each kind in them. Clusters with one
    kind alone are left out, so that proteins in which all predictions change more count on both
    sides.

    Examples
    --------
    The feature is active at the first three residues; the second has no known label:

    >>> from scipy import sparse
    >>> codes = sparse.csc_array(np.array([[2.0], [1.0], [3.0], [0.0]]))
    >>> number = np.zeros(4, int)
    >>> rows = SiteRows(number, np.arange(4), number, number, number, codes)
    >>> labels = {"SIGNAL": np.array([1, -1, 0, 0], np.int8)}
    >>> found = choose_paired_sites(rows, ConceptRows(["SIGNAL"], labels), n_clusters=5, seed=0)
    >>> found[0].rows.tolist(), found[0].activation.tolist(), found[0].has_concept.tolist()
    ([2, 0], [3.0, 2.0], [False, True])
    """
    return {
        feature: _pairs_of(rows, feature, concepts.labels[name], n_clusters, seed)
        for feature, name in enumerate(concepts.of_feature)
        if name is not None
    }


def _pairs_of(
    rows: SiteRows, feature: int, label_N: np.ndarray, n_clusters: int, seed: int
) -> PairedSites:
    rng = np.random.default_rng((seed, feature))
    column = slice(*rows.codes.indptr[feature : feature + 2])
    at, value = rows.codes.indices[column], rows.codes.data[column].astype(np.float64)
    is_usable = (value > 0) & (label_N[at] >= 0)
    at, value = at[is_usable], value[is_usable]
    cluster, has_concept = rows.cluster[at], label_N[at] == 1
    both = np.intersect1d(cluster[has_concept], cluster[~has_concept])
    chosen = np.sort(rng.permutation(both)[:n_clusters])
    # Shuffled, the first rows of a kind in a cluster are ones at random.
    order = rng.permutation(len(at))
    order = order[np.lexsort((has_concept[order], cluster[order]))]
    kinds = np.stack([cluster[order], has_concept[order]])
    starts = np.flatnonzero(np.append(True, (np.diff(kinds, axis=1) != 0).any(0))[: len(order)])
    nth = np.arange(len(order)) - np.repeat(starts, np.diff(np.append(starts, len(order))))
    kept = order[(nth < PER_CLUSTER) & np.isin(cluster[order], chosen)]
    numbers = np.searchsorted(chosen, cluster[kept])
    return PairedSites(at[kept], value[kept], numbers, has_concept[kept])


def contrast_fields(
    direction_D: np.ndarray, sites: PairedSites, drawn_NSD: np.ndarray
) -> dict[str, float | None]:
    """Columns on the effect of ablating a feature with its concept and without; None with too few.

    KL of the ablation, to second order, is a^2 u with a the activation and
    u = mean over draws of (direction . gradient)^2 / 2. Means are of clusters, each the mean of its
    rows, and differences are paired by cluster.

    Parameters
    ----------
    direction_D : ndarray, shape (d_model,)
        Row of the decoder.
    sites : PairedSites
    drawn_NSD : ndarray, shape (n, n_draws, d_model)
        Gradients there, of `Gradients.drawn`.

    Returns
    -------
    dict
        ``n_concept_clusters``, and `CONTRASTS`, None with fewer than `LEAST_SITES` clusters:
        mean KL with the concept and without, their difference and that of u, each with its 95 %
        interval over clusters (Student's t).

    Examples
    --------
    Twice as active with the concept, at equal gradients: four times the KL, as much a unit.

    >>> pairs = np.arange(10)
    >>> strength, has_concept = np.tile([2.0, 1.0], 5), pairs % 2 == 0
    >>> sites = PairedSites(pairs, strength, pairs // 2, has_concept)
    >>> found = contrast_fields(np.array([1.0, 0.0]), sites, np.ones((10, 1, 2)))
    >>> [found[name] for name in ("inside_kl", "outside_kl", "inside_kl_difference")]
    [2.0, 0.5, 1.5]
    >>> found["inside_unit_kl_difference"], found["n_concept_clusters"]
    (0.0, 5)
    """
    n_clusters = sites.n_clusters
    found: dict[str, float | None] = {"n_concept_clusters": n_clusters, **dict.fromkeys(CONTRASTS)}
    if n_clusters < LEAST_SITES or not np.any(direction_D):
        return found
    unit_N = np.square((drawn_NSD @ direction_D).astype(np.float64)).mean(1) / 2
    unit_C2 = sites.cluster_means(unit_N)
    kl_C2 = sites.cluster_means(np.square(sites.activation) * unit_N)
    found |= dict(zip(("inside_kl", "outside_kl"), kl_C2.mean(0).tolist(), strict=True))
    for name, both_C2 in (("inside_kl", kl_C2), ("inside_unit_kl", unit_C2)):
        difference_C = both_C2[:, 0] - both_C2[:, 1]
        ends = (float(difference_C.mean()), *mean_interval(difference_C))
        found |= {f"{name}_difference{end}": x for end, x in zip(_ENDS, ends, strict=True)}
    return found


_ENDS = ("", "_low", "_high")

CONTRASTS = (
    *("inside_kl", "outside_kl"),
    *(f"inside_{of}difference{end}" for of in ("kl_", "unit_kl_") for end in _ENDS),
)
"""Columns that need `LEAST_SITES` clusters."""
