"""Proteins in homology clusters: relatives of unlike length whose places still correspond."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

AMINO_ACIDS = "ACDEFGHIKLMNPQRSTVWY"
COMMON = np.array(
    [83, 14, 55, 67, 39, 71, 23, 59, 58, 97, 24, 41, 47, 39, 55, 66, 53, 69, 11, 29], np.float64
)
"""How common each amino acid is in proteins at large, in thousandths."""

SHORTEST, LONGEST = 50, 800
MEDIAN, SPREAD = 220, 0.6
"""Of the log-normal lengths of ancestors."""

IDENTITY = 0.6
"""Share of residues in which a protein has its ancestor's letter."""

SIZES, SHARES = (1, 2, 3, 5, 10), (0.55, 0.17, 0.13, 0.09, 0.06)
"""Members of a homology cluster and how common that is: 2.3 in the mean."""


@dataclass(frozen=True, eq=False)
class Families:
    """Proteins by homology cluster, and where places of the ancestor lie in each of them.

    A relative has lost or gained residues at either end and may have an insertion; label and
    feature of a family keep their places in the ancestor, and so their distance in every relative,
    but for the insertion.

    Attributes
    ----------
    ancestor : ndarray of int, shape (n_families,)
        Length of the ancestor.
    family : ndarray of int, shape (n_proteins,)
        Ascending.
    lengths : ndarray of int, shape (n_proteins,)
    before, site, inserted : ndarray of int, shape (n_proteins,)
        Residues gained (or lost, if negative) before the ancestor's first; residues inserted
        before its residue ``site``.
    """

    ancestor: np.ndarray
    family: np.ndarray
    lengths: np.ndarray
    before: np.ndarray
    site: np.ndarray
    inserted: np.ndarray

    @property
    def n_families(self) -> int:
        """Homology clusters."""
        return len(self.ancestor)

    @property
    def n_proteins(self) -> int:
        """Proteins."""
        return len(self.family)

    @cached_property
    def size(self) -> np.ndarray:
        """Members of each family."""
        return np.bincount(self.family, minlength=self.n_families)

    @cached_property
    def first(self) -> np.ndarray:
        """First row of each protein."""
        return np.cumsum(self.lengths) - self.lengths

    @cached_property
    def protein(self) -> np.ndarray:
        """Protein of each row."""
        return np.repeat(np.arange(self.n_proteins), self.lengths)

    @cached_property
    def place(self) -> np.ndarray:
        """Place of each row in its protein, from 0."""
        return np.arange(int(self.lengths.sum())) - self.first[self.protein]

    @cached_property
    def from_end(self) -> np.ndarray:
        """Residues that follow each row in its protein."""
        return self.lengths[self.protein] - 1 - self.place

    def places(self, protein: np.ndarray, ancestral: np.ndarray) -> np.ndarray:
        """Where places of the ancestor lie in these proteins; before 0 or beyond the end if lost.

        Examples
        --------
        >>> one = Families(*map(np.array, ([50], [0], [63], [10], [20], [3])))
        >>> one.places(np.array([0, 0]), np.array([19, 20])).tolist()
        [29, 33]
        """
        inserted = np.where(ancestral >= self.site[protein], self.inserted[protein], 0)
        placed: np.ndarray = ancestral + self.before[protein] + inserted
        return placed

    def mask(self, protein: np.ndarray, begin: np.ndarray, end: np.ndarray) -> np.ndarray:
        """Rows within any of the stretches, cut at the ends of the protein.

        Examples
        --------
        >>> two = Families(*map(np.array, ([50], [0, 0], [3, 4], [0, 0], [0, 0], [0, 0])))
        >>> two.mask(np.array([0, 1]), np.array([-1, 2]), np.array([2, 9])).astype(int).tolist()
        [1, 1, 0, 0, 0, 1, 1]
        """
        begin, end = (np.clip(x, 0, self.lengths[protein]) for x in (begin, end))
        some = end > begin
        first, n_residues = self.first[protein[some]], int(self.lengths.sum())
        opened = np.bincount(first + begin[some], minlength=n_residues + 1)
        closed = np.bincount(first + end[some], minlength=n_residues + 1)
        covered: np.ndarray = np.cumsum(opened - closed)[:n_residues] > 0
        return covered

    def letters(self, rng: np.random.Generator) -> np.ndarray:
        """Numbers of amino acids, int8 per row; relatives share letters of the ancestor."""
        of_family = rng.gamma(100 * COMMON / COMMON.sum(), size=(self.n_families, 20))
        levels = np.cumsum(of_family, axis=1)
        levels /= levels[:, -1:]
        own = _drawn(rng, levels, self.family[self.protein])
        offset = np.cumsum(self.ancestor) - self.ancestor
        ancestral = _drawn(rng, levels, np.repeat(np.arange(self.n_families), self.ancestor))
        shift = self.place - self.before[self.protein]
        behind = shift >= self.site[self.protein] + self.inserted[self.protein]
        shift = shift - np.where(behind, self.inserted[self.protein], 0)
        aligned = (shift >= 0) & (shift < self.ancestor[self.family[self.protein]])
        aligned &= behind | (shift < self.site[self.protein])
        copied = aligned & (rng.random(len(shift)) < IDENTITY)
        row = (offset[self.family[self.protein]] + shift)[copied]
        own[copied] = ancestral[row]
        return own


def draw_families(
    rng: np.random.Generator,
    sizes: np.ndarray,
    median: float = MEDIAN,
    alike: np.ndarray | None = None,
    insertions: bool = True,
) -> Families:
    """Families of these sizes with log-normal lengths.

    Parameters
    ----------
    sizes : ndarray of int, shape (n_families,)
    median : float
        Of the lengths of ancestors.
    alike : ndarray of int, shape (n_families,), optional
        Families of one number have ancestors of one length.
    insertions : bool
        Half of the relatives have one.
    """
    drawn = np.exp(rng.normal(np.log(median), SPREAD, len(sizes)))
    ancestor = np.clip(drawn, SHORTEST, LONGEST).astype(np.int64)
    if alike is not None:
        ancestor = ancestor[alike]
    family = np.repeat(np.arange(len(sizes)), sizes)
    length = ancestor[family]
    # The first of each family is the ancestor; of the others, half change at each end.
    changed = (rng.random((3, len(family))) < 0.5) & (np.diff(family, prepend=-1) == 0)
    gained = rng.normal(0, 0.1, (2, len(family))) * length
    before, after = np.where(changed[:2], np.clip(gained, -0.15 * length, 0.3 * length), 0)
    inserted = np.where(changed[2] & insertions, rng.exponential(0.06, len(family)) * length, 0)
    before, after, inserted = (x.astype(np.int64) for x in (before, after, inserted))
    site = (rng.random(len(family)) * length).astype(np.int64)
    return Families(ancestor, family, length + before + after + inserted, before, site, inserted)


def unequal_sizes(rng: np.random.Generator, n_families: int) -> np.ndarray:
    """Members of families: most of one, some of up to ten."""
    return rng.choice(SIZES, n_families, p=SHARES)


def _drawn(rng: np.random.Generator, levels: np.ndarray, row: np.ndarray) -> np.ndarray:
    """A letter for each row, from the cumulative shares of its family."""
    level = (levels + np.arange(len(levels))[:, None]).ravel()
    number = np.searchsorted(level, row + rng.random(len(row)), side="right")
    return np.minimum(number - 20 * row, 19).astype(np.int8)
