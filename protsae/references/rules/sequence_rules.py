"""Yes/no rules on a sequence that cost nothing: places, letters, patterns, local composition."""

from abc import ABC, abstractmethod
from dataclasses import dataclass

import numpy as np

from protsae.concepts.sequence.amino_acid_classes import CLASSES
from protsae.concepts.sequence.prosite import ELEMENTS, MOTIFS, MotifElement
from protsae.proteins.alphabet import LETTERS, STANDARD
from protsae.references.rules.sequence_rows import HYDROPATHY_FLANK, LOWEST, End, SequenceRows

LETTER_SETS: dict[str, str] = {letter: letter for letter in STANDARD} | CLASSES
"""Name to letters: each standard amino acid, and each class."""

SET_TABLE = np.array([[letter in of for of in LETTER_SETS.values()] for letter in LETTERS])
"""Which letter A to Z is in which set: bool, shape (26, n_sets)."""


class Rule(ABC):
    """A rule that says yes or no to every residue of a sequence."""

    @property
    @abstractmethod
    def name(self) -> str:
        """What a reader needs to apply it: ``last 10 residues``, ``S at residue 2``."""

    @property
    @abstractmethod
    def n_parameters(self) -> int:
        """Bounds of places, sets of letters, patterns, windows and thresholds that it names."""

    @abstractmethod
    def holds(self, rows: SequenceRows) -> np.ndarray:
        """Where it says yes: bool, shape (n_residues,)."""

    def on(self, sequence: str) -> np.ndarray:
        """Where it says yes in one sequence: bool, shape (n_residues,)."""
        return self.holds(SequenceRows([sequence]))


class Region(Rule):
    """A rule that letters may be asked for within."""

    @property
    @abstractmethod
    def phrase(self) -> str:
        """The name as it follows letters: ``in the last 2 residues``."""


@dataclass(frozen=True)
class Place(Region):
    """Residues ``first`` to ``last`` counted from an end, the residue at the end being 1.

    Parameters
    ----------
    end : {"N", "C", "nearest"}
    first : int
        At least 1.
    last : int or None
        Inclusive; None: no bound.

    Examples
    --------
    >>> Place("C", 1, 2).name, Place("C", 1, 2).on("MKCW").tolist()
    ('last 2 residues', [False, False, True, True])
    >>> Place("nearest", 3, None).name, Place("N", 21, None).name
    ('at least 2 residues from both ends', 'from residue 21 on')
    """

    end: End
    first: int
    last: int | None

    @property
    def name(self) -> str:
        return self._words()[1]

    @property
    def phrase(self) -> str:
        return " ".join(self._words()).strip()

    @property
    def n_parameters(self) -> int:
        """1 where one bound says all: an interval from an end, up to one, or a single residue."""
        return 1 if self.first in (1, self.last) or self.last is None else 2

    def holds(self, rows: SequenceRows) -> np.ndarray:
        distance = rows.distance(self.end)
        within: np.ndarray = distance >= self.first - 1
        return within if self.last is None else within & (distance < self.last)

    def _words(self) -> tuple[str, str]:
        """Preposition and name."""
        first, last = self.first, self.last
        if last is None:
            left_out = first - 1
            return {
                "N": ("", f"from residue {first} on"),
                "C": ("in", f"all but the last {_residues(left_out)}"),
                "nearest": ("", f"at least {_residues(left_out)} from both ends"),
            }[self.end]
        of_end = {"N": "", "C": " from the end", "nearest": " from either end"}[self.end]
        if self.end != "N" and first == 1:
            words = "last" if self.end == "C" else "first or last"
            return f"{'at' if last == 1 else 'in'} the", f"{words} {_residues(last)}"
        if first == last:
            return "at", f"residue {first}{of_end}"
        return "in", f"residues {first}–{last}{of_end}"  # noqa: RUF001 (en dash)


@dataclass(frozen=True)
class Pattern(Region):
    """Residues within a match of a PROSITE pattern, by the name of the motif."""

    motif: str
    n_parameters = 1

    @property
    def name(self) -> str:
        return f"motif {self.motif}"

    @property
    def phrase(self) -> str:
        return f"in {self.name}"

    def holds(self, rows: SequenceRows) -> np.ndarray:
        return rows.motifs[:, [motif.name for motif in MOTIFS].index(self.motif)]


