"""Edges of a circuit: how much of a node's effect comes from each node of the place before.

The weight of the edge from node u to node d of the next place is

    feature d:  f_u (df_d/dx W_u) (g_d W_d),      error d:  f_u (d(g_d e_d)/dx W_u),

through everything between the two places, attention and MLP, and through the encoder of d with its
activation function (of TopK the features selected); e_u stands for f_u W_u, if u is an error. g_d
is that of the effect of d. df_d/dx is a mean over the same path as g is, so with ``steps`` = 1 the
weights of all edges that leave u sum to the effect of u.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from protsae.interventions.activation_split import along_decoder
from protsae.interventions.circuits.circuit_nodes import (
    ERROR,
    EVERY,
    Anatomy,
    Nodes,
    path_points,
)
from protsae.interventions.circuits.layered_pass import Dictionary, LayeredPass

Track = Callable[[Sequence[int], str], Iterable[int]]
"""Shows progress: numbers to go through, and what is done with them."""


@dataclass(frozen=True)
class Edges:
    """Edges, one an entry.

    Attributes
    ----------
    source, target : ndarray of int64, shape (n_edges,)
        Indices of nodes.
    weight : ndarray of float64, shape (n_edges,)
    """

    source: np.ndarray
    target: np.ndarray
    weight: np.ndarray

    def __len__(self) -> int:
        return len(self.source)

    def __getitem__(self, chosen: np.ndarray | slice) -> "Edges":
        """Some of them, by index or bool."""
        return Edges(self.source[chosen], self.target[chosen], self.weight[chosen])

    def ranked(self) -> "Edges":
        """By the size of the weight, largest first; ties by source and target."""
        return self[np.lexsort((self.target, self.source, -np.abs(self.weight)))]


def edge_weights(
    one: LayeredPass,
    dictionaries: Sequence[Dictionary],
    found: Anatomy,
    nodes: Nodes,
    steps: int,
    track: Track = lambda numbers, what: numbers,
) -> np.ndarray:
    """Weights of all edges between nodes of successive places of one pass.

    Parameters
    ----------
    nodes : Nodes
        Of features and errors.
    steps : int
        As of `anatomy`.
    track : function
        Called for each place but the last.

    Returns
    -------
    ndarray, float64, shape (n_nodes, n_nodes)
        From row to column; 0 where places are not successive.
    """
    weights = np.zeros((len(nodes), len(nodes)))
    for place in range(one.n_places - 1):
        sources = np.flatnonzero(nodes.place == place)
        targets = np.flatnonzero(nodes.place == place + 1)
        if not len(sources):
            continue
        about = (one, dictionaries, found, nodes[targets], place, steps, track)
        gradients = _target_gradients(*about)
        for target, gradient_ND in zip(targets, gradients, strict=True):
            weights[sources, target] = _contributions(
                found, dictionaries[place], nodes[sources], place, gradient_ND
            )
    return weights


def _target_gradients(
    one: LayeredPass,
    dictionaries: Sequence[Dictionary],
    found: Anatomy,
    targets: Nodes,
    place: int,
    steps: int,
    track: Track,
) -> list[Tensor]:
    """For each target its gradient by x of ``place``, times its effect a unit; mean over a path."""
    totals = [torch.zeros_like(found.x[place]) for _ in targets.place]
    after, g_ND = dictionaries[place + 1], found.g[place + 1]
    slope_NF = along_decoder(g_ND, after.decoder_FD)
    written_ND = found.f[place] @ dictionaries[place].decoder_FD
    points = path_points(steps)
    for number in track(range(steps), f"edges between places {place + 1} and {place + 2}"):
        point = points[number]
        x_END = (found.x[place] - (1 - point) * written_ND)[None].requires_grad_()
        next_END = one.steps[place](x_END)
        f_ENF = after.features(next_END, one.is_residue)
        of_feature_NF = slope_NF * f_ENF[0]
        of_error_N = (g_ND * after.errors(next_END, f_ENF)[0]).sum(1)
        for total_ND, (_, token, feature) in zip(totals, targets.keys, strict=True):
            values_N = of_error_N if feature == ERROR else of_feature_NF[:, feature]
            value = values_N.sum() if token == EVERY else values_N[token]
            [gradient_END] = torch.autograd.grad(value, x_END, retain_graph=True)
            total_ND += gradient_END[0]
    return [total_ND / steps for total_ND in totals]


def _contributions(
    found: Anatomy, dictionary: Dictionary, sources: Nodes, place: int, gradient_ND: Tensor
) -> np.ndarray:
    f_NF, e_ND = found.f[place].double(), found.e[place].double()
    of_feature_NF = f_NF * along_decoder(gradient_ND, dictionary.decoder_FD).double()
    of_error_N = (e_ND * gradient_ND.double()).sum(1)
    # The error as one more column, so that every node is an entry, or the sum of a column.
    by_node_NF = torch.cat([of_feature_NF, of_error_N[:, None]], 1).cpu().numpy()
    columns = np.where(sources.feature == ERROR, by_node_NF.shape[1] - 1, sources.feature)
    alone = by_node_NF[np.maximum(sources.token, 0), columns]
    contributions: np.ndarray = np.where(sources.token == EVERY, by_node_NF.sum(0)[columns], alone)
    return contributions
