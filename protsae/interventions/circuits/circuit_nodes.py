"""Nodes of a circuit: features and errors of SAEs at places of a model, and their effects.

At each place x = f W + b + e. Node (place, token, feature) is one activation f, node (place, token)
the error e there; of a concept, where sites differ in length, a node is all tokens together.

The effect of a node on y is an estimate of what ablating it takes away: y - y(node at 0). With g
the gradient of y by x along a path from the place's features at 0 to what they are,

    effect of a feature = f g W,    of an error = e g,

g being the mean over the path x(a) = x - (1 - a) f W; ``steps`` = 1 takes the end of the path
alone, gradient x activation. Over a fine path the features of a place sum to y - y(all at 0).

References
----------
Marks et al. 2024, arXiv:2403.19647 (sparse feature circuits); Sundararajan et al. 2017,
arXiv:1703.01365 (integrated gradients).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from protsae.interventions.activation_split import along_decoder, error_effects
from protsae.interventions.circuits.layered_pass import Dictionary, LayeredPass

EVERY = -1
"""Number of the token of a node that is all tokens together."""

ERROR = -1
"""Number of the feature of a node that is an error."""


@dataclass(frozen=True)
class Nodes:
    """Nodes, one an entry.

    Attributes
    ----------
    place, token, feature : ndarray of int64, shape (n_nodes,)
        Number of the place and of the token, from 0; `EVERY` and `ERROR` stand for all tokens and
        for the error.
    activation, effect : ndarray of float64, shape (n_nodes,)
        Summed over tokens, if the node is all of them; the norm of e for an error.
    """

    place: np.ndarray
    token: np.ndarray
    feature: np.ndarray
    activation: np.ndarray
    effect: np.ndarray

    def __len__(self) -> int:
        return len(self.place)

    def __getitem__(self, chosen: np.ndarray | slice) -> "Nodes":
        """Some of them, by index or bool."""
        return Nodes(*(values[chosen] for values in vars(self).values()))

    @property
    def keys(self) -> list[tuple[int, int, int]]:
        """(place, token, feature) of each."""
        columns = (self.place.tolist(), self.token.tolist(), self.feature.tolist())
        return list(zip(*columns, strict=True))

    def ranked(self) -> "Nodes":
        """By the size of the effect, largest first; ties by place, token, feature."""
        return self[np.lexsort((self.feature, self.token, self.place, -np.abs(self.effect)))]


def joined_nodes(parts: Sequence[Nodes]) -> Nodes:
    """The nodes of several, one after another."""
    names = vars(parts[0])
    return Nodes(*(np.concatenate([vars(part)[name] for part in parts]) for name in names))


@dataclass(frozen=True)
class Anatomy:
    """A pass as it is: activations, features and errors of each place, and gradients.

    Attributes
    ----------
    x, f, e, g : list of Tensor
        Of each place: shape (n_tokens, d_model), (n_tokens, n_features) for f.
    output : float
        y.
    """

    x: list[Tensor]
    f: list[Tensor]
    e: list[Tensor]
    g: list[Tensor]
    output: float


def path_points(steps: int) -> list[float]:
    """Where on the path from 0 to 1 gradients are taken: middles of equal parts; the end, if one.

    Examples
    --------
    >>> path_points(1), path_points(2)
    ([1.0], [0.25, 0.75])
    """
    return [1.0] if steps == 1 else [(n + 0.5) / steps for n in range(steps)]


def anatomy(
    one: LayeredPass, dictionaries: Sequence[Dictionary], steps: int, tokens_per_batch: int
) -> Anatomy:
    """Take a pass apart at all its places.

    Parameters
    ----------
    dictionaries : sequence of Dictionary
        Of each place.
    steps : int
        Points of the path over which gradients are averaged.
    tokens_per_batch : int
        Tokens of the copies that run together, at least one copy.
    """
    x, f, e, g = [], [], [], []
    with torch.no_grad():
        x_ND = one.first_ND
        for place, dictionary in enumerate(dictionaries):
            if place:
                x_ND = one.steps[place - 1](x_ND[None])[0]
            f_NF = dictionary.features(x_ND[None], one.is_residue)[0]
            x.append(x_ND)
            f.append(f_NF)
            e.append(dictionary.errors(x_ND, f_NF))
        output = float(one.output(x_ND[None])[0])
    for place, dictionary in enumerate(dictionaries):
        written_ND = f[place] @ dictionary.decoder_FD
        total_ND = torch.zeros_like(x[place])
        n_copies = max(1, tokens_per_batch // len(written_ND))
        points = torch.tensor(path_points(steps), device=written_ND.device)
        for part in points.split(n_copies):
            x_END = x[place] - (1 - part)[:, None, None] * written_ND
            x_END.requires_grad_()
            [gradient_END] = torch.autograd.grad(one.forward(place, x_END).sum(), x_END)
            total_ND += gradient_END.sum(0)
        g.append(total_ND / steps)
    return Anatomy(x, f, e, g, output)


def feature_nodes(found: Anatomy, dictionaries: Sequence[Dictionary], by_token: bool) -> Nodes:
    """Every active feature, at each token by itself or over all of them, with its effect."""
    parts = []
    for place, dictionary in enumerate(dictionaries):
        f_NF = found.f[place].double()
        effect_NF = f_NF * along_decoder(found.g[place], dictionary.decoder_FD).double()
        if by_token:
            token, feature = (at.cpu().numpy() for at in torch.nonzero(f_NF, as_tuple=True))
            values, effects = (v.cpu().numpy()[token, feature] for v in (f_NF, effect_NF))
        else:
            feature = torch.nonzero(f_NF.abs().sum(0))[:, 0].cpu().numpy()
            token = np.full(len(feature), EVERY)
            values, effects = (v.sum(0).cpu().numpy()[feature] for v in (f_NF, effect_NF))
        parts.append(Nodes(np.full(len(token), place), token, feature, values, effects))
    return joined_nodes(parts)


def error_nodes(found: Anatomy, by_token: bool) -> Nodes:
    """The error of each place, at each token by itself or over all of them, with its effect."""
    parts = []
    for place, (e_ND, g_ND) in enumerate(zip(found.e, found.g, strict=True)):
        effect = error_effects(e_ND.double(), g_ND.double()).cpu().numpy()
        size = e_ND.double().norm(dim=1).cpu().numpy()
        token = np.arange(len(effect))
        if not by_token:
            token, effect, size = np.array([EVERY]), effect.sum()[None], size.sum()[None]
        error = np.full(len(token), ERROR)
        parts.append(Nodes(np.full(len(token), place), token, error, size, effect))
    return joined_nodes(parts)


def mean_nodes(parts: Sequence[Nodes]) -> tuple[Nodes, np.ndarray]:
    """Nodes of several sites, each once, with means over all sites; and the effects of each site.

    Examples
    --------
    >>> first = Nodes(*(np.array([n]) for n in (0, EVERY, 7, 2.0, 4.0)))
    >>> other = Nodes(*(np.array([n]) for n in (1, EVERY, 3, 1.0, 1.0)))
    >>> both, effects = mean_nodes([first, other])
    >>> both.keys, both.effect.tolist(), effects.tolist()
    ([(0, -1, 7), (1, -1, 3)], [2.0, 0.5], [[4.0, 0.0], [0.0, 1.0]])
    """
    every = joined_nodes(parts)
    keys = np.stack([every.place, every.token, every.feature], 1)
    unique, index = np.unique(keys, axis=0, return_inverse=True)
    site = np.repeat(np.arange(len(parts)), [len(part) for part in parts])
    effects = np.zeros((len(parts), len(unique)))
    activations = np.zeros_like(effects)
    effects[site, index.ravel()] = every.effect
    activations[site, index.ravel()] = every.activation
    place, token, feature = unique.T
    return Nodes(place, token, feature, activations.mean(0), effects.mean(0)), effects
