"""What a circuit is and how good it is, in words."""

from typing import Any

import networkx as nx

from protsae.one_line import note
from protsae.screen.wording import count, fitted

MOST_SHOWN = 5
"""Features of a layer that are named."""

LEAST_AT_STAKE = 0.05
"""Nats at other sites of which shares are said."""


def circuit_lines(graph: nx.MultiDiGraph) -> list[str]:
    """The graph of a run's circuit, layer by layer, and what it keeps of the output."""
    stated: dict[str, Any] = graph.graph
    numbers = ", ".join(map(str, stated["layers"]))
    layers = f"layer{'s' * (len(stated['layers']) > 1)} {numbers}"
    masked = "masked" if stated["is_masked"] else "in sight"
    lines = fitted(
        f"{stated['clean_output']:.2f} with the residue {masked}, {stated['ablated_output']:.2f} "
        f"with all {stated['variant']} features of {layers} ablated",
        f"{stated['output']}: ",
    )
    said = [
        f"{count(stated['n_nodes'], 'feature node')} of {stated['n_active']:,} active, "
        f"{count(stated['n_edges'], 'edge')} between them"
    ]
    if "n_needed" not in stated:
        said.append("no number of nodes keeps the share")
    elif stated["n_needed"] > stated["n_nodes"]:
        share = (1 + stated["share"]) / 2
        said.append(f"{stated['n_needed']:,} nodes would keep {share:.0%}")
    lines += fitted("; ".join(said), "  Graph: ")
    where = "at the residue it was found at"
    if stated["n_judged"] > 1:
        where = f"at {stated['n_judged']} other sites, {stated['at_stake']:+.2f} nats at stake"
    shown = {name: _percent(x) for name, x in stated.items() if isinstance(x, (int, float))}
    interval = ""
    if "faithfulness_low" in stated:
        interval = f" ({shown['faithfulness_low']} to {shown['faithfulness_high']})"
    lines += fitted(
        f"{shown['faithfulness']}{interval} of what all features do, {where}; "
        f"{shown['node_faithfulness']} with all edges; without these nodes "
        f"{shown['without']} is left",
        "  Keeps: ",
    )
    lines += fitted(
        f"random nodes {shown['random_faithfulness']} ({shown['random_low']} to "
        f"{shown['random_high']}), those with the largest activations "
        f"{shown['strongest_faithfulness']}",
        "  As many of each layer: ",
    )
    lines += fitted(
        f"nodes {shown['no_errors_faithfulness']}, all features {shown['no_errors_all_features']}",
        "  With errors ablated, too: ",
    )
    for layer in stated["layers"]:
        own = [(name, d) for name, d in graph.nodes(data=True) if d.get("layer") == layer]
        own = [(name, d) for name, d in own if d["kind"] == "feature"]
        own.sort(key=lambda item: (-abs(item[1]["effect"]), item[0]))
        named = [_named(name, data) for name, data in own[:MOST_SHOWN]]
        if len(own) > MOST_SHOWN:
            named.append(f"{len(own) - MOST_SHOWN:,} more")
        lines += fitted("; ".join(named) or "none", f"  Layer {layer}: ")
    return lines


def warnings_of(graph: nx.MultiDiGraph) -> list[str]:
    """What one should know before concluding from a circuit."""
    stated, found = graph.graph, []
    if "n_needed" not in stated or stated["n_needed"] > stated["n_nodes"]:
        found.append(
            f"the graph does not keep {stated['share']:.0%}: it is the {stated['n_nodes']:,} nodes "
            "with the largest effects (--most-nodes)"
        )
    if stated["random_as_good"] > 0.05:
        found.append(
            f"{stated['random_as_good']:.0%} of graphs of random nodes do as well: this circuit "
            "says little"
        )
    of_found = stated["clean_output"] - stated["ablated_output"]
    if abs(stated["at_stake"]) < LEAST_AT_STAKE or stated["at_stake"] * of_found < 0:
        found.append(
            f"at the other sites all features do {stated['at_stake']:+.2f} nats, {of_found:+.2f} "
            "where the graph was found: shares of that say nothing"
        )
    if stated["n_judged"] == 1:
        found.append("the graph was judged at the one residue that it was chosen for")
    return list(map(note, found))


def _named(name: str, data: dict[str, Any]) -> str:
    label = f" ({data['label']})" if data.get("label") else ""
    return f"{name}{label} {data['effect']:+.2f}"


def wrote_line(folder: str) -> str:
    """What was written where."""
    return f"wrote {folder}/: circuit.json, circuit.graphml and circuit.svg"


def _percent(share: float) -> str:
    """Whole percent, without a minus before 0.

    Examples
    --------
    >>> _percent(-0.004), _percent(0.126), _percent(-0.77)
    ('0%', '13%', '-77%')
    """
    return f"{round(share, 2) + 0:.0%}"
