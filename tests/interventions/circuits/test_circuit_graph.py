"""Graphs of circuits: names and numbers, round trips, and what is drawn."""

import re
from xml.etree import ElementTree

import networkx as nx
import numpy as np
import pytest
import torch

from protsae.interventions.circuits.ablated_runs import Scale
from protsae.interventions.circuits.circuit_drawing import MOST_IN_COLUMN, circuit_svg, drawn_nodes
from protsae.interventions.circuits.circuit_edges import Edges
from protsae.interventions.circuits.circuit_graph import (
    FORMAT,
    Named,
    as_graphml,
    as_json,
    circuit_graph,
)
from protsae.interventions.circuits.circuit_nodes import ERROR, EVERY, Nodes
from protsae.interventions.circuits.find_circuit import Circuit
from protsae.interventions.circuits.layered_pass import Dictionary
from protsae.statistics.mean_intervals import mean_interval

STATED = {
    **{"output": "log p(V) at V3 of P1 <&>", "n_nodes": 3, "n_edges": 1, "curve": [[3, 0.9]]},
    **{"node_faithfulness": 0.9, "faithfulness": 0.85, "at_stake": 2.5},
    **{"random_faithfulness": 0.0, "random_low": -0.1, "random_high": 0.1},
}
TOKENS = ["<cls>", "M", "K", "V", "<eos>"]


def circuit(by_token=True):
    """Features 5 and 6 of the first place, 1 of the second, and an error of the first."""
    place, feature = np.array([1, 0, 0, 0]), np.array([1, 5, 6, ERROR])
    token = np.array([3, 1, 3, 2]) if by_token else np.full(4, EVERY)
    effect, activation = np.array([2.0, 1.5, -0.5, 1.0]), np.array([4.0, 3.0, 2.0, 1.0])
    nodes = Nodes(place, token, feature, activation, effect)
    edges = Edges(np.array([1, 3]), np.array([0, 0]), np.array([1.25, 0.75]))
    effects = np.stack([effect - 1, effect + 1]) if not by_token else effect[None]
    scale = Scale(np.array([-1.0]), np.array([-3.5]))
    return Circuit(nodes, 3, edges, nodes[:3], 3, {3: 0.9}, scale, np.zeros((2, 3)), effects)


def dictionaries():
    """Feature 6 of the first place and 1 of the second write one direction; none is like 5."""
    first, second = torch.zeros(7, 4), torch.zeros(2, 4)
    first[6, 0], first[5, 1], second[1, 0], second[0, 3] = 1.0, 1.0, 2.0, 1.0
    return [Dictionary(lambda x: x, w, torch.zeros(4)) for w in (first, second)]


def graph_of(by_token=True, **more):
    tokens = TOKENS if by_token else []
    named = Named("topk", [2, 6], tokens, {(6, 1): 'Residues with "C" & <D>'})
    stated = {**STATED, **more}
    return circuit_graph(circuit(by_token), dictionaries(), named, mean_interval, stated)


def test_nodes_edges_and_what_they_say():
    graph = graph_of()
    assert graph.graph == {"format": FORMAT, **STATED}
    assert list(graph) == ["6/topk/1@3", "2/topk/5@1", "2/topk/6@3", "2/topk/error@2", "output"]
    assert graph.nodes["6/topk/1@3"] == {
        **{"kind": "feature", "layer": 6, "variant": "topk", "feature": 1},
        **{"label": 'Residues with "C" & <D>', "position": 3, "residue": "V"},
        **{"activation": 4.0, "effect": 2.0},
    }
    assert graph.nodes["2/topk/error@2"] == {
        **{"kind": "error", "layer": 2, "variant": "topk", "position": 2, "residue": "K"},
        **{"activation": 1.0, "effect": 1.0},
    }
    assert list(graph.edges(keys=True, data="weight")) == [
        ("6/topk/1@3", "output", "attribution", 2.0),
        ("2/topk/5@1", "6/topk/1@3", "attribution", 1.25),
        ("2/topk/6@3", "6/topk/1@3", "match", 1.0),
        ("2/topk/error@2", "6/topk/1@3", "attribution", 0.75),
    ]


