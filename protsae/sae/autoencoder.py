"""What all sparse autoencoders share: f = act((x - b_dec) W_enc + b_enc), x_hat = f W_dec + b_dec.

An architecture (``protsae.sae.architectures``) is a final class over ``Sae`` that says how features
come from pre-activations, what its training minimises and which constraint its weights obey.
"""

import copy
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar, Self

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from protsae.config.sae_settings import TrainSettings


@dataclass(frozen=True)
class Batch:
    """Normalised activations, once for all SAEs that train on them.

    Attributes
    ----------
    x_ND : Tensor
        float32, shape (n_residues, d_model).
    x1_NE : Tensor
        x with a column of ones, so that one product adds the bias and its gradient sums over
        residues; in the type of the matrix products, shape (n_residues, d_model +
        ``columns_beside(d_model)``).
    divergence : function or None
        What x_hat in place of x does to the model's predictions, a scalar with gradients; for
        training end to end.
    """

    x_ND: Tensor
    x1_NE: Tensor
    divergence: Callable[[Tensor], Tensor] | None = None

    @classmethod
    def of(
        cls,
        x_ND: Tensor,
        dtype: torch.dtype = torch.float32,
        divergence: Callable[[Tensor], Tensor] | None = None,
    ) -> Self:
        """A batch whose matrix products are in ``dtype``."""
        zeros = columns_beside(x_ND.shape[1]) - 1
        x1_NE = torch.cat([x_ND, F.pad(x_ND.new_ones(len(x_ND), 1), (0, zeros))], 1)
        return cls(x_ND, x1_NE.to(dtype), divergence)


def columns_beside(d_model: int) -> int:
    """Columns that x1 has beside x: the ones, and zeros up to a multiple of 8.

    Tensor cores read rows in steps of 16 bytes; rows that begin anywhere are left to slow kernels.
    On the CPU, too, a product of 320 + 1 columns takes up to 1.6 times as long as one of 320 + 8.
    """
    return 8 - d_model % 8


@dataclass(frozen=True)
class Losses:
    """What an architecture makes of a batch. Sums over a residue, means over residues.

    Attributes
    ----------
    reconstruction : Tensor
        What the error of x_hat costs, a scalar with gradients.
    sparsity : Tensor
        What features cost, weighted, a scalar with gradients; 0 where k sets their number.
    error_ND : Tensor
        x_hat - x, with gradients.
    penalty : Tensor
        Sparsity penalty before its weight, a detached scalar; 0 where there is none.
    codes : Tensor
        Features, detached: all, shape (n_residues, n_features), or the active ones alone.
    fired_F : Tensor
        bool, shape (n_features,): active on at least one residue.
    """

    reconstruction: Tensor
    sparsity: Tensor
    error_ND: Tensor
    penalty: Tensor
    codes: Tensor
    fired_F: Tensor

    @classmethod
    def of(
        cls,
        error_ND: Tensor,
        codes: Tensor,
        fired_F: Tensor,
        penalty: Tensor | None = None,
        sparsity: Tensor | None = None,
    ) -> Self:
        """|x - x_hat|^2, and what features cost; nothing if that is not given."""
        nothing = error_ND.new_zeros(())
        return cls(
            reconstruction=error_ND.square().sum() / len(error_ND),
            sparsity=nothing if sparsity is None else sparsity,
            error_ND=error_ND,
            penalty=nothing if penalty is None else penalty.detach(),
            codes=codes.detach(),
            fired_F=fired_F,
        )

    @property
    def total(self) -> Tensor:
        """What training on activations alone minimises."""
        return self.reconstruction + self.sparsity

    @property
    def mse(self) -> Tensor:
        """Mean over residues of |x - x_hat|^2, detached."""
        return self.error_ND.detach().square().sum() / len(self.error_ND)

    @property
    def l0(self) -> Tensor:
        """Mean number of active features per residue."""
        return torch.count_nonzero(self.codes) / len(self.error_ND)


