"""Files of a circuit: node-link JSON, GraphML and a picture."""

from pathlib import Path

import networkx as nx

from protsae.errors import UserError
from protsae.interventions.circuits.circuit_drawing import circuit_svg
from protsae.interventions.circuits.circuit_graph import FORMAT, as_graphml, as_json
from protsae.io.atomic import atomic_path
from protsae.io.json_files import read_document, write_document

JSON, GRAPHML, SVG = "circuit.json", "circuit.graphml", "circuit.svg"


def write_circuit(folder: Path, graph: nx.MultiDiGraph) -> None:
    """Write a graph three times over; equal graphs give equal bytes."""
    for name, text in ((GRAPHML, as_graphml(graph)), (SVG, circuit_svg(graph))):
        with atomic_path(folder / name) as temporary:
            temporary.write_text(text, encoding="utf-8", newline="\n")
    write_document(folder / JSON, as_json(graph))


def read_circuit(path: str | Path) -> nx.MultiDiGraph:
    """The graph that `write_circuit` wrote as JSON.

    Raises
    ------
    UserError
        If the file is missing, changed since, or no graph of this release.
    """
    document = read_document(path)
    found = document.get("graph")
    if not isinstance(found, dict) or found.get("format") != FORMAT:
        raise UserError(
            f"{path}: no graph of this release of protsae; expected the format {FORMAT}; trace the "
            "circuit again"
        )
    return nx.node_link_graph(document, edges="edges")