def test_of_several_sites_nodes_have_no_position_and_an_interval():
    graph = graph_of(by_token=False)
    assert list(graph)[:2] == ["6/topk/1", "2/topk/5"]
    node = graph.nodes["6/topk/1"]
    assert "position" not in node
    # 1 and 3: by hand, 2 -+ 12.7062 x sqrt(2) / sqrt(2).
    assert node["effect_low"] == pytest.approx(2 - 12.7062, abs=1e-3)
    assert node["effect_high"] == pytest.approx(2 + 12.7062, abs=1e-3)
    assert ("2/topk/6", "6/topk/1", "match") in graph.edges(keys=True)


def test_json_and_graphml_give_the_graph_back():
    graph = graph_of()
    back = nx.node_link_graph(as_json(graph), edges="edges")
    assert nx.utils.graphs_equal(back, graph)
    from_xml = nx.parse_graphml(as_graphml(graph), force_multigraph=True)
    assert dict(from_xml.nodes(data=True)) == dict(graph.nodes(data=True))
    assert sorted(from_xml.edges(keys=True, data="weight")) == sorted(
        graph.edges(keys=True, data="weight")
    )
    assert from_xml.graph["curve"] == "[[3, 0.9]]"
    assert from_xml.graph["at_stake"] == 2.5
    assert as_graphml(graph_of()) == as_graphml(graph)


def test_the_picture_has_a_box_for_each_node_and_a_curve_for_each_edge():
    graph = graph_of()
    svg = circuit_svg(graph)
    root = ElementTree.fromstring(svg)
    space = {"s": "http://www.w3.org/2000/svg"}
    titles = [one.text for one in root.findall("s:g/s:title", space)]
    assert len(titles) == len(graph)
    assert len(root.findall("s:path", space)) == graph.number_of_edges()
    texts = [one.text for one in root.iter("{http://www.w3.org/2000/svg}text")]
    assert texts[0] == "log p(V) at V3 of P1 <&>"
    assert texts[1].startswith("3 features keep 90% of what all features do (+2.50 nats), along 1")
    assert "6/topk/1 @ residue 3 (V)" in texts
    assert '+2.00  "C" & <D>' in texts
    assert "2/topk/error @ residue 2 (K)" in texts
    # All boxes lie within the picture, and none on another.
    width, height = (float(root.get(name)) for name in ("width", "height"))
    boxes = [
        (float(r.get("x")), float(r.get("y")), float(r.get("width")), float(r.get("height")))
        for r in root.findall("s:g/s:rect", space)
    ]
    for n, (x, y, w, h) in enumerate(boxes):
        assert 0 <= x <= width - w
        assert 0 <= y <= height - h
        assert not any(abs(x - a) < w and abs(y - b) < h for a, b, *_ in boxes[n + 1 :])


def test_of_a_large_layer_the_strongest_nodes_are_drawn_in_the_order_of_residues():
    graph = nx.MultiDiGraph()
    for n in range(25):
        about = {"kind": "feature", "layer": 3, "feature": n, "variant": "v", "residue": "A"}
        graph.add_node(f"3/v/{n}@{n}", effect=float(-n), position=100 - n, **about)
    graph.add_node("output", kind="output")
    drawn, output = drawn_nodes(graph)
    assert [graph.nodes[name]["feature"] for name in drawn] == list(range(24, 14, -1))
    assert len(drawn) == MOST_IN_COLUMN
    assert output == ["output"]
    svg = circuit_svg(nx.MultiDiGraph(graph, **STATED))
    assert re.search(r"layer 3 \(the 10 strongest of 25 nodes\)", svg)
