"""What is changed in a model: which numbers, to what, at which residues; the rest stays.

x' = x + (f' - f) W, where f are numbers read off the activations x (features of an SAE, or the
projection on a direction), f' what they become, and row i of W the direction that number i writes.
Whatever f does not describe, such as the error of an SAE's reconstruction, stays in x: an edit that
changes no f changes nothing, to the bit.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import torch
from torch import Tensor

from protsae.plm.esm2.forward import Edit
from protsae.plm.esm2.places import Inside, Place
from protsae.sae.autoencoder import Sae

Action = Literal["ablate", "clamp", "scale", "add"]
"""f' = 0, f' = amount, f' = amount x f, f' = f + amount."""

ACTIONS: tuple[Action, ...] = get_args(Action)


@dataclass(frozen=True)
class Directions:
    """Numbers that can be read off activations, and the direction that each of them writes.

    Attributes
    ----------
    read : function
        Activations (n, d_model) to numbers (n, n_directions).
    write_KD : Tensor
        Shape (n_directions, d_model).
    """

    read: Callable[[Tensor], Tensor]
    write_KD: Tensor


def feature_directions(sae: Sae, features: Sequence[int]) -> Directions:
    """Some features of an SAE: their activations, and their rows of the decoder.

    Examples
    --------
    >>> from protsae.config.sae_settings import TrainSettings
    >>> from protsae.sae.architectures import build_sae
    >>> settings = TrainSettings(architecture="relu", width=3)
    >>> sae = build_sae(settings, d_model=2).init_weights(0)
    >>> features = feature_directions(sae, [2, 0])
    >>> features.read(torch.ones(5, 2)).shape, torch.equal(features.write_KD[0], sae.W_dec[2])
    (torch.Size([5, 2]), True)
    """
    chosen = torch.as_tensor(list(features))
    write_KD = sae.W_dec.detach()[chosen.to(sae.W_dec.device)]
    return Directions(lambda x_ND: sae.encode(x_ND)[:, chosen.to(x_ND.device)], write_KD)


def plain_direction(direction_D: Tensor) -> Directions:
    """A direction by itself: f is the projection x . u on it, u = direction / |direction|.

    Ablating it takes the part of x along it away. A coordinate is the unit vector of its axis.

    Examples
    --------
    >>> along = plain_direction(torch.tensor([0.0, 2.0]))
    >>> along.read(torch.tensor([[3.0, 5.0]])).tolist(), along.write_KD.tolist()
    ([[5.0]], [[0.0, 1.0]])
    """
    return plain_directions(direction_D[None])


def plain_directions(directions_KD: Tensor) -> Directions:
    """Directions by themselves, one a row; orthogonal, or what one writes another reads.

    Examples
    --------
    >>> along = plain_directions(torch.tensor([[0.0, 2.0], [-1.0, 0.0]]))
    >>> along.read(torch.tensor([[3.0, 5.0]])).tolist()
    [[5.0, -3.0]]
    """
    unit_KD = directions_KD / directions_KD.norm(dim=1, keepdim=True)
    return Directions(lambda x_ND: x_ND @ unit_KD.T, unit_KD)


@dataclass(frozen=True)
class Intervention:
    """One change at one place of the model.

    Attributes
    ----------
    place : int or Inside
        Where in the model: a layer, or a place inside of a block.
    directions : Directions
    action : Action
    amounts : tuple of float
        Of each direction; not read by ``ablate``.
    is_edited : sequence of Tensor, optional
        Which residues of each protein, bool, shape (n_residues,), in the order of the proteins; all
        by default.
    where_active : bool
        Change each number only where it is above 0.
    """

    place: Place
    directions: Directions
    action: Action
    amounts: tuple[float, ...]
    is_edited: Sequence[Tensor] | None = None
    where_active: bool = False

    def change(self, x_ND: Tensor) -> Tensor:
        """f' - f, shape (n, n_directions).

        Examples
        --------
        >>> x_ND = torch.tensor([[3.0, 5.0], [1.0, -2.0]])
        >>> along = plain_direction(torch.tensor([0.0, 1.0]))
        >>> [Intervention(3, along, a, (0.5,)).change(x_ND).flatten().tolist() for a in ACTIONS]
        [[-5.0, 2.0], [-4.5, 2.5], [-2.5, 1.0], [0.5, 0.5]]
        >>> Intervention(3, along, "add", (0.5,), where_active=True).change(x_ND).tolist()
        [[0.5], [0.0]]
        """
        f_NK = self.directions.read(x_ND)
        amount_K = torch.tensor(self.amounts, dtype=f_NK.dtype, device=f_NK.device)
        match self.action:
            case "ablate":
                change_NK = -f_NK
            case "clamp":
                change_NK = amount_K - f_NK
            case "scale":
                change_NK = (amount_K - 1) * f_NK
            case "add":
                change_NK = amount_K.expand_as(f_NK)
        return change_NK * (f_NK > 0) if self.where_active else change_NK

    def edited(self, x_ND: Tensor, rows_N: Tensor) -> Tensor:
        """x' of the rows that are True; the others stay.

        Parameters
        ----------
        x_ND : Tensor
            Activations of tokens, shape (n_tokens, d_model).
        rows_N : Tensor
            bool, shape (n_tokens,).
        """
        write_KD = self.directions.write_KD
        # Inside of blocks x may be of half precision; features are read and written in their own.
        of_rows = x_ND[rows_N].to(write_KD.dtype)
        out_ND = x_ND.clone()
        out_ND[rows_N] = (of_rows + self.change(of_rows) @ write_KD).to(x_ND.dtype)
        return out_ND


def first_layer(interventions: Sequence[Intervention]) -> int:
    """The last layer that no intervention changes anything before: from there on the model runs.

    Examples
    --------
    >>> along = plain_direction(torch.ones(2))
    >>> first_layer([Intervention(p, along, "ablate", ()) for p in (3, Inside(3, "attention"))])
    2
    """
    places = [one.place for one in interventions]
    return min(place.layer - 1 if isinstance(place, Inside) else place for place in places)


def hooks(interventions: Sequence[Intervention], rows: Sequence[Tensor]) -> Mapping[Place, Edit]:
    """The edits that `FusedEsm2` takes; interventions at one place act one after another.

    Parameters
    ----------
    interventions : sequence of Intervention
    rows : sequence of Tensor
        For each of them the tokens that it changes, bool, shape (n_tokens,).
    """

    def at(place: Place) -> Edit:
        own = [(one, r) for one, r in zip(interventions, rows, strict=True) if one.place == place]

        def edit(x_ND: Tensor) -> Tensor:
            for one, rows_N in own:
                x_ND = one.edited(x_ND, rows_N)
            return x_ND

        return edit

    return {place: at(place) for place in dict.fromkeys(one.place for one in interventions)}
