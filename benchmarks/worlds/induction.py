"""A small transformer whose circuit is known, for it is built by hand: induction behind a gate.

The residual stream has one orthonormal direction, at random angles, for each of

    A_v  the letter v is here,               P_v  the letter v is one token before,
    N_v  v is what followed here's letter the last time,      O_v  v is predicted,
    gate open or not at this token,          D_k  distractors, active at random tokens.

Block 1, a previous-token head, copies A of the token before to P. Block 2, an induction head, is an
attention head: where the letter v is (A_v), it attends to the token that follows an earlier v (P_v)
and copies that token's letter to N. Without an earlier v it attends to <cls> and copies nothing.
Block 3 is an MLP: O_v = max(0, N_v + gate - 1). The text reads ... a b ... a, and the output is
log p(b) at its last token. Each block also has heads and neurons that read and write distractors.
Distractors are stronger than letters, and a small part of them leaks into O. Noise is orthogonal to
all these directions, so it ends up in the error.
"""

from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from protsae.interventions.circuits.layered_pass import Dictionary, LayeredPass

N_LETTERS, N_DISTRACTORS, N_NOISE = 8, 6, 4
A, P, N, O = (slice(i * N_LETTERS, (i + 1) * N_LETTERS) for i in range(4))  # noqa: E741
GATE = 4 * N_LETTERS
D = slice(GATE + 1, GATE + 1 + N_DISTRACTORS)
N_FEATURES = D.stop
D_MODEL = N_FEATURES + N_NOISE
SHARPNESS, SINK, GAIN = 12.0, 6.0, 3.0
"""Of attention where A meets P; of <cls>; of O in the prediction."""

Key = tuple[int, int, int]


@dataclass(frozen=True)
class Text:
    """Letters after <cls>, what is predicted, and the circuit: (place, token, feature).

    Attributes
    ----------
    letters, gate : ndarray of int, shape (n_letters,)
    nodes : set of Key
    edges : set of (Key, Key)
    """

    letters: np.ndarray
    gate: np.ndarray
    predicted: int
    nodes: set[Key]
    edges: set[tuple[Key, Key]]


class InductionWorld:
    """A transformer of three blocks, and the dictionary of its directions."""

    def __init__(self, seed: int, noise: float = 0.1, leak: float = 0.003):
        self.rng = np.random.default_rng(seed)
        turned, _ = np.linalg.qr(self.rng.normal(size=(D_MODEL, D_MODEL)))
        self.basis = torch.from_numpy(turned).float()
        self.mixed = torch.from_numpy(self.rng.normal(size=(3, N_DISTRACTORS, N_DISTRACTORS)))
        self.noise = noise
        self.leak = leak * torch.from_numpy(self.rng.normal(size=(N_DISTRACTORS, N_LETTERS)))
        # In every text, a comes before b and at the end, and both nowhere else.
        self.a, self.b = self.rng.choice(N_LETTERS, 2, replace=False).tolist()

    def text(self, length: int = 11) -> Text:
        """... a b ... a, with the other letters at random."""
        others = [v for v in range(N_LETTERS) if v not in (self.a, self.b)]
        letters = self.rng.choice(others, length)
        at = int(self.rng.integers(0, length - 3))
        letters[[at, at + 1, length - 1]] = self.a, self.b, self.a
        gate = self.rng.integers(0, 2, length)
        gate[-1] = 1
        first, second, last = at + 1, at + 2, length  # as tokens, after <cls>
        key, value = (0, first, A.start + self.a), (0, second, A.start + self.b)
        query, gate_key = (0, last, A.start + self.a), (0, last, GATE)
        # The second letter remembers the first; the others are passed on.
        remembered = (1, second, P.start + self.a)
        passed = {one: (1, *one[1:]) for one in (value, query, gate_key)}
        found, gated, out = (
            (2, last, N.start + self.b),
            (2, last, GATE),
            (3, last, O.start + self.b),
        )
        edges = {(key, remembered), *passed.items(), (passed[gate_key], gated)}
        edges |= {(one, found) for one in (remembered, passed[value], passed[query])}
        edges |= {(found, out), (gated, out)}
        return Text(letters, gate, self.b, {node for edge in edges for node in edge}, edges)

    def dictionary(self) -> Dictionary:
        """The directions, which read what they write."""
        decoder_FD = self.basis[:N_FEATURES]
        return Dictionary(
            lambda x_ND: (x_ND @ decoder_FD.T - 1e-4).relu(), decoder_FD, torch.zeros(D_MODEL)
        )

    def open(self, text: Text) -> LayeredPass:
        """The pass over a text; equal for equal states of the world's random numbers."""
        n = len(text.letters) + 1
        z_NF = torch.zeros(n, D_MODEL)
        z_NF[torch.arange(1, n), torch.from_numpy(text.letters)] = 1.0
        z_NF[1:, GATE] = torch.from_numpy(text.gate).float()
        strong = self.rng.exponential(3.0, size=(n - 1, N_DISTRACTORS))
        strong *= self.rng.random(strong.shape) < 0.5
        z_NF[1:, D] = torch.from_numpy(strong).float()
        z_NF[:, N_FEATURES:] = self.noise * torch.from_numpy(self.rng.normal(size=(n, N_NOISE)))
        is_residue = torch.arange(n) > 0

        def block(number: int, x_END: Tensor) -> Tensor:
            z = x_END @ self.basis.T
            added = torch.zeros_like(z)
            if number == 0:
                added[..., 1:, P] = z[..., :-1, A]
                added[..., 1:, D] = (z[..., :-1, D] @ self.mixed[0].float()).relu()
            elif number == 1:
                added[..., N] = _induction(z, n)
                added[..., D] = (z[..., D] @ self.mixed[1].float()).tanh()
            else:
                added[..., O] = (z[..., N] + z[..., GATE, None] - 1).relu()
                added[..., O] += z[..., D] @ self.leak.float()
                added[..., D] = (z[..., D] @ self.mixed[2].float()).relu()
            return x_END + added @ self.basis

        def output(x_END: Tensor) -> Tensor:
            said = (x_END @ self.basis.T)[:, -1, O]
            return (GAIN * said).log_softmax(-1)[:, text.predicted]

        steps = tuple(lambda x_END, i=i: block(i, x_END) for i in range(3))
        return LayeredPass(z_NF @ self.basis, is_residue, steps, output)


def _induction(z: Tensor, n: int) -> Tensor:
    """What follows the last P of each token's letter, by attention to earlier tokens and itself."""
    scores = SHARPNESS * z[..., A] @ z[..., P].transpose(-1, -2)
    scores = scores + F.one_hot(torch.tensor(0), n).float() * SINK
    later = torch.ones(n, n, dtype=torch.bool).triu(1)
    return scores.masked_fill(later, -torch.inf).softmax(-1) @ z[..., A]
