"""A circuit in words, with every sentence that depends on how good it is."""

import networkx as nx
import pytest

from protsae.screen.interventions.circuit_lines import circuit_lines, warnings_of

STATED = {
    **{"output": "log p(K) at K2", "layers": [4, 6], "variant": "topk", "is_masked": True},
    **{"share": 0.8, "n_active": 1234, "n_needed": 2, "n_nodes": 2, "n_edges": 1, "n_judged": 1},
    **{"clean_output": -1.0, "ablated_output": -3.0, "at_stake": 2.0, "faithfulness": 0.81},
    **{"node_faithfulness": 0.92, "without": 0.1, "random_faithfulness": 0.0, "random_low": -0.02},
    **{"random_high": 0.05, "random_as_good": 0.0, "strongest_faithfulness": 0.3},
    **{"no_errors_faithfulness": 0.7, "no_errors_all_features": 1.1},
}


def graph_of(**changes):
    graph = nx.MultiDiGraph(**{**STATED, **changes})
    about = {"kind": "feature", "layer": 6, "position": 2}
    graph.add_node("6/topk/7@2", **about, effect=-0.5)
    graph.add_node("6/topk/246@2", **about, effect=1.5, label="cysteine")
    graph.add_node("4/topk/error@2", kind="error", layer=4, effect=9.0)
    graph.add_node("output", kind="output")
    return graph


def test_a_circuit_in_words():
    lines = circuit_lines(graph_of())
    assert all(len(line) <= 100 for line in lines)
    assert " ".join(" ".join(lines).split()) == (
        "log p(K) at K2: -1.00 with the residue masked, -3.00 with all topk features of layers "
        "4, 6 ablated "
        "Graph: 2 feature nodes of 1,234 active, 1 edge between them "
        "Keeps: 81% of what all features do, at the residue it was found at; 92% with all edges; "
        "without these nodes 10% is left "
        "As many of each layer: random nodes 0% (-2% to 5%), those with the largest activations "
        "30% "
        "With errors ablated, too: nodes 70%, all features 110% "
        "Layer 4: none "
        "Layer 6: 6/topk/246@2 (cysteine) +1.50; 6/topk/7@2 -0.50"
    )


def test_of_several_sites_the_interval_is_there():
    graph = graph_of(n_judged=7, faithfulness_low=0.5, faithfulness_high=1.1)
    text = " ".join(" ".join(circuit_lines(graph)).split())
    assert (
        "81% (50% to 110%) of what all features do, at 7 other sites, +2.00 nats at stake" in text
    )


@pytest.mark.parametrize(
    ("changes", "notes"),
    [
        ({}, ["the graph was judged at the one residue that it was chosen for"]),
        ({"n_judged": 7}, []),
        (
            {"n_judged": 7, "n_needed": 500},
            [
                "the graph does not keep 80%: it is the 2 nodes with the largest effects "
                "(--most-nodes)"
            ],
        ),
        (
            {"n_judged": 7, "random_as_good": 0.25},
            ["25% of graphs of random nodes do as well: this circuit says little"],
        ),
        (
            {"n_judged": 7, "at_stake": -0.5},
            [
                "at the other sites all features do -0.50 nats, +2.00 where the graph was found: "
                "shares of that say nothing"
            ],
        ),
        (
            {"n_judged": 7, "at_stake": 0.01},
            [
                "at the other sites all features do +0.01 nats, +2.00 where the graph was found: "
                "shares of that say nothing"
            ],
        ),
    ],
)
def test_what_one_should_know(changes, notes):
    assert warnings_of(graph_of(**changes)) == [f"note: {text}" for text in notes]


def test_no_number_of_nodes_may_do():
    graph = graph_of()
    del graph.graph["n_needed"]
    assert "no number of nodes keeps the share" in " ".join(circuit_lines(graph))
    assert warnings_of(graph)[0].startswith("note: the graph does not keep 80%")
