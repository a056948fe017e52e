"""Masked-language-model training of a small ESM-2 (Lin et al. 2023, Science 379:1123)."""

import functools
import itertools
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import esm
import numpy as np
import torch
import torch.nn.functional as F
from esm.model.esm2 import ESM2
from torch import Tensor

from protsae.config.stage_settings import PretrainSettings
from protsae.device import find_device
from protsae.plm.esm2.batch import Rows
from protsae.plm.esm2.forward import FusedEsm2
from protsae.plm.esm2.tokens import CLS, EOS, MASK, PAD, STANDARD_TOKENS, batches
from protsae.plm.masking import choose_masked, corrupt, mask_batch

MASKED_SHARE = 0.15
"""Share of the residues to predict."""

OFFSETS = (1, -1, 2, -2, 3, -3, 4, -4)
LOCALITY = 3.0
FREQUENCIES = 4
"""Where untrained heads look and how sharply: about 0.7 of the attention at the offset itself."""

NO_TARGET = -1
"""Stands for the true token where none is to be predicted."""

PRIOR = 100.0
"""Weight of the plain frequencies in the neighbour baseline, in residues."""


def new_esm2(layers: int, width: int, heads: int, seed: int) -> ESM2:
    """An untrained ESM-2 with small embeddings and heads that begin by looking at neighbours.

    Embeddings start at standard deviation 1/sqrt(width): fair-esm leaves torch's unit variance in
    place, which makes the tied output layer start at logits far too large. Heads are made local as
    in ``local_offsets``: from random attention a small model needs tens of millions of residues to
    find out that neighbours matter.
    """
    torch.manual_seed(seed)
    model = ESM2(layers, width, heads, esm.data.Alphabet.from_architecture("ESM-1b"))
    with torch.no_grad():
        model.embed_tokens.weight.mul_(width**-0.5)
        for block, offsets in zip(model.layers, local_offsets(layers, heads), strict=True):
            _look_at(block.self_attn, offsets)
    return model


