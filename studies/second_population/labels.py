"""Proteins of a second population: letters to concepts, and which proteins are left out.

What the letters mean, and how far that is from UniProt's definition (``Population.differs``), is
stated here once; ``same_residues`` measures it on sequences that have labels of both kinds.
"""

import json
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from protsae.errors import UserError
from protsae.io.text_files import open_text

WORD = 12
"""Residues that find the run's proteins which a chain may be a part of."""


@dataclass(frozen=True)
class Population:
    """A set of proteins with one letter per residue.

    Attributes
    ----------
    name : str
    letters : str
        All letters that may occur.
    unknown : str
        Those that say nothing of a residue.
    concepts : mapping of str to str
        UniProt's name of a concept to the letters that have it; complete in this set.
    differs : str
        How the labels differ from UniProt's.
    """

    name: str
    letters: str
    unknown: str
    concepts: Mapping[str, str]
    differs: str


POPULATIONS = {
    "TMbed": Population(
        "TMbed",
        "12HhBbSU",
        "U",
        {
            "SIGNAL": "S",
            "TRANSMEM": "HhBb",
            "TRANSMEM: Helical": "Hh",
            "TRANSMEM: Beta stranded": "Bb",
        },
        "transmembrane segments are those within OPM's membrane of a structure, UniProt's are "
        "mostly predicted; residues that the structure does not resolve are unknown; most "
        "proteins are globular",
    ),
    "FLIP_secondary_structure": Population(
        "PDB chains",
        "HEC",
        "",
        {"HELIX": "H", "STRAND": "E"},
        "three states of DSSP: H holds 3-10 and pi helices, as UniProt's HELIX does; E holds "
        "strands of one and two residues, UniProt's STRAND has next to none below three; chains "
        "are constructs, not whole proteins; all resolved residues count, in the run those between "
        "the first and the last element of an entry",
    ),
}
"""By the name of the set in the file.

Turns have no letter (C is all else), and 1 and 2 are no topological domains (all of a globular
protein is 1): neither is compared.
"""


@dataclass(frozen=True, eq=False)
class Labelled:
    """A protein with what is known of its residues.

    Attributes
    ----------
    sequence : str
    labels : str
        A letter for each residue.
    known : ndarray of bool, shape (n_residues,)
    """

    sequence: str
    labels: str
    known: np.ndarray

    def has(self, letters: str) -> np.ndarray:
        """Known residues with one of the letters: bool, shape (n_residues,).

        Examples
        --------
        >>> protein = Labelled("MKAC", "SS2U", np.array([True, True, True, False]))
        >>> protein.has("SU").tolist()
        [True, True, False, False]
        """
        return _is_one_of(self.labels, letters) & self.known


def read_populations(path: Path) -> dict[str, list[Labelled]]:
    """Proteins of each of ``POPULATIONS``, in the order of the file.

    Raises
    ------
    UserError
        Naming file and line, for a record that is not of the format.
    """
    found: dict[str, list[Labelled]] = {name: [] for name in POPULATIONS}
    with open_text(path, "labels of residues, JSON lines, plain or gzipped") as lines:
        for number, line in enumerate(lines, start=1):
            record = json.loads(line)
            if record.get("set") in found:
                where = f"{path}: line {number}"
                found[record["set"]].append(labelled(record, where))
    return found


def labelled(record: Mapping[str, str], where: str) -> Labelled:
    """One record.

    Raises
    ------
    UserError
        If labels or mask do not fit the sequence, or a letter is none of the set's.

    Examples
    --------
    >>> record = {"set": "FLIP_secondary_structure", "sequence": "MKC", "labels": "HEC"}
    >>> labelled(record | {"resolved_mask": "011"}, "x: line 1").known.tolist()
    [False, True, True]
    """
    population = POPULATIONS[record["set"]]
    sequence, labels = record["sequence"], record["labels"]
    mask = record.get("resolved_mask") or "1" * len(sequence)
    if not len(sequence) == len(labels) == len(mask):
        raise UserError(
            f"{where}: {len(labels)} labels and a mask of {len(mask)} for {len(sequence)} residues"
        )
    if strange := set(labels) - set(population.letters):
        raise UserError(f"{where}: label {min(strange)!r}; expected one of {population.letters!r}")
    known = ~_is_one_of(labels, population.unknown) & _is_one_of(mask, "1")
    return Labelled(sequence, labels, known)


def usable(
    proteins: Sequence[Labelled], of_run: set[str], min_length: int, max_length: int
) -> tuple[list[Labelled], Counter[str]]:
    """Proteins of the run's lengths, each sequence once, none of them a sequence of the run.

    Returns
    -------
    kept : list of Labelled
    left_out : Counter
        Proteins by reason.

    Examples
    --------
    >>> known = np.ones(2, bool)
    >>> given = [Labelled(s, "11", known[: len(s)]) for s in ("M", "MK", "MK", "MC")]
    >>> kept, left_out = usable(given, {"MC"}, 2, 9)
    >>> [protein.sequence for protein in kept], list(left_out.values())
    (['MK'], [1, 1, 1])
    """
    kept: list[Labelled] = []
    left_out: Counter[str] = Counter()
    seen: set[str] = set()
    for protein in proteins:
        if not min_length <= len(protein.sequence) <= max_length:
            left_out[f"shorter than {min_length} or longer than {max_length} residues"] += 1
        elif protein.sequence in of_run:
            left_out["a sequence of the run"] += 1
        elif protein.sequence in seen:
            left_out["a sequence that came before"] += 1
        else:
            seen.add(protein.sequence)
            kept.append(protein)
    return kept, left_out


