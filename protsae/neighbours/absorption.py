"""Absorption: the feature of a concept is silent where that of a narrower concept is active.

A feature of DOMAIN that is active at every domain but EGF-like ones, which a feature of their own
has taken, looks like a detector of DOMAIN and is one with a hole. Such holes are found by
comparison: recall misses instances everywhere, and a detector of a narrower concept is active at
many. What tells absorption is that the broader feature is silent more often at instances of the
narrower concept than at others.

References
----------
Chanin et al., A is for Absorption, arXiv:2409.14507.
"""

from dataclasses import dataclass

import numpy as np

from protsae.concepts.concept import Concept
from protsae.concepts.sequence.amino_acid_classes import CLASSES
from protsae.statistics.cluster_intervals import MIN_CLUSTERS, group_sums, share_interval


def nested(concepts: tuple[Concept, ...]) -> list[tuple[str, str]]:
    """Pairs of a concept and a narrower one, by name: types and names, classes and residues.

    Examples
    --------
    >>> nested((
    ...     Concept("residue: D", "residue", ""), Concept("class: negative", "class", ""),
    ...     Concept("DOMAIN", "DOMAIN", ""), Concept("DOMAIN: EGF-like", "DOMAIN", ""),
    ... ))
    [('class: negative', 'residue: D'), ('DOMAIN', 'DOMAIN: EGF-like')]
    """
    names = {concept.name for concept in concepts}
    pairs = [
        (f"class: {name}", f"residue: {letter}")
        for name, letters in CLASSES.items()
        for letter in letters
    ]
    pairs += [(concept.type, concept.name) for concept in concepts if concept.type != concept.name]
    return [(parent, child) for parent, child in pairs if {parent, child} <= names]


@dataclass(frozen=True)
class Instances:
    """Instances of the broader concept, such as domains or residues.

    Attributes
    ----------
    cluster : ndarray of int, shape (n_instances,)
        Homology cluster, from 0.
    is_child : ndarray of bool, shape (n_instances,)
        Whether it is one of the narrower concept, too.
    is_silent : ndarray of bool, shape (n_instances,)
        The feature of the broader concept is active at none of its residues.
    is_taken : ndarray of bool, shape (n_instances,)
        That of the narrower one is on at one of them.
    """

    cluster: np.ndarray
    is_child: np.ndarray
    is_silent: np.ndarray
    is_taken: np.ndarray


@dataclass(frozen=True)
class Absorbed:
    """How many instances of the narrower concept its feature has taken from the broader one's.

    Attributes
    ----------
    n_child, n_other : int
        Instances of the broader concept that are of the narrower one, and that are not.
    share, share_low, share_high : float
        Of the former: the broader one's feature is silent and the narrower one's on; 95 % interval
        over homology clusters.
    silent_at_child, silent_elsewhere : float
        Share of either at which the broader one's feature is silent.
    difference, difference_low, difference_high : float
        silent_at_child - silent_elsewhere, with its 95 % interval.
    """

    n_child: int
    n_other: int
    share: float
    share_low: float
    share_high: float
    silent_at_child: float
    silent_elsewhere: float
    difference: float
    difference_low: float
    difference_high: float


def absorbed(instances: Instances) -> Absorbed:
    """Count instances; intervals need ``MIN_CLUSTERS`` homology clusters with either kind.

    The interval of the difference d = p - q is put together from those of the shares,
    d - sqrt((p - p_low)^2 + (q_high - q)^2) to d + sqrt((p_high - p)^2 + (q - q_low)^2): MOVER, for
    independent shares. Clusters that hold both kinds make it a little too wide.

    References
    ----------
    Zou & Donner, Stat. Med. 27, 1693 (2008).

    Examples
    --------
    Twelve clusters, each with two instances of the narrower concept, both taken, and two others,
    both found:

    >>> found = absorbed(Instances(
    ...     cluster=np.repeat(np.arange(12), 4), is_child=np.tile([True, True, False, False], 12),
    ...     is_silent=np.tile([True, True, False, False], 12), is_taken=np.ones(48, bool),
    ... ))
    >>> found.share, found.silent_elsewhere, found.difference, found.difference_low > 0.5
    (1.0, 0.0, 1.0, True)
    """
    child, other, silent = instances.is_child, ~instances.is_child, instances.is_silent
    columns = [child, child & silent & instances.is_taken, child & silent, other, other & silent]
    n_clusters = int(instances.cluster.max(initial=-1)) + 1
    counts = np.stack(columns, axis=1).astype(np.int64)
    n_child, taken, at_child, n_other, elsewhere = group_sums(
        counts, instances.cluster, n_clusters
    ).T
    share = _share(taken, n_child)
    p, q = _share(at_child, n_child), _share(elsewhere, n_other)
    difference = p[0] - q[0]
    return Absorbed(
        n_child=int(n_child.sum()),
        n_other=int(n_other.sum()),
        share=share[0],
        share_low=share[1],
        share_high=share[2],
        silent_at_child=p[0],
        silent_elsewhere=q[0],
        difference=difference,
        difference_low=difference - float(np.hypot(p[0] - p[1], q[2] - q[0])),
        difference_high=difference + float(np.hypot(p[2] - p[0], q[0] - q[1])),
    )


def _share(part: np.ndarray, whole: np.ndarray) -> tuple[float, float, float]:
    """Of sums by cluster; NaN without any, its interval with too few clusters."""
    if not whole.sum():
        return np.nan, np.nan, np.nan
    low, high = share_interval(part, whole)
    told = (whole > 0).sum() >= MIN_CLUSTERS
    return (
        float(part.sum() / whole.sum()),
        float(low) if told else np.nan,
        float(high) if told else np.nan,
    )