@dataclass(frozen=True)
class PatternElement(Rule):
    """Residues that are one element of a match of a PROSITE pattern.

    Examples
    --------
    >>> rule = PatternElement(MotifElement("N-glycosylation", 1, "N"))
    >>> rule.name, rule.on("NNTSG").tolist()
    ('element 1 (N) of motif N-glycosylation', [True, True, False, False, False])
    """

    element: MotifElement
    n_parameters = 2

    @property
    def name(self) -> str:
        element = self.element
        return f"element {element.number} ({element.text}) of motif {element.motif}"

    def holds(self, rows: SequenceRows) -> np.ndarray:
        return rows.motif_elements[:, ELEMENTS.index(self.element)]


@dataclass(frozen=True)
class LowComplexity(Region):
    """Residues of low complexity (`concepts.complexity`)."""

    name = "low complexity"
    phrase = "in a low-complexity region"
    n_parameters = 1

    def holds(self, rows: SequenceRows) -> np.ndarray:
        return rows.low_complexity


@dataclass(frozen=True)
class Letters(Rule):
    """Residues of a set of letters, anywhere or within a region.

    Examples
    --------
    >>> rule = Letters("S", Place("N", 2, 2))
    >>> rule.name, rule.n_parameters, rule.on("MSS").tolist()
    ('S at residue 2', 2, [False, True, False])
    >>> Letters("S").name, Letters("aromatic").name, Letters("N", Pattern("N-glycosylation")).name
    ('residue S', 'aromatic residue', 'N in motif N-glycosylation')
    """

    letters: str
    region: Region | None = None

    @property
    def name(self) -> str:
        if self.region is not None:
            return f"{self.letters} {self.region.phrase}"
        is_residue = self.letters in STANDARD
        return f"residue {self.letters}" if is_residue else f"{self.letters} residue"

    @property
    def n_parameters(self) -> int:
        return 1 + (0 if self.region is None else self.region.n_parameters)

    def holds(self, rows: SequenceRows) -> np.ndarray:
        of_set: np.ndarray = SET_TABLE[:, list(LETTER_SETS).index(self.letters)][rows.letters]
        return of_set if self.region is None else of_set & self.region.holds(rows)


@dataclass(frozen=True)
class Everywhere(Rule):
    """All residues."""

    name = "everywhere"
    n_parameters = 0

    def holds(self, rows: SequenceRows) -> np.ndarray:
        return np.ones(len(rows), dtype=bool)


@dataclass(frozen=True)
class Hydropathy(Rule):
    """Mean hydropathy around a residue of at least, or below, a threshold in tenths.

    Examples
    --------
    >>> Hydropathy(16, True).name
    'mean hydropathy within ± 9 at least 1.6'
    >>> Hydropathy(16, True).on("II").tolist(), Hydropathy(46, False).on("IX").tolist()
    ([True, True], [True, True])
    """

    tenths: int
    at_least: bool
    n_parameters = 1

    @property
    def name(self) -> str:
        bound = "at least" if self.at_least else "below"
        return f"mean hydropathy within ± {HYDROPATHY_FLANK} {bound} {self.tenths / 10:.1f}"

    def holds(self, rows: SequenceRows) -> np.ndarray:
        mean = rows.hydropathy()
        within = mean >= self.tenths if self.at_least else mean < self.tenths
        held: np.ndarray = within & (mean >= LOWEST)
        return held


@dataclass(frozen=True)
class Share(Rule):
    """A share of a set of letters around a residue of at least, or below, so many percent.

    All residues of the chain that are at most ``flank`` away count, the residue included. A share
    that a single residue of a whole window reaches says no more than that there is one.

    Examples
    --------
    >>> rule = Share("hydrophobic", 1, 60, True)
    >>> rule.name, rule.on("ILDD").tolist()
    ('at least 60 % hydrophobic within ± 1', [True, True, False, False])
    >>> Share("G", 3, 5, False).name, Share("G", 3, 5, False).n_parameters
    ('no G within ± 3', 2)
    """

    letters: str
    flank: int
    percent: int
    at_least: bool

    @property
    def name(self) -> str:
        if self._is_presence:
            bound = "some" if self.at_least else "no"
        else:
            bound = f"{'at least' if self.at_least else 'below'} {self.percent} %"
        return f"{bound} {self.letters} within ± {self.flank}"

    @property
    def n_parameters(self) -> int:
        return 2 if self._is_presence else 3

    @property
    def _is_presence(self) -> bool:
        return self.percent * (2 * self.flank + 1) <= 100

    def holds(self, rows: SequenceRows) -> np.ndarray:
        of_set = Letters(self.letters).holds(rows)
        hundredfold = 100 * rows.window_sums(of_set, self.flank)
        least = self.percent * rows.window_sizes(self.flank)
        held: np.ndarray = hundredfold >= least if self.at_least else hundredfold < least
        return held


def _residues(n: int) -> str:
    return "residue" if n == 1 else f"{n} residues"
