"""What a model puts out with all features ablated but those of a circuit, at all places at once.

At each place, on what the places before it have made of x, features are computed anew, f = f(x),
and x' = x + (f' - f) W, with f' = f in the circuit and 0 elsewhere, features that were silent
before any edit included. The error e(x) stays as it is there, or is set to 0 on residues, too.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from protsae.interventions.circuits.circuit_nodes import EVERY, Nodes
from protsae.interventions.circuits.layered_pass import Dictionary, LayeredPass


@dataclass(frozen=True)
class Kept:
    """Features that stay; all others are ablated.

    Attributes
    ----------
    nodes : Nodes
        Of features.
    is_complement : bool
        All but these stay.
    """

    nodes: Nodes
    is_complement: bool = False

    def mask(self, place: int, n_tokens: int, n_features: int) -> Tensor:
        """bool, shape (n_tokens, n_features): what stays at a place."""
        own = self.nodes.place == place
        token = torch.from_numpy(self.nodes.token[own])
        feature = torch.from_numpy(self.nodes.feature[own])
        mask_NF = torch.zeros(n_tokens, n_features, dtype=torch.bool)
        mask_NF[token[token != EVERY], feature[token != EVERY]] = True
        mask_NF[:, feature[token == EVERY]] = True
        return ~mask_NF if self.is_complement else mask_NF


@torch.no_grad()
def outputs(
    one: LayeredPass,
    dictionaries: Sequence[Dictionary],
    sets: Sequence[Kept],
    tokens_per_batch: int,
    keep_errors: bool = True,
) -> np.ndarray:
    """y with each of some sets of features kept, float64, shape (n_sets,).

    Parameters
    ----------
    tokens_per_batch : int
        Tokens of the copies that run together, at least one copy.
    keep_errors : bool
        Whether the errors of all places stay.
    """
    n_tokens = len(one.first_ND)
    n_copies = max(1, tokens_per_batch // n_tokens)
    found = []
    for begin in range(0, len(sets), n_copies):
        part = sets[begin : begin + n_copies]
        x_END = one.first_ND.expand(len(part), -1, -1)
        for place, dictionary in enumerate(dictionaries):
            if place:
                x_END = one.steps[place - 1](x_END)
            f_ENF = dictionary.features(x_END, one.is_residue)
            masks = [kept.mask(place, n_tokens, f_ENF.shape[-1]) for kept in part]
            gone_ENF = f_ENF.masked_fill(torch.stack(masks).to(f_ENF.device), 0)
            gone_END = gone_ENF @ dictionary.decoder_FD
            if not keep_errors:
                errors_END = dictionary.errors(x_END, f_ENF)
                gone_END = gone_END + errors_END * one.is_residue[:, None]
            x_END = x_END - gone_END
        found.append(one.output(x_END).double().cpu().numpy())
    return np.concatenate(found)


Site = Callable[[], LayeredPass]
"""A pass that is opened when it is needed."""


def site_outputs(
    sites: Sequence[Site],
    dictionaries: Sequence[Dictionary],
    sets: Sequence[Kept],
    tokens_per_batch: int,
    keep_errors: bool = True,
) -> np.ndarray:
    """`outputs` of several passes, float64, shape (n_sets, n_sites)."""
    rest = (dictionaries, sets, tokens_per_batch, keep_errors)
    return np.stack([outputs(open_site(), *rest) for open_site in sites], 1)


@dataclass(frozen=True)
class Scale:
    """What faithfulness is measured on: y with no feature ablated, and with all.

    F = (y - y(all ablated)) / (y(none ablated) - y(all ablated)), of means over sites.

    Attributes
    ----------
    full, empty : ndarray of float64, shape (n_sites,)
    """

    full: np.ndarray
    empty: np.ndarray

    @property
    def at_stake(self) -> float:
        """What all features together do to y, mean over sites."""
        return float((self.full - self.empty).mean())

    def faithfulness(self, output: np.ndarray) -> np.ndarray:
        """F of outputs of shape (..., n_sites).

        Examples
        --------
        >>> scale = Scale(np.array([-1.0, -1.0]), np.array([-3.0, -5.0]))
        >>> float(scale.faithfulness(np.array([-2.0, -1.0]))), scale.at_stake
        (0.8333333333333334, 3.0)
        """
        share: np.ndarray = (output - self.empty).mean(-1) / self.at_stake
        return share


def no_nodes() -> Nodes:
    """None."""
    nothing = np.empty(0, np.int64)
    return Nodes(nothing, nothing, nothing, np.empty(0), np.empty(0))


NONE_KEPT, ALL_KEPT = Kept(no_nodes()), Kept(no_nodes(), is_complement=True)
