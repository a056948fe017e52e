"""A circuit as a graph with names, in one format for all graphs of features.

A directed graph with several kinds of edges (networkx's MultiDiGraph; the key of an edge is its
kind). A node has ``kind`` (feature, error, output), ``layer``, ``variant``, ``feature``,
``position``, ``residue``, ``label``, ``activation``, ``effect``, as far as it has them. An edge has
``kind`` and ``weight``: of ``attribution`` nats of the output; of ``match`` the cosine of two
decoder directions. Whatever is said of the whole is an attribute of the graph.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import networkx as nx
import numpy as np

from protsae.interventions.circuits.circuit_nodes import ERROR, EVERY
from protsae.interventions.circuits.decoder_matches import matching_features
from protsae.interventions.circuits.find_circuit import Circuit
from protsae.interventions.circuits.layered_pass import Dictionary

FORMAT = "protsae-graph-1"
OUTPUT = "output"

Limits = Callable[[np.ndarray], tuple[float, float]]


@dataclass(frozen=True)
class Named:
    """What places and tokens are called.

    Attributes
    ----------
    variant : str
        Of the SAEs.
    layers : sequence of int
        Of each place.
    tokens : sequence of str
        Of each token the letter, ``<cls>`` or ``<eos>``; empty if nodes are all tokens together.
    labels : mapping of (layer, feature) to str
        Of features that have one.
    first : int
        Position of the first token in the protein: 0, or later in a window of a long one.
    """

    variant: str
    layers: Sequence[int]
    tokens: Sequence[str]
    labels: Mapping[tuple[int, int], str]
    first: int = 0

    def node(self, place: int, token: int, feature: int) -> tuple[str, dict[str, Any]]:
        """Id and attributes of a node.

        Examples
        --------
        >>> named = Named("topk", [4, 6], ["<cls>", "M", "K"], {(6, 246): "cysteine"})
        >>> named.node(1, 2, 246)[0], named.node(1, 2, 246)[1]["label"]
        ('6/topk/246@2', 'cysteine')
        >>> named.node(0, 1, -1)[0], named.node(0, -1, 17)[0]
        ('4/topk/error@1', '4/topk/17')
        """
        layer = self.layers[place]
        what = "error" if feature == ERROR else str(feature)
        stated: dict[str, Any] = {"kind": "error" if feature == ERROR else "feature"}
        stated |= {"layer": layer, "variant": self.variant}
        if feature != ERROR:
            stated["feature"] = feature
            if label := self.labels.get((layer, feature)):
                stated["label"] = label
        where = ""
        if token != EVERY:
            where = f"@{self.first + token}"
            stated |= {"position": self.first + token, "residue": self.tokens[token]}
        return f"{layer}/{self.variant}/{what}{where}", stated


def circuit_graph(
    circuit: Circuit,
    dictionaries: Sequence[Dictionary],
    named: Named,
    limits: Limits,
    stated: Mapping[str, Any],
) -> nx.MultiDiGraph:
    """The graph of a circuit.

    Every node of the last place has an edge to the node ``output``, with its effect. Features of
    successive places whose directions match, at one token if they have one, are joined, too.

    Parameters
    ----------
    dictionaries : sequence of Dictionary
        Of each place.
    named : Named
    limits : function
        The interval of a mean over sites; NaN of one site.
    stated : mapping
        Attributes of the graph: text, numbers, and lists of them.
    """
    graph = nx.MultiDiGraph(format=FORMAT, **stated)
    names = []
    nodes = circuit.nodes
    for n, key in enumerate(nodes.keys):
        name, attributes = named.node(*key)
        low, high = limits(circuit.node_effects[:, n])
        if np.isfinite(low):
            attributes |= {"effect_low": low, "effect_high": high}
        effect, activation = float(nodes.effect[n]), float(nodes.activation[n])
        graph.add_node(name, **attributes, activation=activation, effect=effect)
        names.append(name)
    graph.add_node(OUTPUT, kind=OUTPUT)
    edges = circuit.edges
    for source, target, weight in zip(edges.source, edges.target, edges.weight, strict=True):
        _join(graph, names[source], names[target], "attribution", float(weight))
    for n in np.flatnonzero(nodes.place == len(dictionaries) - 1).tolist():
        _join(graph, names[n], OUTPUT, "attribution", float(nodes.effect[n]))
    for source, target, cosine in _matches(circuit, dictionaries):
        _join(graph, names[source], names[target], "match", cosine)
    return graph


def _join(graph: nx.MultiDiGraph, source: str, target: str, kind: str, weight: float) -> None:
    graph.add_edge(source, target, key=kind, kind=kind, weight=weight)


def _matches(circuit: Circuit, dictionaries: Sequence[Dictionary]) -> list[tuple[int, int, float]]:
    nodes, found = circuit.features, []
    index = {key: n for n, key in enumerate(nodes.keys)}
    for place in range(len(dictionaries) - 1):
        features = [
            sorted(set(nodes.feature[nodes.place == place + after].tolist())) for after in (0, 1)
        ]
        w_FD, next_FD = (dictionaries[place + after].decoder_FD for after in (0, 1))
        for before, after, cosine in matching_features(w_FD, next_FD, features[0], features[1]):
            for token in sorted(set(nodes.token.tolist())):
                ends = (place, token, before), (place + 1, token, after)
                if ends[0] in index and ends[1] in index:
                    found.append((index[ends[0]], index[ends[1]], cosine))
    return found


def as_json(graph: nx.MultiDiGraph) -> dict[str, Any]:
    """The node-link document that `networkx.node_link_graph` reads."""
    document: dict[str, Any] = nx.node_link_data(graph, edges="edges")
    return document


def as_graphml(graph: nx.MultiDiGraph) -> str:
    """The same as GraphML; lists among the attributes of the graph are JSON, as it has none.

    Examples
    --------
    >>> graph = nx.MultiDiGraph(curve=[[1, 0.5]])
    >>> graph.add_edge("a", "b", key="match", kind="match", weight=0.5)
    'match'
    >>> back = nx.parse_graphml(as_graphml(graph), force_multigraph=True)
    >>> back.graph["curve"], list(back.edges(keys=True))
    ('[[1, 0.5]]', [('a', 'b', 'match')])
    """
    flat = graph.copy()
    for name, value in graph.graph.items():
        if isinstance(value, list | dict):
            flat.graph[name] = json.dumps(value)
    return "\n".join(nx.generate_graphml(flat)) + "\n"