def drawn(proteins: Sequence[Labelled], n: int, seed: int) -> list[Labelled]:
    """At most ``n`` of them, at random, in their order."""
    if len(proteins) <= n:
        return list(proteins)
    chosen = np.random.default_rng(seed).choice(len(proteins), n, replace=False)
    return [proteins[i] for i in np.sort(chosen)]


def without_relatives(
    hits: Iterable[int], cluster: np.ndarray, n_drawn: int
) -> tuple[np.ndarray, Counter[str]]:
    """Which of the drawn proteins have no relative among those of the run that were used.

    Parameters
    ----------
    hits : iterable of int
        Drawn proteins that a search finds a relative of.
    cluster : ndarray of int, shape (n_drawn + n_used,)
        Homology clusters of the drawn proteins and, after them, those of train and valid.

    Returns
    -------
    kept : ndarray of int
        Indices of drawn proteins.
    left_out : Counter
        Proteins by reason.

    Examples
    --------
    Protein 0 has a hit, 1 shares a cluster with 4, which is of train:

    >>> kept, left_out = without_relatives([0], np.array([0, 1, 2, 2, 1]), 4)
    >>> kept.tolist(), list(left_out.values())
    ([2, 3], [1, 1])
    """
    has_hit = np.zeros(n_drawn, bool)
    has_hit[list(hits)] = True
    shares = np.isin(cluster[:n_drawn], cluster[n_drawn:])
    left_out: Counter[str] = Counter()
    left_out["a relative in train or valid, by search"] = int(has_hit.sum())
    left_out["a homology cluster of train or valid, without a hit"] = int((shares & ~has_hit).sum())
    return np.flatnonzero(~has_hit & ~shares), left_out


def places_in_run(proteins: Sequence[Labelled], table: pd.DataFrame) -> list[tuple[int, str, int]]:
    """Proteins whose whole sequence is a stretch of a protein of the run.

    Returns
    -------
    list of (int, str, int)
        Index of the protein, accession in the run (the first that fits), and the 0-based place of
        its first residue there.

    Examples
    --------
    >>> table = pd.DataFrame({"accession": ["P1"], "sequence": ["M" + "ACDEFGHIKLMNPQ"]})
    >>> places_in_run([Labelled("ACDEFGHIKLMNPQ", "C" * 14, np.ones(14, bool))], table)
    [(0, 'P1', 1)]
    """
    by_word: dict[str, list[int]] = defaultdict(list)
    for index, protein in enumerate(proteins):
        if len(protein.sequence) >= WORD:
            by_word[protein.sequence[:WORD]].append(index)
    found: dict[int, tuple[str, int]] = {}
    for accession, sequence in zip(table["accession"], table["sequence"], strict=True):
        for start in range(len(sequence) - WORD + 1):
            for index in by_word.get(sequence[start : start + WORD], ()):
                if sequence.startswith(proteins[index].sequence, start):
                    found.setdefault(index, (accession, start))
    return [(index, *place) for index, place in sorted(found.items())]


def same_residues(
    population: Population,
    proteins: Sequence[Labelled],
    places: Sequence[tuple[int, str, int]],
    of_run: Callable[[str], tuple[np.ndarray, np.ndarray]],
    concepts: Sequence[str],
) -> pd.DataFrame:
    """How UniProt's labels score against those of a set, on residues that both know.

    Parameters
    ----------
    places : sequence of (int, str, int)
        From `places_in_run`.
    of_run : function of an accession
        The run's labels and what is known: bool, shape (n_residues, n_concepts).
    concepts : sequence of str
        Of these columns.

    Returns
    -------
    DataFrame
        concept, same_proteins (proteins that both label, with the concept in either),
        definition_recall (share of the residues that have it here which UniProt annotates),
        definition_precision (share of UniProt's that have it here), definition_f1. No detector
        that gives exactly UniProt's labels has a higher F1 here than that.
    """
    counts = np.zeros((len(concepts), 4), dtype=np.int64)
    for index, accession, start in places:
        protein = proteins[index]
        labels, known = (of[start : start + len(protein.sequence)] for of in of_run(accession))
        for column, concept in enumerate(concepts):
            both = known[:, column] & protein.known
            here = protein.has(population.concepts[concept]) & both
            there = labels[:, column] & both
            either = bool(here.any() or there.any())
            counts[column] += [(here & there).sum(), here.sum(), there.sum(), either]
    tp, here, there, n = counts.T.astype(float)
    with np.errstate(invalid="ignore", divide="ignore"):
        return pd.DataFrame(
            {
                "concept": list(concepts),
                "same_proteins": n.astype(int),
                "definition_recall": tp / here,
                "definition_precision": tp / there,
                "definition_f1": 2 * tp / (here + there),
            }
        )


def _is_one_of(text: str, letters: str) -> np.ndarray:
    """Which characters of an ASCII text are among the letters: bool."""
    table = np.zeros(128, dtype=bool)
    table[list(letters.encode())] = True
    return table[np.frombuffer(text.encode("ascii"), dtype=np.uint8)]
