"""Which protein a chain of a structure is, and which of its residues are resolved."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence

import numpy as np
from Bio.Align import PairwiseAligner

WORD = 8
"""Residues that chain and protein must share without a gap to be compared at all."""
MIN_IDENTITY = 0.95
"""Share of aligned residues that must be equal: mutants of a protein are taken, homologues not."""
MIN_COVERAGE = 0.8
"""Share of the chain's residues that must be aligned: tags and fusions may stick out."""


def likeliest_proteins(chains: Sequence[str], proteins: Mapping[str, str]) -> list[str]:
    """For each chain the protein that it shares most words with; empty if it shares none.

    Words are intervals of 8 residues, of a chain those that begin at 1, 9, 17, ...; among equals
    the first protein is taken.

    Parameters
    ----------
    chains : sequence of str
        Resolved residues, one letter each.
    proteins : mapping of str to str
        Sequences by accession.

    Examples
    --------
    >>> likeliest_proteins(["KTAYIAKQ", "WWWWWWWW"], {"P1": "GGGGGGGG", "P2": "MKTAYIAKQR"})
    ['P2', '']
    """
    of_word: dict[str, set[int]] = defaultdict(set)
    for number, chain in enumerate(chains):
        for start in range(0, len(chain) - WORD + 1, WORD):
            of_word[chain[start : start + WORD]].add(number)
    shared: list[Counter[str]] = [Counter() for _ in chains]
    for accession, sequence in proteins.items():
        words = {sequence[start : start + WORD] for start in range(len(sequence) - WORD + 1)}
        for word in words & of_word.keys():
            for number in of_word[word]:
                shared[number][accession] += 1
    return [counts.most_common(1)[0][0] if counts else "" for counts in shared]


def resolved_positions(chain: str, sequence: str) -> np.ndarray | None:
    """Place in the protein of each residue of a chain, by local alignment.

    Match 1, mismatch -1, gap -2 at any length: intervals that are not resolved cost little. At the
    edge of such a gap an equal residue on its other side may be taken instead.

    Returns
    -------
    ndarray, dtype=int64, shape=(n_chain,)
        0-based place, -1 for a residue that is not of the protein; None if fewer than 80 % of the
        chain are aligned, or fewer than 95 % of those are equal.

    Examples
    --------
    >>> resolved_positions("MKTAYIAKQR", "GSMKTAYIAKQRLE").tolist()
    [2, 3, 4, 5, 6, 7, 8, 9, 10, 11]
    """
    aligner = PairwiseAligner(mode="local", match_score=1, mismatch_score=-1)
    aligner.open_gap_score = -2
    aligner.extend_gap_score = 0
    places = np.full(len(chain), -1, dtype=np.int64)
    alignments = aligner.align(chain, sequence)
    # Not their number: a chain and a remote relative have more than an integer holds.
    best = next(iter(alignments), None)
    if best is None:
        return None
    equal = 0
    for (start, end), (first, last) in zip(*best.aligned, strict=True):
        places[start:end] = np.arange(first, last)
        equal += sum(a == b for a, b in zip(chain[start:end], sequence[first:last], strict=True))
    n_aligned = int((places >= 0).sum())
    if n_aligned < MIN_COVERAGE * len(chain) or equal < MIN_IDENTITY * n_aligned:
        return None
    return places


def spread(letters: str, places: np.ndarray, length: int) -> str:
    """Labels of a chain's residues on the protein's; ``?`` where none is resolved.

    Examples
    --------
    >>> spread("HEC", np.array([1, -1, 3]), 5)
    '?H?C?'
    """
    labels = np.full(length, "?")
    found = places >= 0
    labels[places[found]] = np.array(list(letters))[found]
    return "".join(labels)
