"""What a change of a layer's activations does to ESM-2's predictions, with gradients.

For training SAEs end to end: whole proteins in random order, some residues masked as in ESM-2's own
training, each batch with the divergence that a reconstruction of it causes downstream.

References
----------
Braun et al. 2024, arXiv:2405.12241.
"""

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from protsae.plm.esm2.batch import Packed
from protsae.plm.esm2.forward import FusedEsm2
from protsae.plm.esm2.tokens import Window, tokenise, windows
from protsae.plm.masking import choose_masked, mask_batch

MASKED_SHARE = 0.15
"""Share of residues that are masked."""


@dataclass(frozen=True)
class Downstream:
    """A batch of proteins at one layer of a model.

    Attributes
    ----------
    x_ND : Tensor
        Activations of the residues, float32, shape (n_residues, d_model).
    """

    x_ND: Tensor
    _esm2: FusedEsm2
    _layer: int
    _batch: Packed
    _activations_TD: Tensor
    _clean_logp_NA: Tensor

    @classmethod
    @torch.no_grad()
    def of(cls, esm2: FusedEsm2, layer: int, batch: Packed) -> "Downstream":
        """Run the model as it is on a batch that lies on its device."""
        found = esm2(batch, layers=(layer,))
        activations_TD, residues = found.representations[layer], batch.residues_N
        clean_logp_NA = esm2.logits(found.final_ND[residues]).log_softmax(1)
        return cls(activations_TD[residues], esm2, layer, batch, activations_TD, clean_logp_NA)

    def divergence(self, rebuilt_ND: Tensor) -> Tensor:
        """Mean over residues of KL(p || p'), in nats: p the model's prediction, p' with the edit.

        All residues count, masked or not; <cls> and <eos> keep their activations.

        Parameters
        ----------
        rebuilt_ND : Tensor
            In place of ``x_ND``; gradients flow back to it.
        """
        residues = self._batch.residues_N

        def edit(x_TD: Tensor) -> Tensor:
            return x_TD.index_put((residues,), rebuilt_ND)

        start = (self._layer, self._activations_TD)
        final_TD = self._esm2(self._batch, edits={self._layer: edit}, start=start).final_ND
        logp_NA = self._esm2.logits(final_TD[residues]).log_softmax(1)
        divergence = F.kl_div(logp_NA, self._clean_logp_NA, reduction="sum", log_target=True)
        return divergence / len(rebuilt_ND)


def downstream_batches(
    esm2: FusedEsm2,
    layer: int,
    sequences: Sequence[str],
    n_residues: int,
    context: int,
    overlap: int,
    seed: int,
    skip: int,
) -> Iterator[Downstream]:
    """Endless epochs of proteins in random order, at least ``n_residues`` residues a batch.

    Longer proteins than ``context`` come in windows. The order and the masks depend on the seed
    alone.

    Parameters
    ----------
    skip : int
        Batches to pass over without running them, to go on where an earlier run stopped.
    """
    pieces = _pieces([len(sequence) for sequence in sequences], context, overlap)
    for number, chosen in enumerate(_groups(pieces, n_residues, seed)):
        if number < skip:
            continue
        rng = np.random.default_rng((seed, number))
        tokens = [tokenise(sequences[w.protein][w.start : w.stop]) for w in chosen]
        masked = [choose_masked(found, MASKED_SHARE, rng) for found in tokens]
        batch = mask_batch(tokens, masked).batch
        yield Downstream.of(esm2, layer, batch.to(esm2.device))


def downstream_residues_drawn(
    lengths: Sequence[int],
    is_counted: Sequence[bool] | np.ndarray,
    n_residues: int,
    context: int,
    overlap: int,
    seed: int,
    n_batches: int,
) -> int:
    """How many residues of some proteins are in the first batches of `downstream_batches`.

    Parameters
    ----------
    lengths : sequence of int
        Of the proteins.
    is_counted : sequence of bool or ndarray
        Which of them to count.
    """
    groups = _groups(_pieces(lengths, context, overlap), n_residues, seed)
    return sum(
        window.length
        for chosen in itertools.islice(groups, n_batches)
        for window in chosen
        if is_counted[window.protein]
    )


def downstream_bytes(esm2: FusedEsm2, layer: int, n_residues: int) -> int:
    """Memory that a pass with gradients keeps between the layer and the predictions, about.

    A block keeps some 20 d_model numbers in float32 for each token: norms, q, k and v before and
    after rotation, the mixed values, the wide layer twice.
    """
    return 4 * 20 * esm2.d_model * (esm2.n_layers - layer) * n_residues


def _pieces(lengths: Sequence[int], context: int, overlap: int) -> list[Window]:
    return [
        window
        for index, length in enumerate(lengths)
        for window in windows(index, length, context, overlap)
    ]


def _groups(pieces: Sequence[Window], n_residues: int, seed: int) -> Iterator[list[Window]]:
    """Windows in random order, epoch after epoch, cut where a group has ``n_residues``."""
    group: list[Window] = []
    for epoch in itertools.count():
        for index in np.random.default_rng((seed, epoch)).permutation(len(pieces)):
            group.append(pieces[index])
            if sum(window.length for window in group) >= n_residues:
                yield group
                group = []
