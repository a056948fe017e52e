"""The smallest graph of features that keeps a share of an output, and how good it is."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from protsae.interventions.circuits.ablated_runs import (
    ALL_KEPT,
    NONE_KEPT,
    Kept,
    Scale,
    Site,
    site_outputs,
)
from protsae.interventions.circuits.circuit_edges import Edges, Track, edge_weights
from protsae.interventions.circuits.circuit_nodes import (
    ERROR,
    EVERY,
    Nodes,
    anatomy,
    error_nodes,
    feature_nodes,
    joined_nodes,
    mean_nodes,
)
from protsae.interventions.circuits.graph_runs import graph_output
from protsae.interventions.circuits.layered_pass import Dictionary
from protsae.interventions.circuits.pruning import smallest_size


@dataclass(frozen=True)
class Search:
    """How a circuit is looked for.

    Attributes
    ----------
    share : float
        Of what features do to the output, that the graph keeps; above 0, below 1.
    steps : int
        Points of the path over which gradients are averaged.
    most_nodes : int
        Feature nodes of a graph, at most.
    draws : int
        Random graphs.
    seed : int
    """

    share: float = 0.8
    steps: int = 10
    most_nodes: int = 100
    draws: int = 20
    seed: int = 0

    @property
    def node_share(self) -> float:
        """What the nodes keep with all edges: half of the loss is left to the edges."""
        return (1 + self.share) / 2


class NothingAtStake(ValueError):
    """All features together hardly change the output, so that no share of it can be kept."""


LEAST_AT_STAKE = 0.05
"""Nats that all features together must change the output by."""


@dataclass(frozen=True)
class Circuit:
    """A graph of features and errors.

    Attributes
    ----------
    nodes : Nodes
        Features first, then errors, each by the size of its effect.
    n_features : int
        How many of them are features.
    edges : Edges
        Between `nodes`; those from errors and to errors are as large as the smallest other one.
    active : Nodes
        Feature nodes that there were to choose from.
    n_needed : int or None
        Feature nodes that keep `Search.node_share`; None if all that are active do not.
    curve : dict of int to float
        Faithfulness by number of feature nodes, with all edges.
    found_on : Scale
        The output where the circuit was found.
    place_effects : ndarray, shape (n_places, 3)
        Of each place the effects of all features, and of all errors, summed; and y less y with the
        features of the place ablated, to compare with the first.
    node_effects : ndarray, shape (n_sites, n_nodes)
        Effects of `nodes` site by site.
    """

    nodes: Nodes
    n_features: int
    edges: Edges
    active: Nodes
    n_needed: int | None
    curve: dict[int, float]
    found_on: Scale
    place_effects: np.ndarray
    node_effects: np.ndarray

    @property
    def features(self) -> Nodes:
        """Its feature nodes."""
        return self.nodes[: self.n_features]

    def has_edge(self) -> np.ndarray:
        """Which feature nodes are joined: bool, shape (n_features, n_features), row to column."""
        own = self.edges[np.maximum(self.edges.source, self.edges.target) < self.n_features]
        is_edge = np.zeros((self.n_features, self.n_features), dtype=bool)
        is_edge[own.source, own.target] = True
        return is_edge


def find_circuit(
    sites: Sequence[Site],
    dictionaries: Sequence[Dictionary],
    search: Search,
    tokens_per_batch: int,
    track: Track = lambda numbers, what: numbers,
) -> Circuit:
    """The smallest graph that keeps a share of the output, mean over sites.

    Of one site, nodes are features at single tokens; of several, features at all tokens together.
    Nodes are ranked by the size of their effect, and the fewest are kept that keep
    `Search.node_share` of what features do to the output; then, of the edges between them, the
    fewest that keep `Search.share`. Both are measured by running the model.

    Parameters
    ----------
    sites : sequence of function
        Passes, opened one after another.
    dictionaries : sequence of Dictionary
        Of each place.
    search : Search
    tokens_per_batch : int
        Tokens that run together, at least one copy of a pass.
    track : function
        Called with numbers to go through, and what is done.

    Raises
    ------
    NothingAtStake
        If all features together change the output by less than `LEAST_AT_STAKE`.
    """
    n_places, by_token = len(dictionaries), len(sites) == 1
    every = [NONE_KEPT, ALL_KEPT, *(_without_place(i, dictionaries) for i in range(n_places))]
    measured = site_outputs(sites, dictionaries, every, tokens_per_batch)
    scale = Scale(full=measured[1], empty=measured[0])
    if abs(scale.at_stake) < LEAST_AT_STAKE:
        raise NothingAtStake(f"{scale.at_stake:.3f}")

    parts = []
    for number in track(range(len(sites)), "effects of features"):
        found = anatomy(sites[number](), dictionaries, search.steps, tokens_per_batch)
        both = feature_nodes(found, dictionaries, by_token), error_nodes(found, by_token)
        parts.append(joined_nodes(both))
    nodes, effects = mean_nodes(parts)
    sums = [
        [nodes.effect[(nodes.place == i) & (is_error == (nodes.feature == ERROR))].sum()
         for is_error in (False, True)] + [float((measured[1] - measured[2 + i]).mean())]
        for i in range(n_places)
    ]  # fmt: skip

    active = nodes[nodes.feature != ERROR].ranked()

    def kept(sizes: Sequence[int]) -> np.ndarray:
        sets = [Kept(active[:n]) for n in sizes]
        return scale.faithfulness(site_outputs(sites, dictionaries, sets, tokens_per_batch))

    needed, curve = smallest_size(kept, len(active), search.node_share)
    features = active[: min(needed or len(active), search.most_nodes)]
    errors = nodes[nodes.feature == ERROR].ranked()[: search.most_nodes]
    least = np.abs(features.effect).min(initial=np.inf)
    chosen = joined_nodes([features, errors[np.abs(errors.effect) >= least]])

    weights = np.zeros((len(chosen), len(chosen)))
    for number in track(range(len(sites)), "edges") if len(sites) > 1 else [0]:
        one = sites[number]()
        found = anatomy(one, dictionaries, search.steps, tokens_per_batch)
        about = (one, dictionaries, found, chosen, search.steps)
        weights += edge_weights(*about, *[track] * by_token) / len(sites)
    is_whole = needed is not None and needed <= search.most_nodes
    edges = _fewest_edges(
        sites, dictionaries, search, tokens_per_batch, scale, features, weights, is_whole, track
    )
    order = {key: n for n, key in enumerate(nodes.keys)}
    of_chosen = effects[:, [order[key] for key in chosen.keys]]
    return Circuit(
        chosen, len(features), edges, active, needed, curve, scale, np.array(sums), of_chosen
    )


def _without_place(place: int, dictionaries: Sequence[Dictionary]) -> Kept:
    """All features of one place ablated, and no others."""
    n = len(dictionaries[place].decoder_FD)
    nothing = np.zeros(n)
    of_place = Nodes(np.full(n, place), np.full(n, EVERY), np.arange(n), nothing, nothing)
    return Kept(of_place, is_complement=True)


def _fewest_edges(
    sites: Sequence[Site],
    dictionaries: Sequence[Dictionary],
    search: Search,
    tokens_per_batch: int,
    scale: Scale,
    features: Nodes,
    weights: np.ndarray,
    is_whole: bool,
    track: Track,
) -> Edges:
    """Edges between features that keep the share, and those of errors that are as large."""
    source, target = np.nonzero(weights)
    every = Edges(source, target, weights[source, target]).ranked()
    is_inner = np.maximum(every.source, every.target) < len(features)
    inner = every[is_inner]

    def along(n_edges: int) -> float:
        is_edge = np.zeros((len(features), len(features)), dtype=bool)
        is_edge[inner.source[:n_edges], inner.target[:n_edges]] = True
        rest = (dictionaries, features, is_edge, tokens_per_batch)
        return float(scale.faithfulness(np.array([graph_output(s(), *rest) for s in sites])))

    def measure(sizes: Sequence[int]) -> np.ndarray:
        numbers = range(len(sizes))
        shown = track(numbers, "graphs of fewer edges") if len(sizes) > 1 else numbers
        return np.array([along(sizes[n]) for n in shown])

    # If the nodes alone keep too little, edges are to keep their part of what nodes keep.
    most = along(len(inner))
    share = search.share if is_whole else search.share / search.node_share
    needed, _ = smallest_size(
        lambda sizes: measure(sizes) / (1 if is_whole else most), len(inner), share
    )
    kept = inner[: len(inner) if needed is None else needed]
    least = np.abs(kept.weight).min(initial=np.inf)
    outer = every[~is_inner]
    outer = outer[np.abs(outer.weight) >= least]
    joined = zip(vars(kept).values(), vars(outer).values(), strict=True)
    return Edges(*(np.concatenate(pair) for pair in joined))
