"""Absorption: the feature of a concept is silent where that of a narrower concept is active.

A feature of DOMAIN that is active at every domain but EGF-like ones, which a feature of their own
has taken, looks like a detector of DOMAIN and is one with a hole. Such holes are found by
comparison: recall misses instances everywhere, and a detector of a narrower concept is active at
many. What tells absorption is that the broader feature is silent more often at instances of the
narrower concept than at others, and the narrower one on at those. Others are those of like length,
since a long instance is seldom missed altogether, and of no narrower concept that has a detector of
its own, which may have taken them, too.

Classes of amino acids are left out: a feature of any set of letters is the best detector of some
class, silent at the other letters of it, and nothing has been taken from it.

References
----------
Chanin et al., A is for Absorption, arXiv:2409.14507.
"""

from dataclasses import dataclass

import numpy as np

from protsae.concepts.concept import Concept
from protsae.statistics.cluster_intervals import MIN_CLUSTERS, group_sums, share_interval

MOST_MISSED = 0.5
"""Share of the other instances at which a feature is silent, from which it has no holes but is one.
"""


def nested(concepts: tuple[Concept, ...]) -> list[tuple[str, str]]:
    """Pairs of a concept and a narrower one, by name: a type of feature and a name of it.

    Examples
    --------
    >>> nested((Concept("DOMAIN", "DOMAIN", ""), Concept("DOMAIN: EGF-like", "DOMAIN", "")))
    [('DOMAIN', 'DOMAIN: EGF-like')]
    """
    names = {concept.name for concept in concepts}
    pairs = [(concept.type, concept.name) for concept in concepts if concept.type != concept.name]
    return [(parent, child) for parent, child in pairs if parent in names]


@dataclass(frozen=True)
class Instances:
    """Instances of the broader concept, such as domains.

    Attributes
    ----------
    cluster : ndarray of int, shape (n_instances,)
        Homology cluster, from 0.
    is_child : ndarray of bool, shape (n_instances,)
        Whether it is one of the narrower concept, too.
    is_of_others : ndarray of bool, shape (n_instances,)
        Whether it is one of another narrower concept that has a detector.
    length : ndarray of int, shape (n_instances,)
        Residues.
    is_silent : ndarray of bool, shape (n_instances,)
        The feature of the broader concept is active at none of its residues.
    is_taken : ndarray of bool, shape (n_instances,)
        That of the narrower one is on at one of them.
    """

    cluster: np.ndarray
    is_child: np.ndarray
    is_of_others: np.ndarray
    length: np.ndarray
    is_silent: np.ndarray
    is_taken: np.ndarray


@dataclass(frozen=True)
class Absorbed:
    """How many instances of the narrower concept its feature has taken from the broader one's.

    Attributes
    ----------
    n_child, n_other : int
        Instances of the broader concept that are of the narrower one; and those that are not, nor
        of another that has a detector, and as long as the narrower ones (from the shortest to the
        longest of them).
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

    @property
    def is_found(self) -> bool:
        """Whether there is absorption: the broader feature is surely silent more often at the
        narrower concept's instances; those at which the narrower one's is on are surely more
        than it misses elsewhere; and elsewhere it finds at least half."""
        return (
            self.difference_low > 0
            and self.share_low > self.silent_elsewhere
            and self.silent_elsewhere <= MOST_MISSED
        )


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
    ...     is_of_others=np.zeros(48, bool), length=np.full(48, 40),
    ...     is_silent=np.tile([True, True, False, False], 12), is_taken=np.ones(48, bool),
    ... ))
    >>> found.share, found.silent_elsewhere, found.difference, found.is_found
    (1.0, 0.0, 1.0, True)
    """
    child, silent = instances.is_child, instances.is_silent
    of_child = instances.length[child]
    low, high = (of_child.min(), of_child.max()) if len(of_child) else (0, 0)
    is_alike = (instances.length >= low) & (instances.length <= high)
    other = ~child & ~instances.is_of_others & is_alike
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
