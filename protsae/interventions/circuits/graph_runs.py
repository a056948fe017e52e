"""What a model puts out if features reach each other along the edges of a graph alone.

Features without a node are ablated, as in `ablated_runs`. The feature of a node is computed from an
x of the place before in which, of the nodes there, only those with an edge to it stay. What reaches
errors is not cut. With all edges it is the run in which the nodes are kept.
"""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from protsae.interventions.circuits.ablated_runs import Kept
from protsae.interventions.circuits.circuit_nodes import Nodes
from protsae.interventions.circuits.layered_pass import Dictionary, LayeredPass


@torch.no_grad()
def graph_output(
    one: LayeredPass,
    dictionaries: Sequence[Dictionary],
    nodes: Nodes,
    is_edge: np.ndarray,
    tokens_per_batch: int,
) -> float:
    """y of a graph.

    Parameters
    ----------
    nodes : Nodes
        Of features.
    is_edge : ndarray of bool, shape (n_nodes, n_nodes)
        From row to column.
    tokens_per_batch : int
        Tokens of the copies that run together, at least one copy.
    """
    edited_ND, kept_NF = one.first_ND, torch.empty(0)
    for place, dictionary in enumerate(dictionaries):
        before_ND, before_NF = edited_ND, kept_NF
        x_ND = one.steps[place - 1](before_ND[None])[0] if place else before_ND
        f_NF = dictionary.features(x_ND[None], one.is_residue)[0]
        kept_NF = f_NF * _mask(nodes, place, f_NF)
        targets = np.flatnonzero(nodes.place == place)
        sources = np.flatnonzero(nodes.place == place - 1)
        cut = [int(d) for d in targets if not is_edge[sources, d].all()]
        n_copies = max(1, tokens_per_batch // len(x_ND))
        for begin in range(0, len(cut), n_copies):
            part = cut[begin : begin + n_copies]
            # Of each target an x of its own, without what it has no edge from.
            missing = [nodes[sources[~is_edge[sources, d]]] for d in part]
            gone = [before_NF * _mask(one_of, place - 1, before_NF) for one_of in missing]
            x_END = before_ND - torch.stack(gone) @ dictionaries[place - 1].decoder_FD
            found_ENF = dictionary.features(one.steps[place - 1](x_END), one.is_residue)
            for d, found_NF in zip(part, found_ENF, strict=True):
                own_NF = _mask(nodes[np.array([d])], place, f_NF)
                kept_NF = torch.where(own_NF, found_NF, kept_NF)
        edited_ND = x_ND + (kept_NF - f_NF) @ dictionary.decoder_FD
    return float(one.output(edited_ND[None])[0])


def _mask(nodes: Nodes, place: int, like_NF: Tensor) -> Tensor:
    return Kept(nodes).mask(place, *like_NF.shape).to(like_NF.device)
