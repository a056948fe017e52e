"""A model that has learned nothing, of the same shape and with the same numbers."""

import torch
from esm.model.esm2 import ESM2


@torch.no_grad()
def randomise_(model: ESM2, seed: int) -> ESM2:
    """Put the entries of each weight tensor in random order, in place.

    Every tensor keeps its distribution (norms, outliers, the scales of layer norms), so activations
    keep about their size; what training has put where is gone. The output layer stays tied to the
    embedding.

    References
    ----------
    Heap et al. 2025, arXiv:2501.17727: SAEs on randomised transformers.
    """
    generator = torch.Generator().manual_seed(seed)
    for weights in model.parameters():
        order = torch.randperm(weights.numel(), generator=generator).to(weights.device)
        weights.copy_(weights.flatten()[order].view_as(weights))
    return model
