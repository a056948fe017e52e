"""Token batches without padding: which tokens there are, and which of them see each other."""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from protsae.plm.esm2.attention import attend, attend_packed
from protsae.plm.esm2.tokens import CLS, EOS, MASK, SPECIAL_TOKENS


@dataclass(frozen=True)
class Packed:
    """Sequences one after another, each of which sees itself alone.

    Attributes
    ----------
    tokens_N : int64, shape (n_tokens,)
    lengths : tuple of int
        Tokens of each sequence.
    """

    tokens_N: Tensor
    lengths: tuple[int, ...]

    def to(self, device: torch.device) -> "Packed":
        """The same batch on another device; from pinned memory the copy is asynchronous."""
        return Packed(self.tokens_N.to(device, non_blocking=True), self.lengths)

    @property
    def longest(self) -> int:
        """Tokens of the longest sequence."""
        return max(self.lengths)

    @property
    def positions_N(self) -> Tensor:
        """Position of each token in its sequence, from 0."""
        positions = np.concatenate([np.arange(length) for length in self.lengths])
        return torch.from_numpy(positions).to(self.tokens_N.device)

    @property
    def masked_share_N(self) -> Tensor:
        """Share of <mask> among the tokens of each token's sequence."""
        return masked_share(self.tokens_N, torch.from_numpy(self._sequence_N()))

    @property
    def residues_N(self) -> Tensor:
        """True where a token is a residue, neither <cls> nor <eos>."""
        return (self.tokens_N != CLS) & (self.tokens_N != EOS)

    def attend(
        self, q_NHK: Tensor, k_NHK: Tensor, v_NHK: Tensor, rows: Tensor | None = None
    ) -> Tensor:
        """softmax(q k^T / sqrt(K)) v within each sequence, shape (n_tokens, n_heads, d_head).

        Of the tokens ``rows`` alone, if given, in their order.
        """
        return attend_packed(q_NHK, k_NHK, v_NHK, self.lengths, rows)

    def _sequence_N(self) -> np.ndarray:
        return np.repeat(np.arange(len(self.lengths)), self.lengths)


def pack(sequences: Sequence[np.ndarray]) -> Packed:
    """<cls> residues <eos> of each array of token numbers, one after another.

    Examples
    --------
    >>> batch = pack([np.array([4, 5]), np.array([6])])
    >>> batch.tokens_N.tolist(), batch.lengths
    ([0, 4, 5, 2, 0, 6, 2], (4, 3))
    >>> batch.positions_N.tolist()
    [0, 1, 2, 3, 0, 1, 2]
    """
    cls, eos = np.array([CLS]), np.array([EOS])
    parts = itertools.chain.from_iterable((cls, tokens, eos) for tokens in sequences)
    tokens_N = torch.from_numpy(np.concatenate([*parts]).astype(np.int64))
    return Packed(tokens_N, tuple(len(tokens) + SPECIAL_TOKENS for tokens in sequences))


@dataclass(frozen=True, eq=False)
class Rows:
    """Rows of equal length, each holding several sequences; for training, where one shape is fast.

    Attributes
    ----------
    tokens_BT : int64, shape (n_rows, n_tokens)
    segments_BT : int64, shape (n_rows, n_tokens)
        Number of the sequence that a token belongs to, distinct over the batch. A token sees the
        tokens of its sequence in its row. Positions are relative (rotary), so a sequence may start
        anywhere.
    """

    tokens_BT: Tensor
    segments_BT: Tensor

    @property
    def tokens_N(self) -> Tensor:
        """All rows one after another."""
        return self.tokens_BT.flatten()

    @property
    def longest(self) -> int:
        """Tokens in a row."""
        return self.tokens_BT.shape[1]

    @property
    def positions_N(self) -> Tensor:
        """Position of each token in its row, from 0."""
        n_rows, n_tokens = self.tokens_BT.shape
        return torch.arange(n_tokens, device=self.tokens_BT.device).repeat(n_rows)

    @property
    def masked_share_N(self) -> Tensor:
        """Share of <mask> among the tokens of each token's sequence."""
        seen_BQT = self._seen_BQT.float()
        masked_BT1 = (self.tokens_BT == MASK).float()[:, :, None]
        return (seen_BQT @ masked_BT1 / seen_BQT.sum(-1, keepdim=True)).flatten()

    def attend(
        self, q_NHK: Tensor, k_NHK: Tensor, v_NHK: Tensor, rows: Tensor | None = None
    ) -> Tensor:
        """softmax(q k^T / sqrt(K)) v within each sequence, shape (n_tokens, n_heads, d_head).

        Of the tokens ``rows`` alone, if given, in their order; all are computed.
        """
        shape = (*self.tokens_BT.shape, *q_NHK.shape[1:])
        bias_B1QT = torch.where(self._seen_BQT, 0.0, -torch.inf).to(q_NHK.dtype)[:, None]
        q_BTHK, k_BTHK, v_BTHK = (x.view(shape) for x in (q_NHK, k_NHK, v_NHK))
        mixed_NHK = attend(q_BTHK, k_BTHK, v_BTHK, bias_B1QT).flatten(0, 1)
        return mixed_NHK if rows is None else mixed_NHK[rows]

    @property
    def _seen_BQT(self) -> Tensor:
        """True where a token (Q) and another of its row (T) are of one sequence."""
        return self.segments_BT[:, :, None] == self.segments_BT[:, None, :]


Batch = Packed | Rows


def masked_share(tokens_N: Tensor, sequence_N: Tensor) -> Tensor:
    """Share of <mask> in each token's sequence, float32, shape (n_tokens,).

    Examples
    --------
    >>> masked_share(torch.tensor([0, 32, 5, 2, 0, 2]), torch.tensor([1, 1, 1, 1, 2, 2])).tolist()
    [0.25, 0.25, 0.25, 0.25, 0.0, 0.0]
    """
    sequence_N = sequence_N.to(tokens_N.device)
    masked_S = torch.bincount(sequence_N, weights=(tokens_N == MASK).float())
    return (masked_S / torch.bincount(sequence_N)).float()[sequence_N]
