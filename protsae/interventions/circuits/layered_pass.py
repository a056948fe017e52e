"""One pass of a model over one protein, cut at successive places."""

from collections.abc import Callable
from dataclasses import dataclass

from torch import Tensor

from protsae.interventions.activation_split import error_part


@dataclass(frozen=True)
class LayeredPass:
    """What a model makes of one protein, place by place: x_1 -> x_2 -> ... -> y.

    At each place all that later ones read goes through x, as through a residual stream, so that
    paths from place to place are all paths there are.

    Attributes
    ----------
    first_ND : Tensor
        Activations of the first place as they are, shape (n_tokens, d_model).
    is_residue : Tensor
        bool, shape (n_tokens,): where features are. Of other tokens all is error.
    steps : tuple of function
        From each place but the last to the next one, for copies: shape (n_copies, n_tokens,
        d_model). Gradients flow.
    output : function
        From the last place to y of each copy, shape (n_copies,). Gradients flow.
    """

    first_ND: Tensor
    is_residue: Tensor
    steps: tuple[Callable[[Tensor], Tensor], ...]
    output: Callable[[Tensor], Tensor]

    @property
    def n_places(self) -> int:
        """Places, from first to last."""
        return len(self.steps) + 1

    def forward(self, place: int, x_END: Tensor) -> Tensor:
        """y, from the activations of any place by its number, from 0."""
        for step in self.steps[place:]:
            x_END = step(x_END)
        return self.output(x_END)


@dataclass(frozen=True)
class Dictionary:
    """Features of a place: what reads them, and what they write.

    Attributes
    ----------
    encode : function
        Activations (n, d_model) to features (n, n_features), with gradients.
    decoder_FD : Tensor
    bias_D : Tensor
    """

    encode: Callable[[Tensor], Tensor]
    decoder_FD: Tensor
    bias_D: Tensor

    def features(self, x_END: Tensor, is_residue: Tensor) -> Tensor:
        """Features of copies of a pass, shape (n_copies, n_tokens, n_features); 0 off residues."""
        f_ENF = self.encode(x_END.flatten(0, -2)).unflatten(0, x_END.shape[:-1])
        return f_ENF * is_residue[:, None]

    def errors(self, x_END: Tensor, f_ENF: Tensor) -> Tensor:
        """What features and bias leave of activations: e = x - f W - b."""
        return error_part(x_END, f_ENF, self.decoder_FD, self.bias_D)
