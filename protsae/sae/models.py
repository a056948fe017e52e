"""Sparse autoencoders: f = act((x - b_dec) W_enc + b_enc), x_hat = f W_dec + b_dec.

Every architecture is a final class over ``Sae`` that says how pre-activations become features, what
its sparsity penalty is and which constraint its weights obey. Nothing else differs.
"""

from abc import ABC, abstractmethod
from typing import ClassVar, Self

import torch
from torch import Tensor, nn

from protsae.config import TrainSettings


class Sae(nn.Module, ABC):
    """What all sparse autoencoders share.

    Parameters are named and laid out as SAELens does: W_enc, shape (d_model, n_features); b_enc
    (n_features,); W_dec (n_features, d_model); b_dec (d_model,); float32. Row i of W_dec is the
    direction that feature i writes.
    """

    architecture: ClassVar[str]

    def __init__(self, d_model: int, n_features: int):
        super().__init__()
        self.W_enc = nn.Parameter(torch.zeros(d_model, n_features))
        self.b_enc = nn.Parameter(torch.zeros(n_features))
        self.W_dec = nn.Parameter(torch.zeros(n_features, d_model))
        self.b_dec = nn.Parameter(torch.zeros(d_model))

    @property
    def d_model(self) -> int:
        """Size of an activation vector."""
        return self.W_dec.shape[1]

    @property
    def n_features(self) -> int:
        """Size of the dictionary."""
        return self.W_dec.shape[0]

    @torch.no_grad()
    def init_weights(self, seed: int, decoder_norm: float) -> Self:
        """Random decoder directions of norm ``decoder_norm``; the encoder is the transpose."""
        generator = torch.Generator().manual_seed(seed)
        directions = torch.randn(self.W_dec.shape, generator=generator)
        self.W_dec.copy_(decoder_norm * directions / directions.norm(dim=1, keepdim=True))
        self.W_enc.copy_(self.W_dec.T)
        return self

    def encode(self, x_ND: Tensor) -> Tensor:
        """Features of activations: float32, shape (n_residues, n_features), none negative."""
        return self.activate((x_ND - self.b_dec) @ self.W_enc + self.b_enc)

    def decode(self, f_NF: Tensor) -> Tensor:
        """Activations rebuilt from features, shape (n_residues, d_model)."""
        return f_NF @ self.W_dec + self.b_dec

    def forward(self, x_ND: Tensor) -> Tensor:
        """decode(encode(x))."""
        return self.decode(self.encode(x_ND))

    @abstractmethod
    def activate(self, pre_NF: Tensor) -> Tensor:
        """Features from pre-activations, same shape."""

    @abstractmethod
    def penalty(self, f_NF: Tensor) -> Tensor:
        """Sparsity penalty of each residue, shape (n_residues,), before its weight."""

    @abstractmethod
    def constrain_(self) -> None:
        """Bring the weights back into the set that the architecture allows, after a step."""


class ReluSae(Sae):
    """ReLU features; the penalty sum_i f_i |W_dec,i| counts how far each feature moves x_hat.

    Weights are free: scaling a decoder row up and its feature down changes nothing.

    References
    ----------
    Conerly et al. 2024, "Update on how we train SAEs", Transformer Circuits, April 2024.
    """

    architecture: ClassVar[str] = "relu"

    def activate(self, pre_NF: Tensor) -> Tensor:
        """max(pre, 0)."""
        return pre_NF.relu()

    def penalty(self, f_NF: Tensor) -> Tensor:
        """sum_i f_i |W_dec,i|."""
        return f_NF @ self.W_dec.norm(dim=1)

    def constrain_(self) -> None:
        """Weights are free."""


class TopkSae(Sae):
    """The k largest positive pre-activations, with unit-norm decoder rows and no penalty.

    References
    ----------
    Gao et al. 2024, arXiv:2406.04093.
    """

    architecture: ClassVar[str] = "topk"

    def __init__(self, d_model: int, n_features: int, k: int):
        super().__init__(d_model, n_features)
        self.k = k

    def activate(self, pre_NF: Tensor) -> Tensor:
        """Keep the k largest of max(pre, 0) in each row."""
        values_NK, indices_NK = pre_NF.relu().topk(self.k, dim=-1)
        return torch.zeros_like(pre_NF).scatter(-1, indices_NK, values_NK)

    def penalty(self, f_NF: Tensor) -> Tensor:
        """0: sparsity is set by k."""
        return f_NF.new_zeros(f_NF.shape[0])

    @torch.no_grad()
    def constrain_(self) -> None:
        """Rescale decoder rows to norm 1."""
        self.W_dec.div_(self.W_dec.norm(dim=1, keepdim=True))


def build_sae(settings: TrainSettings, d_model: int) -> Sae:
    """An SAE with initial weights for activations of size ``d_model``.

    Raises
    ------
    ValueError
        If there would be no features, or fewer than k.
    """
    n_features = settings.width or round(settings.expansion * d_model)
    if n_features < 1:
        raise ValueError(
            f"expansion = {settings.expansion:g} gives no features at d_model = {d_model}; raise it"
        )
    if settings.architecture == "relu":
        return ReluSae(d_model, n_features).init_weights(settings.seed, decoder_norm=0.1)
    if settings.k > n_features:
        raise ValueError(
            f"k = {settings.k} exceeds the {n_features} features; lower k or raise width"
        )
    return TopkSae(d_model, n_features, settings.k).init_weights(settings.seed, decoder_norm=1.0)