class Sae(nn.Module, ABC):
    """Base of all architectures.

    Parameters are named and laid out as SAELens does: W_enc, shape (d_model, n_features); b_enc
    (n_features,); W_dec (n_features, d_model); b_dec (d_model,); float32. Row i of W_dec is the
    direction that feature i writes. ``state_dict`` holds all that ``encode`` and ``decode`` need,
    but for ``k`` of TopK.
    """

    architecture: ClassVar[str]
    initial_decoder_norm: ClassVar[float] = 1.0
    pushed_by_nearest: ClassVar[bool] = False
    """Whether the row nearest to its edge alone pushes an idle feature (`push_loss`)."""

    def __init__(self, d_model: int, n_features: int):
        super().__init__()
        self.W_enc = nn.Parameter(torch.zeros(d_model, n_features))
        self.b_enc = nn.Parameter(torch.zeros(n_features))
        self.W_dec = nn.Parameter(torch.zeros(n_features, d_model))
        self.b_dec = nn.Parameter(torch.zeros(d_model))

    @classmethod
    def build(cls, d_model: int, n_features: int, settings: TrainSettings) -> Self:
        """An SAE of this architecture with the settings that only it reads; weights are 0."""
        return cls(d_model, n_features)

    @property
    def d_model(self) -> int:
        """Size of an activation vector."""
        return self.W_dec.shape[1]

    @property
    def n_features(self) -> int:
        """Size of the dictionary."""
        return self.W_dec.shape[0]

    @torch.no_grad()
    def init_weights(self, seed: int) -> Self:
        """Random decoder directions of one norm; the encoder is the transpose; biases stay 0.

        With activations centred, b_dec = 0 is their mean.
        """
        generator = torch.Generator().manual_seed(seed)
        directions = torch.randn(self.W_dec.shape, generator=generator)
        directions /= directions.norm(dim=1, keepdim=True)
        self.W_dec.copy_(self.initial_decoder_norm * directions)
        self.W_enc.copy_(self.W_dec.T)
        return self

    def encode(self, x_ND: Tensor) -> Tensor:
        """Features of activations: float32, shape (n_residues, n_features), none negative."""
        return self.activate(self.pre_activations(x_ND))

    def pre_activations(self, x_ND: Tensor) -> Tensor:
        """(x - b_dec) W_enc + b_enc, shape (n_residues, n_features)."""
        return (x_ND - self.b_dec) @ self.W_enc + self.b_enc

    def selected(self, pre_NF: Tensor) -> tuple[Tensor, Tensor] | None:
        """Rows and features, ascending, of the pre-activations that ``activate`` keeps as they are.

        None where it changes what it keeps, or where looking for them saves no time.
        """
        return None

    def in_float64(self) -> Self:
        """A copy whose products are in float64, as are its parameters.

        Products in float32 round otherwise with other instructions, threads or numbers of rows, and
        what is active, or above a threshold, changes with it. Rounded to float32, features of
        float64 are the same bits, but for one in about 1e8.
        """
        return copy.deepcopy(self).double()

    def decode(self, f_NF: Tensor) -> Tensor:
        """Activations rebuilt from features, shape (n_residues, d_model)."""
        return f_NF @ self.W_dec + self.b_dec

    def forward(self, x_ND: Tensor) -> Tensor:
        """decode(encode(x))."""
        return self.decode(self.encode(x_ND))

    def encoder(self, dtype: torch.dtype) -> Tensor:
        """[W_enc; b_enc - b_dec W_enc]: what x1 is multiplied by, a row for each of its columns.

        Folding b_dec in here keeps its gradient a row sum, where x - b_dec would make autograd form
        the gradient of all activations: a sixth matrix product.
        """
        bias_F = self.b_enc - self.b_dec @ self.W_enc
        zeros = columns_beside(self.d_model) - 1
        return torch.cat([self.W_enc, F.pad(bias_F[None], (0, 0, 0, zeros))]).to(dtype)

    def edges(self) -> Tensor | None:
        """Pre-activations that features must exceed, shape (n_features,), with gradients.

        None where those of other features decide as well, or where none needs help to get there.
        """
        return None

    @abstractmethod
    def activate(self, pre_NF: Tensor) -> Tensor:
        """Features from pre-activations, same shape."""

    @abstractmethod
    def losses(self, batch: Batch, penalty_weight: float) -> Losses:
        """What training minimises on a batch, and what it measured on the way."""

    @abstractmethod
    def constrain_gradient_(self) -> None:
        """Bring the gradients into the tangent space of the constraint, before a step."""

    @abstractmethod
    def constrain_(self) -> None:
        """Bring the weights back into the set that the architecture allows, after a step."""


class UnitNormSae(Sae):
    """An SAE whose decoder rows have norm 1, so that a feature's size is how far it moves x_hat."""

    @torch.no_grad()
    def constrain_gradient_(self) -> None:
        """Take away the part along each decoder row, which the constraint would undo: g -= (g.w) w.

        Or Adam's moments would fill with it.
        """
        if not self.W_dec.requires_grad:
            return
        gradient = self.W_dec.grad
        assert gradient is not None
        along_F1 = (gradient * self.W_dec).sum(1, keepdim=True)
        gradient.addcmul_(along_F1, self.W_dec, value=-1)

    @torch.no_grad()
    def constrain_(self) -> None:
        """Rescale decoder rows to norm 1; those of a frozen decoder keep every bit."""
        if self.W_dec.requires_grad:
            self.W_dec.div_(self.W_dec.norm(dim=1, keepdim=True))
