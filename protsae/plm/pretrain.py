"""Masked-language-model training of a small ESM-2 (Lin et al. 2023, Science 379:1123)."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import esm
import numpy as np
import torch
from esm.model.esm2 import ESM2

from protsae.config import PretrainSettings
from protsae.plm.forward import forward
from protsae.plm.masking import choose_masked, corrupt, cross_entropy, target_tensor
from protsae.plm.tokens import MASK, STANDARD_TOKENS, batches, pad

POOL = 4096
"""Sequences sorted by length together: little padding, and batches that still mix the data."""


def new_esm2(layers: int, width: int, heads: int, seed: int) -> ESM2:
    """An untrained ESM-2; embeddings start at standard deviation 1/sqrt(width).

    fair-esm leaves torch's unit-variance embeddings in place, which makes the tied output layer
    start at logits far too large.
    """
    torch.manual_seed(seed)
    model = ESM2(layers, width, heads, esm.data.Alphabet.from_architecture("ESM-1b"))
    with torch.no_grad():
        model.embed_tokens.weight.mul_(width**-0.5)
    return model


def learning_rate(step: int, settings: PretrainSettings) -> float:
    """Linear warm-up to ``lr``, then linear decay to a tenth of it at the last step."""
    warm = min(1.0, (step + 1) / settings.warmup_steps)
    left = (settings.steps - step) / max(1, settings.steps - settings.warmup_steps)
    return settings.lr * warm * (0.1 + 0.9 * min(1.0, left))


def epoch_batches(lengths: np.ndarray, tokens: int, seed: int, epoch: int) -> list[list[int]]:
    """Batches of sequence indices for one epoch: every sequence once, similar lengths together."""
    rng = np.random.default_rng((seed, epoch))
    order = rng.permutation(len(lengths))
    found = [
        [int(pool[i]) for i in batch]
        for pool in np.array_split(order, max(1, len(order) // POOL))
        for batch in batches(lengths[pool].tolist(), tokens)
    ]
    return [found[i] for i in rng.permutation(len(found))]


def batch_stream(
    lengths: np.ndarray, settings: PretrainSettings, skip: int = 0
) -> Iterator[list[int]]:
    """Endless epochs of batches; ``skip`` steps over those an interrupted run has used."""
    epoch = 0
    while True:
        found = epoch_batches(lengths, settings.tokens_per_batch, settings.seed, epoch)
        yield from found[skip:]
        skip = max(0, skip - len(found))
        epoch += 1


@dataclass
class Pretraining:
    """A model with its optimiser and the number of steps taken."""

    model: ESM2
    optimiser: torch.optim.AdamW
    step: int = 0


def start(settings: PretrainSettings) -> Pretraining:
    """A new model and AdamW (betas 0.9, 0.98; weight decay 0.01, as ESM-2)."""
    model = new_esm2(settings.layers, settings.width, settings.heads, settings.seed)
    optimiser = torch.optim.AdamW(
        model.parameters(), lr=settings.lr, betas=(0.9, 0.98), weight_decay=0.01, fused=True
    )
    return Pretraining(model, optimiser)


def train_step(
    state: Pretraining, sequences: Sequence[np.ndarray], settings: PretrainSettings
) -> float:
    """One optimiser step on token arrays; returns the masked cross-entropy in nats.

    A sequence longer than ``crop`` is cut at a random place. The randomness depends on the seed
    and the step alone, so a resumed run goes on as the uninterrupted one would.
    """
    rng = np.random.default_rng((settings.seed, 1, state.step))
    torch.manual_seed(int(rng.integers(2**31)))
    originals = [_crop(tokens, settings.crop, rng) for tokens in sequences]
    positions = [choose_masked(len(tokens), 0.15, rng) for tokens in originals]
    noisy = [corrupt(t, at, rng) for t, at in zip(originals, positions, strict=True)]
    tokens_BT = pad(noisy)
    for group in state.optimiser.param_groups:
        group["lr"] = learning_rate(state.step, settings)
    with torch.autocast("cpu", torch.bfloat16, enabled=settings.bf16):
        logits = forward(state.model, tokens_BT, logits=True).logits
    assert logits is not None
    loss = cross_entropy(logits, target_tensor(tokens_BT, positions, originals)).mean()
    state.optimiser.zero_grad(set_to_none=True)
    loss.backward()
    torch.nn.utils.clip_grad_norm_(state.model.parameters(), 1.0)
    state.optimiser.step()
    state.step += 1
    return float(loss.detach())


@torch.no_grad()
def validation_loss(
    model: ESM2, sequences: Sequence[np.ndarray], settings: PretrainSettings
) -> float:
    """Mean cross-entropy in nats of 15 % masked residues (all <mask>), the same ones every time."""
    rng = np.random.default_rng((settings.seed, 2))
    originals = [tokens[: settings.crop] for tokens in sequences]
    positions = [choose_masked(len(tokens), 0.15, rng) for tokens in originals]
    losses = []
    for batch in batches([len(tokens) for tokens in originals], settings.tokens_per_batch):
        masked = [originals[i].copy() for i in batch]
        for tokens, i in zip(masked, batch, strict=True):
            tokens[positions[i]] = MASK
        tokens_BT = pad(masked)
        logits = forward(model, tokens_BT, logits=True).logits
        assert logits is not None
        at, true = [positions[i] for i in batch], [originals[i] for i in batch]
        losses.append(cross_entropy(logits, target_tensor(tokens_BT, at, true)))
    return float(torch.cat(losses).mean())


def unigram_loss(train: Sequence[np.ndarray], valid: Sequence[np.ndarray]) -> float:
    """Cross-entropy in nats of predicting each residue from training frequencies alone.

    -sum_a q(a) log p(a) over the 20 standard residues, p from ``train``, q from ``valid``.
    """

    def frequencies(sequences: Sequence[np.ndarray]) -> np.ndarray:
        counts = np.bincount(np.concatenate(sequences), minlength=MASK + 1)[STANDARD_TOKENS]
        return (counts + 1) / (counts + 1).sum()

    return -float(frequencies(valid) @ np.log(frequencies(train)))


def perplexity(loss: float) -> float:
    """exp(cross-entropy): the number of equally likely residues the model chooses among."""
    return math.exp(loss)


def _crop(tokens: np.ndarray, crop: int, rng: np.random.Generator) -> np.ndarray:
    if len(tokens) <= crop:
        return tokens
    start_at = int(rng.integers(len(tokens) - crop + 1))
    return tokens[start_at : start_at + crop]