def local_offsets(layers: int, heads: int) -> list[list[int | None]]:
    """The offset at which each head of each block begins to look, None where it has none.

    The first third of the blocks has local heads only, the others every second one; offsets run
    through +1, -1, +2, -2, +3, -3, +4, -4, so that two blocks see a turn of a helix both ways.

    Examples
    --------
    >>> local_offsets(layers=3, heads=4)
    [[1, -1, 2, -2], [2, None, -2, None], [3, None, -3, None]]
    """
    found: list[list[int | None]] = []
    for block in range(layers):
        step = 1 if 3 * block < layers else 2
        turn = block * heads // step
        found.append(
            [
                None if head % step else OFFSETS[(turn + head // step) % len(OFFSETS)]
                for head in range(heads)
            ]
        )
    return found


def _look_at(attention: Any, offsets: Sequence[int | None]) -> None:
    """Set biases of q and k so that a head's score is LOCALITY sum_f cos((j - i - offset) w_f).

    The sum is over the ``FREQUENCIES`` fastest rotary frequencies w_f: with q = a (1, 0) and
    k = a (cos(offset w), -sin(offset w)) in the plane of a frequency, the rotary score of query i
    and key j is a^2 cos((j - i - offset) w), and a^2 = LOCALITY sqrt(d_head) undoes the scaling.
    """
    width = attention.head_dim
    frequency = attention.rot_emb.inv_freq[:FREQUENCIES]
    size = (LOCALITY * width**0.5) ** 0.5
    q_HK, k_HK = (
        projection.bias.view(len(offsets), width)
        for projection in (attention.q_proj, attention.k_proj)
    )
    n = len(frequency)
    for head, offset in enumerate(offsets):
        if offset is not None:
            for projection in (attention.q_proj, attention.k_proj):
                projection.weight[head * width : (head + 1) * width] *= 0.25
            q_HK[head, :n] = size
            k_HK[head, :n] = size * torch.cos(offset * frequency)
            k_HK[head, width // 2 : width // 2 + n] = -size * torch.sin(offset * frequency)


def learning_rate(step: int, settings: PretrainSettings) -> float:
    """Linear warm-up to ``lr``, constant, and a linear decay to 0 one step after the last.

    The decay takes the last ``decay_steps`` steps, or all that the warm-up leaves. A run without
    its decay can be continued to any length (Hu et al. 2024, arXiv:2404.06395).
    """
    warm = min(1.0, (step + 1) / settings.warmup_steps)
    left = min(1.0, (settings.steps - step) / max(1, settings.steps - decay_start(settings)))
    return settings.lr * warm * left


def decay_start(settings: PretrainSettings) -> int:
    """The step from which the learning rate falls.

    Examples
    --------
    >>> decay_start(PretrainSettings(steps=1000, warmup_steps=300, decay_steps=200))
    800
    >>> decay_start(PretrainSettings(steps=1000, warmup_steps=300, decay_steps=900))
    300
    """
    return max(settings.warmup_steps, settings.steps - settings.decay_steps)


def epoch_rows(
    sequences: Sequence[np.ndarray], row_tokens: int, seed: int, epoch: int
) -> np.ndarray:
    """One epoch of training data: every residue once, in rows without padding.

    The sequences, each as <cls> residues <eos>, are put one after another in random order, the
    stream is cut every ``row_tokens`` tokens, and the rows are shuffled. Only the last piece of the
    stream is padded.

    Parameters
    ----------
    sequences : sequence of ndarray
        Token numbers of the residues.

    Returns
    -------
    ndarray, dtype=uint8, shape=(n_rows, row_tokens)
    """
    rng = np.random.default_rng((seed, epoch))
    cls, eos = np.array([CLS], np.uint8), np.array([EOS], np.uint8)
    parts = [part for i in rng.permutation(len(sequences)) for part in (cls, sequences[i], eos)]
    stream = np.concatenate(parts, dtype=np.uint8, casting="unsafe")
    n_rows = -(-len(stream) // row_tokens)
    rows = np.full(n_rows * row_tokens, PAD, dtype=np.uint8)
    rows[: len(stream)] = stream
    return rows.reshape(n_rows, row_tokens)[rng.permutation(n_rows)]


def batch_stream(
    sequences: Sequence[np.ndarray], settings: PretrainSettings, skip: int = 0
) -> Iterator[np.ndarray]:
    """Endless epochs as batches of equal shape, uint8 (n_rows, row_tokens); some span two epochs.

    ``skip`` passes over the batches that an interrupted run has used.
    """
    n_rows = settings.tokens_per_batch // settings.row_tokens
    to_skip = skip * n_rows
    left = np.empty((0, settings.row_tokens), dtype=np.uint8)
    for epoch in itertools.count():
        rows = epoch_rows(sequences, settings.row_tokens, settings.seed, epoch)
        left = np.concatenate((left, rows[to_skip:]))
        to_skip = max(0, to_skip - len(rows))
        while len(left) >= n_rows:
            yield left[:n_rows]
            left = left[n_rows:]


def make_batch(rows: np.ndarray, rng: np.random.Generator) -> tuple[Rows, Tensor]:
    """Choose 15 % of the standard residues to predict, corrupt them, and number the sequences.

    Returns
    -------
    (Rows, tensor)
        Corrupted tokens, and targets, int64, shape (n_rows, row_tokens): the true token where one
        is to be predicted, ``NO_TARGET`` elsewhere.

    Examples
    --------
    >>> rows = np.array([[5, 6, 2, 0, 7, 8], [0, 9, 2, 1, 1, 1]])  # 0 <cls>, 1 <pad>, 2 <eos>
    >>> make_batch(rows, np.random.default_rng(0))[0].segments_BT.tolist()
    [[1, 1, 1, 2, 2, 2], [3, 3, 3, 4, 5, 6]]
    """
    rows = rows.astype(np.int64)
    chosen = (rng.random(rows.shape) < MASKED_SHARE) & np.isin(rows, STANDARD_TOKENS)
    noisy = corrupt(rows.ravel(), np.flatnonzero(chosen), rng).reshape(rows.shape)
    begins = np.isin(rows, (CLS, PAD))
    begins[:, 0] = True
    segments = begins.cumsum().reshape(rows.shape)
    targets = np.where(chosen, rows, NO_TARGET)
    return Rows(torch.from_numpy(noisy), torch.from_numpy(segments)), torch.from_numpy(targets)


@dataclass
class Pretraining:
    """A model with its optimiser and the number of steps taken."""

    model: ESM2
    optimiser: torch.optim.AdamW
    step: int = 0


def start(settings: PretrainSettings) -> Pretraining:
    """A new model on its device, and AdamW with ESM-2's betas, 0.9 and 0.98."""
    model = new_esm2(settings.layers, settings.width, settings.heads, settings.seed)
    model.to(find_device(settings.device))
    optimiser = torch.optim.AdamW(
        model.parameters(),
        lr=settings.lr,
        betas=(0.9, 0.98),
        weight_decay=settings.weight_decay,
        fused=True,
    )
    return Pretraining(model, optimiser)


def train_step(
    state: Pretraining,
    rows: np.ndarray,
    settings: PretrainSettings,
) -> Tensor:
    """One optimiser step on rows of tokens, (n_rows, row_tokens); returns the loss in nats.

    The loss is the mean cross-entropy of the residues to predict, a scalar on the model's device:
    whoever reads it waits for the step. The randomness depends on the seed and the step alone, so a
    resumed run goes on as the uninterrupted one would.
    """
    rng = np.random.default_rng((settings.seed, 1, state.step))
    batch, targets_BT = make_batch(rows, rng)
    for group in state.optimiser.param_groups:
        group["lr"] = learning_rate(state.step, settings)
    device = state.model.embed_tokens.weight.device
    loss = _loss_on(device.type)(
        state.model,
        batch.tokens_BT.to(device, non_blocking=True),
        batch.segments_BT.to(device, non_blocking=True),
        targets_BT.to(device, non_blocking=True),
        torch.bfloat16 if settings.bf16 else torch.float32,
    )
    state.optimiser.zero_grad(set_to_none=True)
    loss.backward()
    torch.nn.utils.clip_grad_norm_(state.model.parameters(), 1.0)
    state.optimiser.step()
    state.step += 1
    return loss.detach()


def _masked_loss(
    model: ESM2, tokens_BT: Tensor, segments_BT: Tensor, targets_BT: Tensor, dtype: torch.dtype
) -> Tensor:
    esm2 = FusedEsm2(model, dtype)
    # Logits of every token, though 15 % have a target: one shape for all batches, and little work.
    logits_NV = esm2.logits(esm2(Rows(tokens_BT, segments_BT)).final_ND)
    return F.cross_entropy(logits_NV, targets_BT.flatten(), ignore_index=NO_TARGET)


@functools.cache
def _loss_on(device_type: str) -> Callable[..., Tensor]:
    """The loss, on a GPU with its passes over the activations fused (it is bound by memory)."""
    return torch.compile(_masked_loss) if device_type == "cuda" else _masked_loss


@torch.no_grad()
def validation_loss(
    model: ESM2, sequences: Sequence[np.ndarray], settings: PretrainSettings
) -> float:
    """Mean cross-entropy in nats of 15 % masked residues (all <mask>), the same ones every time."""
    rng = np.random.default_rng((settings.seed, 2))
    originals = [tokens[: settings.row_tokens].astype(np.int64) for tokens in sequences]
    positions = [choose_masked(tokens, MASKED_SHARE, rng) for tokens in originals]
    esm2 = FusedEsm2(model)
    losses = []
    for batch in batches([len(tokens) for tokens in originals], settings.tokens_per_batch):
        masked = mask_batch([originals[i] for i in batch], [positions[i] for i in batch])
        masked = masked.to(esm2.device)
        logits = esm2.logits(esm2(masked.batch).final_ND[masked.rows])
        losses.append(F.cross_entropy(logits, masked.targets, reduction="none"))
    return float(torch.cat(losses).mean())


def unigram_loss(train: Sequence[np.ndarray], valid: Sequence[np.ndarray]) -> float:
    """Cross-entropy in nats of predicting each residue from training frequencies alone.

    -sum_a q(a) log p(a) over the 20 standard residues, p from ``train``, q from ``valid``.
    """

    def frequencies(sequences: Sequence[np.ndarray]) -> np.ndarray:
        counts = np.bincount(np.concatenate(sequences), minlength=MASK + 1)[STANDARD_TOKENS]
        return (counts + 1) / (counts + 1).sum()

    return -float(frequencies(valid) @ np.log(frequencies(train)))


def neighbour_loss(train: Sequence[np.ndarray], valid: Sequence[np.ndarray]) -> float:
    """Cross-entropy in nats of predicting each residue from the residues on both sides of it.

    Mean of -log p(a | left, right) over the standard residues of ``valid``, with
    p(a | l, r) = (n(l, a, r) + alpha p(a)) / (n(l, r) + alpha), n counted in ``train``, p(a) the
    training frequencies and alpha = ``PRIOR``: a 3-gram centred on what it predicts.
    """
    counts = _neighbour_counts(train)
    share = counts.sum((0, 2)) + 1
    share = share / share.sum()
    smoothed = counts + PRIOR * share[:, None]
    log_p = np.log(smoothed / smoothed.sum(1, keepdims=True))
    observed = _neighbour_counts(valid)
    return -float((observed * log_p).sum() / observed.sum())


def _neighbour_counts(sequences: Sequence[np.ndarray]) -> np.ndarray:
    """Occurrences by (left, standard residue, right), shape (22, 20, 22): 20 = other, 21 = end."""
    n_standard = len(STANDARD_TOKENS)
    kind = np.full(MASK + 1, n_standard)
    kind[STANDARD_TOKENS] = np.arange(n_standard)
    counts = np.zeros(((n_standard + 2), n_standard, (n_standard + 2)))
    for tokens in sequences:
        residues = np.concatenate(([n_standard + 1], kind[tokens], [n_standard + 1]))
        middle = residues[1:-1] < n_standard
        np.add.at(counts, (residues[:-2][middle], residues[1:-1][middle], residues[2:][middle]), 1)
    return counts


def perplexity(loss: float) -> float:
    """exp(cross-entropy): the number of equally likely residues the model chooses among."""
    return math.exp(loss)
