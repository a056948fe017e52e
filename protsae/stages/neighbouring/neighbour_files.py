"""Files of how features stand to one another, and the lines that say what is in them."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import networkx as nx
import pandas as pd

from protsae import __version__
from protsae.association.scoring.metrics import CALLED_Q
from protsae.features.recurrence import LEAST_CORRELATION
from protsae.interventions.circuits.circuit_graph import FORMAT, as_graphml, as_json
from protsae.io.atomic import atomic_path
from protsae.io.json_files import write_document
from protsae.io.saes.sae_identity import sae_sha256
from protsae.io.table_files.parquet import text_checksums, write_table
from protsae.run.run_places import feature_name, place
from protsae.schema.features.feature_tables import LAYER_FEATURES
from protsae.stages.neighbouring.related_run import RelatedRun
from protsae.stages.neighbouring.related_tables import TABLES, NeighbourTables

GRAPH, GRAPHML = "matches.json", "matches.graphml"


def write_neighbours(folder: str | Path, tables: NeighbourTables, run: RelatedRun) -> None:
    """Write all tables, bound to the run's proteins and SAEs, and the graph of matches."""
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    annotated = [
        run.annotated(model, layer, LAYER_FEATURES)
        for model, layer in run.layers
        if model == run.model
    ]
    graph = match_graph(tables.matches, pd.concat(annotated), run.model)
    with atomic_path(folder / GRAPHML) as temporary:
        temporary.write_text(as_graphml(graph), encoding="utf-8", newline="\n")
    write_document(folder / GRAPH, as_json(graph))
    related = tables.map[["model", "layer", "variant"]].drop_duplicates()
    own = [(model, int(layer), variant) for model, layer, variant in related.to_numpy()]
    metadata = {
        "stage": "neighbours",
        **run.study.stamp(run.annotations),
        "saes": {
            f"{place(model, layer)}/{variant}": sae_sha256(run.sae_folder(model, layer, variant))
            for model, layer, variant in own
        },
        "texts": text_checksums(folder / GRAPHML),
        "code_version": __version__,
    }
    for name, table in TABLES.items():
        write_table(folder / f"{name}.parquet", getattr(tables, name), table, metadata)


def match_graph(matches: pd.DataFrame, features: pd.DataFrame, model: str) -> nx.MultiDiGraph:
    """Matches of successive layers as a graph, in the format of circuits.

    Nodes are features, with their labels; an edge of the kind ``match`` has the cosine of their
    decoder vectors as its weight, and their correlation. Only features that persist in the next
    layer.
    """
    own = features[features["model"] == model]
    keys = zip(own["layer"], own["variant"], own["feature"], strict=True)
    labels: Mapping[tuple[int, str, int], str | None] = dict(zip(keys, own["label"], strict=True))
    called = matches[
        (matches["model"] == model)
        & (matches["match_layer"] > matches["layer"])
        & (matches["persists"] == 1)
    ]
    graph = nx.MultiDiGraph(format=FORMAT, model=model)

    def node(layer: int, variant: str, feature: int) -> str:
        name = feature_name(layer, variant, feature)
        stated: dict[str, Any] = {"kind": "feature", "layer": layer, "variant": variant}
        stated["feature"] = feature
        if isinstance(label := labels.get((layer, variant, feature)), str):
            stated["label"] = label
        graph.add_node(name, **stated)
        return name

    for row in called.to_dict("records"):
        source = node(int(row["layer"]), row["variant"], int(row["feature"]))
        target = node(int(row["match_layer"]), row["match_variant"], int(row["match"]))
        stated = {"weight": float(row["match_cosine"]), "correlation": float(row["correlation"])}
        graph.add_edge(source, target, key="match", kind="match", **stated)
    return graph


def neighbour_lines(tables: NeighbourTables, run: RelatedRun) -> list[str]:
    """What was found, for each SAE of the run's own model."""
    lines = []
    for variant in dict.fromkeys(tables.map["variant"]):
        own = {
            name: _of(getattr(tables, name), run.model, variant)
            for name in ("map", "communities", "matches", "absorption")
        }
        placed = own["map"]
        n_communities = len(placed[["layer", "community"]].dropna().drop_duplicates())
        about = own["communities"][own["communities"]["q_value"] <= CALLED_Q]
        n_about = len(about[["layer", "community"]].drop_duplicates())
        lines.append(
            f"{variant}: {len(placed):,} features in {n_communities:,} communities, {n_about:,} of "
            f"which have a concept more often than random sets of features (q <= {CALLED_Q})"
        )
        following = own["matches"][own["matches"]["match_layer"] > own["matches"]["layer"]]
        if len(following):
            lines.append(f"{variant}: {match_line(following)}")
        across = own["matches"][own["matches"]["match_model"] != run.model]
        if len(across):
            lines.append(f"{variant}: {across_line(across)}")
        absorption = own["absorption"]
        taken = absorption[absorption["found"] == 1]
        lines.append(
            f"{variant}: of {len(absorption):,} pairs of a concept and a narrower one, "
            f"{len(taken):,} in which the narrower one's feature stands in for the other"
        )
    return lines


def match_line(following: pd.DataFrame) -> str:
    """Of matches with the next layer, how many are the same feature, and how close they are."""
    told = following[following["persists"].notna()]
    same = told[told["persists"] == 1]
    related = told[(told["persists"] == 0) & (told["q_value"] <= CALLED_Q)]
    beyond = same[same["residue_correlation"] < LEAST_CORRELATION]
    agree = int((same["match"] == same["decoder_match"]).sum())
    return (
        f"of {len(told):,} features active in 10 test clusters, {len(same):,} persist in the next "
        f"layer, {len(beyond):,} of them as more than an amino acid, {agree:,} by decoder vector, "
        f"too; {len(related):,} others have a relative there"
    )


def across_line(across: pd.DataFrame) -> str:
    """Of matches with the permuted model's same layer, how many are close, and how many more."""
    told = across[across["persists"].notna()]
    close = int((told["correlation"] >= LEAST_CORRELATION).sum())
    return (
        f"of {len(told):,} features active in 10 test clusters, {close:,} correlate by "
        f"{LEAST_CORRELATION:.2f} or more with one of the permuted model, "
        f"{int(told['persists'].sum()):,} of them as more than a place, a protein or an amino acid"
    )


def _of(table: pd.DataFrame, model: str, variant: str) -> pd.DataFrame:
    return table[(table["model"] == model) & (table["variant"] == variant)]
