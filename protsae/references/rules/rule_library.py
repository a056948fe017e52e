"""All rules that are tried, and how often each is right, from a few tables of counts.

Each kind of rules codes every residue by a small number, once or a few times (its distance to an
end and its letter, say). How often each code occurs, at all and with a concept, is counted once;
how often each of the kind's rules says yes is a sum of those counts.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from functools import lru_cache

import numpy as np

from protsae.concepts.sequence.prosite import ELEMENTS, MOTIFS
from protsae.references.rules.sequence_rows import ENDS, HIGHEST, LOWEST, SequenceRows
from protsae.references.rules.sequence_rules import (
    LETTER_SETS,
    SET_TABLE,
    Everywhere,
    Hydropathy,
    Letters,
    LowComplexity,
    Pattern,
    PatternElement,
    Place,
    Region,
    Rule,
    Share,
)

FARTHEST_BOUND = 100
"""Bounds of places are tried up to this many residues from an end. Signal and transit peptides end
before it; the rules grow with its square."""

FLANKS = (3, 9, 15)
"""Windows of 7, 19 and 31 residues for local composition: a motif, a helix, a longer region."""

N_SETS = len(LETTER_SETS)

STEPS = 20
"""Shares are tried in steps of 1 / 20."""


class RuleKind(ABC):
    """Rules of one kind.

    Attributes
    ----------
    n_codings, n_codes : int
        How many codes a residue has, and the values each may take, from 0.
    n_parameters : ndarray of int, shape (n_rules,)
    """

    n_codings: int
    n_codes: int
    n_parameters: np.ndarray

    @abstractmethod
    def codings(self, rows: SequenceRows) -> Iterator[np.ndarray]:
        """The codes of every residue, one coding after another: int, shape (n_residues,)."""

    @abstractmethod
    def sums(self, counts: np.ndarray) -> np.ndarray:
        """Residues on which each rule says yes, shape (n_rules,).

        Parameters
        ----------
        counts : ndarray of int, shape (n_codings, n_codes)
            Residues by code.
        """

    @abstractmethod
    def rule(self, index: int) -> Rule:
        """One of them."""

    def __len__(self) -> int:
        return len(self.n_parameters)


class Places(RuleKind):
    """Everywhere, and each interval of positions from either end, for all letters and each set."""

    n_codings, n_codes = len(ENDS), (FARTHEST_BOUND + 1) * 26

    def __init__(self) -> None:
        first, stop = np.triu_indices(FARTHEST_BOUND + 1, 1)
        # Past the last bound lies what is farther from the end: intervals without a bound.
        first = np.concatenate([first, np.arange(1, FARTHEST_BOUND + 1)])
        self._first = first
        self._stop = np.concatenate([stop, np.full(FARTHEST_BOUND, FARTHEST_BOUND + 1)])
        self._places: list[Place | None] = [None]
        for end in ENDS:
            for a, b in zip(first.tolist(), self._stop.tolist(), strict=True):
                self._places.append(Place(end, a + 1, None if b > FARTHEST_BOUND else b))
        self._sets = [None, *LETTER_SETS]
        of_places = np.array([p.n_parameters if p else 0 for p in self._places])
        of_sets = np.array([0 if letters is None else 1 for letters in self._sets])
        self.n_parameters = (of_sets[:, None] + of_places).ravel()

    def codings(self, rows: SequenceRows) -> Iterator[np.ndarray]:
        for end in ENDS:
            bounded = np.minimum(rows.distance(end), FARTHEST_BOUND)
            yield bounded * 26 + rows.letters

    def sums(self, counts: np.ndarray) -> np.ndarray:
        by_letter = counts.reshape(len(ENDS), FARTHEST_BOUND + 1, 26)
        of_sets = np.concatenate([by_letter.sum(-1)[..., None], by_letter @ SET_TABLE], axis=-1)
        before = np.zeros((len(self._sets), len(ENDS), FARTHEST_BOUND + 2), dtype=np.int64)
        np.cumsum(of_sets.transpose(2, 0, 1), axis=-1, out=before[..., 1:])
        whole = before[:, 0, -1:]
        within = before[..., self._stop] - before[..., self._first]
        return np.concatenate([whole, within.reshape(len(whole), -1)], axis=1).ravel()

    def rule(self, index: int) -> Rule:
        of_set, of_place = divmod(index, len(self._places))
        letters, place = self._sets[of_set], self._places[of_place]
        if letters is not None:
            return Letters(letters, place)
        return place or Everywhere()


class Patterns(RuleKind):
    """PROSITE patterns and low complexity, for all letters and each set."""

    n_codings, n_codes = len(MOTIFS) + 1, 27

    def __init__(self) -> None:
        self._regions: list[Region] = [*(Pattern(motif.name) for motif in MOTIFS), LowComplexity()]
        self.n_parameters = np.repeat([1, 2], [len(self._regions), self.n_codings * N_SETS])

    def codings(self, rows: SequenceRows) -> Iterator[np.ndarray]:
        of_letter = rows.letters.astype(np.int64) + 1
        for region in self._regions:
            yield np.where(region.holds(rows), of_letter, 0)

    def sums(self, counts: np.ndarray) -> np.ndarray:
        within = counts[:, 1:]
        return np.concatenate([within.sum(1), (within @ SET_TABLE).ravel()])

    def rule(self, index: int) -> Rule:
        if index < self.n_codings:
            return self._regions[index]
        region, of_set = divmod(index - self.n_codings, N_SETS)
        return Letters(list(LETTER_SETS)[of_set], self._regions[region])


class PatternElements(RuleKind):
    """Elements of PROSITE patterns."""

    n_codings, n_codes = len(ELEMENTS), 2
    n_parameters = np.full(len(ELEMENTS), 2)

    def codings(self, rows: SequenceRows) -> Iterator[np.ndarray]:
        yield from rows.motif_elements.T

    def sums(self, counts: np.ndarray) -> np.ndarray:
        return counts[:, 1]

    def rule(self, index: int) -> Rule:
        return PatternElement(ELEMENTS[index])


class Hydropathies(RuleKind):
    """Mean hydropathy around the residue, of at least or below each tenth."""

    _tenths = np.arange(LOWEST + 1, HIGHEST + 1)
    n_codings, n_codes = 1, HIGHEST - LOWEST + 2
    n_parameters = np.ones(2 * len(_tenths), dtype=np.int64)

    def codings(self, rows: SequenceRows) -> Iterator[np.ndarray]:
        yield rows.hydropathy() - LOWEST + 1

    def sums(self, counts: np.ndarray) -> np.ndarray:
        return _both_sides(counts[:, 1:]).ravel()  # code 0: no letter around has a value

    def rule(self, index: int) -> Rule:
        side, step = divmod(index, len(self._tenths))
        return Hydropathy(int(self._tenths[step]), side == 0)


class Shares(RuleKind):
    """Share of each set of letters around the residue, of at least or below each step."""

    n_codings, n_codes = len(FLANKS) * N_SETS, STEPS + 1

    def __init__(self) -> None:
        n_rules = 2 * self.n_codings * STEPS
        self.n_parameters = np.array([self.rule(i).n_parameters for i in range(n_rules)])

    def codings(self, rows: SequenceRows) -> Iterator[np.ndarray]:
        of_set = SET_TABLE[rows.letters]
        for flank in FLANKS:
            yield from (STEPS * rows.window_sums(of_set, flank).T) // rows.window_sizes(flank)

    def sums(self, counts: np.ndarray) -> np.ndarray:
        return _both_sides(counts).ravel()

    def rule(self, index: int) -> Rule:
        side, place = divmod(index, self.n_codings * STEPS)
        coding, step = divmod(place, STEPS)
        flank, of_set = divmod(coding, N_SETS)
        percent = 100 * (step + 1) // STEPS
        return Share(list(LETTER_SETS)[of_set], FLANKS[flank], percent, side == 0)


class RuleLibrary:
    """The kinds in order, and their rules numbered through.

    Attributes
    ----------
    kinds : tuple of RuleKind
    by_parameters : list of ndarray of int
        Numbers of the rules with the same number of parameters, from the fewest.
    """

    def __init__(self) -> None:
        self.kinds: tuple[RuleKind, ...] = (
            *(Places(), Patterns(), PatternElements(), Hydropathies(), Shares()),
        )
        n_parameters = np.concatenate([kind.n_parameters for kind in self.kinds])
        self.by_parameters = [np.flatnonzero(n_parameters == n) for n in np.unique(n_parameters)]

    def __len__(self) -> int:
        return sum(map(len, self.kinds))

    def rule(self, index: int) -> Rule:
        """One of the rules, by its number."""
        for kind in self.kinds:
            if index < len(kind):
                return kind.rule(index)
            index -= len(kind)
        raise IndexError(f"the library has {len(self)} rules")


@lru_cache(maxsize=1)
def rule_library() -> RuleLibrary:
    """The one library; made when it is first asked for."""
    return RuleLibrary()


def _both_sides(counts: np.ndarray) -> np.ndarray:
    """Residues with at least each code but 0, and below it: shape (2, n_codings, n_codes - 1)."""
    below = counts.cumsum(-1)[..., :-1]
    return np.stack([counts.sum(-1, keepdims=True) - below, below])
