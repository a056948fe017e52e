"""Sequences to ESM-2 tokens, windows over long proteins, and batches by token budget.

<cls>, <eos> and <pad> are added and dropped in this package and nowhere else.
"""

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import esm
import numpy as np

CLS, PAD, EOS, UNKNOWN, MASK = 0, 1, 2, 24, 32
"""Token numbers of fair-esm's ESM-1b alphabet; UNKNOWN is the letter X."""

N_TOKENS = 33
"""Size of that alphabet."""

SPECIAL_TOKENS = 2
"""<cls> in front and <eos> behind."""


def _token_table() -> np.ndarray:
    alphabet = esm.data.Alphabet.from_architecture("ESM-1b")
    return np.array([alphabet.tok_to_idx.get(chr(ord("A") + i), UNKNOWN) for i in range(26)])


# J (leucine or isoleucine) is the one letter A-Z that ESM-2's alphabet lacks; it reads as X.
_TOKEN_OF_LETTER = _token_table()


def tokenise(sequence: str) -> np.ndarray:
    """Token numbers of a sequence of letters A-Z, without <cls> and <eos>; J becomes X.

    Returns
    -------
    ndarray, dtype=int64, shape=(n_residues,)

    Examples
    --------
    >>> tokenise("LAJX").tolist()
    [4, 5, 24, 24]
    """
    letters = np.frombuffer(sequence.encode("ascii"), dtype=np.uint8) - ord("A")
    tokens: np.ndarray = _TOKEN_OF_LETTER[letters]
    return tokens


STANDARD_TOKENS = tokenise("ACDEFGHIKLMNPQRSTVWY")
"""Token numbers of the 20 standard residues."""


@dataclass(frozen=True)
class Window:
    """A piece of a protein that goes through the model at once, 0-based half-open.

    ``start:stop`` is seen by the model; ``keep_start:keep_stop`` are the residues whose
    activations are taken from this window.
    """

    protein: int
    start: int
    stop: int
    keep_start: int
    keep_stop: int

    @property
    def length(self) -> int:
        """Residues seen."""
        return self.stop - self.start


def windows(protein: int, length: int, context: int, overlap: int) -> list[Window]:
    """Cover a protein with windows of at most ``context`` residues.

    Neighbours share at least ``overlap`` residues; the last window ends at the C-terminus. Each
    residue is kept from the window in which it is farther from a cut, so the kept pieces meet in
    the middle of each overlap and cover the protein exactly once.

    Examples
    --------
    >>> [(w.start, w.stop, w.keep_start, w.keep_stop) for w in windows(0, 10, 6, 2)]
    [(0, 6, 0, 5), (4, 10, 5, 10)]
    >>> [(w.start, w.stop) for w in windows(0, 5, 6, 2)]
    [(0, 5)]
    """
    if length <= context:
        return [Window(protein, 0, length, 0, length)]
    starts = [*range(0, length - context, context - overlap), length - context]
    cuts = [0]
    for left, right in itertools.pairwise(starts):
        cuts.append((right + left + context + 1) // 2)  # middle of [right, left + context)
    cuts.append(length)
    return [
        Window(protein, start, start + context, cuts[i], cuts[i + 1])
        for i, start in enumerate(starts)
    ]


def batches(lengths: Sequence[int], tokens_per_batch: int) -> Iterator[list[int]]:
    """Group items, with their <cls> and <eos>, into batches of at most ``tokens_per_batch`` tokens.

    Longest first, so that a budget too large for the memory fails at once and equal lengths lie
    side by side. An item longer than the budget is a batch by itself.

    Yields
    ------
    list of int
        Indices into ``lengths``; every index occurs once.

    Examples
    --------
    >>> list(batches([3, 9, 4, 3], tokens_per_batch=12))
    [[1], [2, 0], [3]]
    """
    batch: list[int] = []
    n_tokens = 0
    for index in sorted(range(len(lengths)), key=lambda i: (-lengths[i], i)):
        size = lengths[index] + SPECIAL_TOKENS
        if batch and n_tokens + size > tokens_per_batch:
            yield batch
            batch, n_tokens = [], 0
        batch.append(index)
        n_tokens += size
    if batch:
        yield batch
