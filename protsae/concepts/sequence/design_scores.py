"""What a sequence has, judged from its letters by rules that know no language model."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from protsae.concepts.sequence.low_complexity import low_complexity
from protsae.concepts.sequence.prosite import MOTIFS, matches
from protsae.concepts.sequence.scales import SCALES, scale_values

TM_WINDOW, TM_HYDROPATHY = 19, 1.6
"""Kyte & Doolittle 1982, J. Mol. Biol. 157:105: windows of membrane-spanning segments."""

N_TERMINUS, CORE, CORE_HYDROPATHY = 30, 10, 2.0
"""Of the rule for signal peptides, after the regions of von Heijne 1985, J. Mol. Biol. 184:99."""


@dataclass(frozen=True)
class Judge:
    """A rule on the sequence.

    Attributes
    ----------
    name : str
    rule : str
        In words.
    holds : function of str
        Whether a sequence satisfies the rule.
    """

    name: str
    rule: str
    holds: Callable[[str], bool]


def mean_hydropathy(sequence: str) -> float:
    """Kyte & Doolittle's hydropathy, mean over the standard amino acids; NaN without any.

    Examples
    --------
    >>> mean_hydropathy("IRI")
    1.5
    """
    return _mean(scale_values(sequence, SCALES["hydropathy"]))


def charge_per_residue(sequence: str) -> float:
    """Net charge of side chains at pH 7 (e) over the standard amino acids; NaN without any.

    Examples
    --------
    >>> charge_per_residue("KDDG")
    -0.25
    """
    return _mean(scale_values(sequence, SCALES["charge"]))


def tm_windows(sequence: str) -> int:
    """Most windows of 19 residues without overlap whose mean hydropathy is at least 1.6.

    Examples
    --------
    >>> tm_windows("K" * 10 + "L" * 19 + "K" * 10), tm_windows("L" * 38), tm_windows("L" * 18)
    (1, 2, 0)
    """
    values = np.nan_to_num(scale_values(sequence, SCALES["hydropathy"]).astype(np.float64))
    if len(values) < TM_WINDOW:
        return 0
    sums = np.convolve(values, np.ones(TM_WINDOW), "valid")
    found, free = 0, 0
    for start, total in enumerate(sums):
        if start >= free and total >= TM_WINDOW * TM_HYDROPATHY - 1e-9:
            found, free = found + 1, start + TM_WINDOW
    return found


def has_signal_like_start(sequence: str) -> bool:
    """Whether a hydrophobic core follows a positive charge in the first 30 residues.

    A window of 10 residues within them with mean hydropathy of at least 2.0 and no D or E, after
    at least one K or R. Many real signal peptides fail this rule, and some membrane proteins
    satisfy it.

    Examples
    --------
    >>> has_signal_like_start("MKTLLLLLLLLLLAAA"), has_signal_like_start("MTTLLLLLLLLLLAAA")
    (True, False)
    """
    head = sequence[:N_TERMINUS]
    values = np.nan_to_num(scale_values(head, SCALES["hydropathy"]).astype(np.float64))
    for start in range(1, len(head) - CORE + 1):
        core = head[start : start + CORE]
        is_core = values[start : start + CORE].mean() >= CORE_HYDROPATHY - 1e-9
        if is_core and not set(core) & set("DE") and set(head[:start]) & set("KR"):
            return True
    return False


def n_motifs(sequence: str, name: str) -> int:
    """Matches of one of PROSITE's patterns, by the name in ``MOTIFS``.

    Examples
    --------
    >>> n_motifs("MNNTSG", "N-glycosylation")
    2
    """
    [pattern] = [motif.pattern for motif in MOTIFS if motif.name == name]
    return len(matches(sequence, pattern))


def motif_counts(sequence: str) -> str:
    """All of PROSITE's patterns that match, with how often: ``N-glycosylation 2; RGD 1``.

    Examples
    --------
    >>> motif_counts("AARGDA"), motif_counts("AAAA")
    ('RGD 1', '')
    """
    counts = {motif.name: n_motifs(sequence, motif.name) for motif in MOTIFS}
    return "; ".join(f"{name} {n}" for name, n in counts.items() if n)


def share_of(sequence: str, letters: str) -> float:
    """Share of residues that are one of some letters; 0 for an empty sequence.

    Examples
    --------
    >>> share_of("QQNA", "QN")
    0.75
    """
    return sum(letter in letters for letter in sequence) / max(1, len(sequence))


def pairwise_identity(sequences: Sequence[str]) -> list[float | None]:
    """Of each sequence the mean over the others of the share of positions with the same letter.

    Nothing is aligned; the mean over all sequences is the mean over all pairs.

    Parameters
    ----------
    sequences : sequence of str
        Of one length.

    Returns
    -------
    list of float, or of None
        In the order of the sequences; None for a sequence by itself.

    Examples
    --------
    >>> pairwise_identity(["AAAA", "AAAC", "DDDC"])
    [0.375, 0.5, 0.125]
    >>> pairwise_identity(["AAAA"])
    [None]
    """
    if len(sequences) < 2:
        return [None] * len(sequences)
    letters = np.array([list(sequence) for sequence in sequences])
    # Same letters at a position, of all pairs with one sequence: itself is one of them.
    same = np.array([(letters == own).sum() for own in letters]) - letters.shape[1]
    return [float(n) for n in same / letters.shape[1] / (len(sequences) - 1)]


JUDGES: dict[str, Judge] = {
    judge.name: judge
    for judge in (
        Judge(
            "transmembrane",
            "a window of 19 residues with mean hydropathy of at least 1.6 (Kyte & Doolittle)",
            lambda sequence: tm_windows(sequence) > 0,
        ),
        Judge(
            "signal peptide",
            "in the first 30 residues K or R, then 10 residues with mean hydropathy of at least "
            "2.0 and no D or E",
            has_signal_like_start,
        ),
        Judge(
            "cysteine-rich",
            "at least 8 % cysteine",
            lambda sequence: share_of(sequence, "C") >= 0.08,
        ),
        Judge(
            "glutamine-rich",
            "at least 15 % glutamine",
            lambda sequence: share_of(sequence, "Q") >= 0.15,
        ),
        Judge(
            "negative",
            "net charge of at most -0.15 per residue",
            lambda sequence: charge_per_residue(sequence) <= -0.15,
        ),
        Judge(
            "N-glycosylation",
            "a match of PROSITE PS00001, N-{P}-[ST]-{P}",
            lambda sequence: n_motifs(sequence, "N-glycosylation") > 0,
        ),
        Judge(
            "low complexity",
            "at least 20 % of residues in windows of low entropy (first step of SEG)",
            lambda sequence: float(low_complexity(sequence).mean()) >= 0.2,
        ),
    )
}
"""Rules by name; each needs the sequence alone."""


def _mean(values: np.ndarray) -> float:
    known = values[~np.isnan(values)].astype(np.float64)
    return float(known.mean()) if len(known) else float("nan")
