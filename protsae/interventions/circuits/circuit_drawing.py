"""A circuit as a picture: layers from left to right, the strongest nodes and edges of each."""

from html import escape
from typing import Any

import networkx as nx

from protsae.interventions.circuits.circuit_graph import OUTPUT
from protsae.one_line import cut

MOST_IN_COLUMN, MOST_EDGES = 10, 60
"""Nodes of a layer, and edges, that are drawn."""

WIDTH, GAP, HEIGHT, ROW, TOP, MARGIN = 250, 90, 40, 54, 112, 20
UP, DOWN, PLAIN, MATCH = "#1b6ca8", "#c8553d", "#777777", "#2a9d57"
LETTERS_IN_BOX = 44
LEGEND = (
    "In a box: the effect in nats, and what the feature is. Blue raises the output, red lowers it; "
    "grey: errors of the SAEs; dashed: directions match."
)


def drawn_nodes(graph: nx.MultiDiGraph) -> list[list[str]]:
    """Ids of the nodes that are drawn, layer by layer, and last the output.

    Of each layer those with the largest effects; from top to bottom by position, then by effect.
    """
    layers = sorted({data["layer"] for _, data in graph.nodes(data=True) if "layer" in data})
    columns = []
    for layer in layers:
        own = [name for name, data in graph.nodes(data=True) if data.get("layer") == layer]
        own.sort(key=lambda name: (-abs(graph.nodes[name]["effect"]), name))
        chosen = own[:MOST_IN_COLUMN]
        chosen.sort(key=lambda name: graph.nodes[name].get("position", 0))
        columns.append(chosen)
    return [*columns, [OUTPUT]]


def circuit_svg(graph: nx.MultiDiGraph) -> str:
    """The picture as SVG text.

    Blue raises the output, red lowers it; an edge is as wide as its weight is large. Grey boxes are
    errors; a dashed green line joins features whose directions match.

    Parameters
    ----------
    graph : MultiDiGraph
        Of a run: with the attributes that docs/tables.md lists.
    """
    columns = drawn_nodes(graph)
    rows = max(map(len, columns))
    height = TOP + rows * ROW + MARGIN
    width = 2 * MARGIN + len(columns) * WIDTH + (len(columns) - 1) * GAP
    places: dict[str, tuple[float, float]] = {}
    parts = []
    for number, column in enumerate(columns):
        left = MARGIN + number * (WIDTH + GAP)
        first = TOP + (rows - len(column)) * ROW / 2
        for row, name in enumerate(column):
            places[name] = (left, first + row * ROW)
        if column != [OUTPUT]:
            total = sum(1 for _, data in graph.nodes(data=True)
                        if data.get("layer") == graph.nodes[column[0]]["layer"])  # fmt: skip
            shown = f"layer {graph.nodes[column[0]]['layer']}"
            if total > len(column):
                shown += f" (the {len(column)} strongest of {total} nodes)"
            parts.append(_text(left, TOP - 14, shown, PLAIN, 11))
    body = [*_edges(graph, places), *(_box(graph, name, *at) for name, at in places.items())]
    head = [_text(MARGIN, 26, graph.graph["output"], "#111111", 15, bold=True)]
    head.append(_text(MARGIN, 46, _quality(graph), "#444444", 11))
    head.append(_text(MARGIN, 64, LEGEND, PLAIN, 10))
    lines = "\n".join([*head, *parts, *body])
    size = f'width="{width}" height="{height:g}" viewBox="0 0 {width} {height:g}"'
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" {size} style="font:11px sans-serif">\n'
        f'<rect width="100%" height="100%" fill="white"/>\n{lines}\n</svg>\n'
    )


def _quality(graph: nx.MultiDiGraph) -> str:
    stated = graph.graph
    return (
        f"{stated['n_nodes']} features keep {stated['node_faithfulness']:.0%} of what all features "
        f"do ({stated['at_stake']:+.2f} nats), along {stated['n_edges']} edges "
        f"{stated['faithfulness']:.0%}; as many random ones {stated['random_faithfulness']:.0%} "
        f"({stated['random_low']:.0%} to {stated['random_high']:.0%})"
    )


def _edges(graph: nx.MultiDiGraph, places: dict[str, tuple[float, float]]) -> list[str]:
    own = [
        (source, target, data)
        for source, target, data in graph.edges(data=True)
        if source in places and target in places
    ]
    attributions = [edge for edge in own if edge[2]["kind"] == "attribution"]
    attributions.sort(key=lambda edge: (-abs(edge[2]["weight"]), edge[0], edge[1]))
    largest = max((abs(data["weight"]) for *_, data in attributions), default=1.0) or 1.0
    drawn = []
    for source, target, data in reversed(attributions[:MOST_EDGES]):
        share = abs(data["weight"]) / largest
        style = f'stroke="{_colour(data["weight"])}" stroke-width="{0.6 + 6 * share:.2f}"'
        said = f"{source} to {target}: {data['weight']:+.3f}"
        drawn.append(_curve(places[source], places[target], f'{style} opacity="0.55"', said))
    for source, target, data in own:
        if data["kind"] == "match":
            said = f"{source} and {target}: cosine {data['weight']:.2f}"
            style = f'stroke="{MATCH}" stroke-width="1.4" stroke-dasharray="3 4"'
            drawn.append(_curve(places[source], places[target], style, said, lower=7))
    return drawn


def _curve(
    source: tuple[float, float], target: tuple[float, float], style: str, said: str, lower: int = 0
) -> str:
    x0, y0 = source[0] + WIDTH, source[1] + HEIGHT / 2 + lower
    x1, y1 = target[0], target[1] + HEIGHT / 2 + lower
    bend = (x1 - x0) / 2
    path = f"M{x0:g} {y0:g} C{x0 + bend:g} {y0:g} {x1 - bend:g} {y1:g} {x1:g} {y1:g}"
    return f'<path d="{path}" fill="none" {style}><title>{escape(said)}</title></path>'


def _box(graph: nx.MultiDiGraph, name: str, left: float, top: float) -> str:
    data: dict[str, Any] = graph.nodes[name]
    if name == OUTPUT:
        fill, stroke, texts = "#f4f4f4", "#111111", ["output", ""]
    else:
        is_error = data["kind"] == "error"
        fill = "#eeeeee" if is_error else "white"
        stroke = _colour(data["effect"])
        what = "error" if is_error else str(data["feature"])
        where = f" @ residue {data['position']} ({data['residue']})" if "position" in data else ""
        texts = [f"{data['layer']}/{data['variant']}/{what}{where}"]
        label = data.get("label", "").removeprefix("Residues with ")
        texts.append(f"{data['effect']:+.2f}  {label}".strip())
    box = f'<rect x="{left:g}" y="{top:g}" width="{WIDTH}" height="{HEIGHT}" rx="4"'
    said = escape(f"{name}: effect {data.get('effect', 0):+.3f}. {data.get('label', '')}")
    return (
        f'<g><title>{said}</title>{box} fill="{fill}" stroke="{stroke}" stroke-width="1.5"/>'
        f"{_text(left + 8, top + 16, texts[0], '#111111', 11)}"
        f"{_text(left + 8, top + 32, cut(texts[1], LETTERS_IN_BOX), '#444444', 10)}</g>"
    )


def _text(x: float, y: float, text: str, colour: str, size: int, bold: bool = False) -> str:
    weight = ' font-weight="bold"' if bold else ""
    style = f'font-size="{size}" fill="{colour}"{weight}'
    return f'<text x="{x:g}" y="{y:g}" {style}>{escape(text)}</text>'


def _colour(weight: float) -> str:
    return UP if weight >= 0 else DOWN
