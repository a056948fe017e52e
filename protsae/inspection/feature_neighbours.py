"""What is like a feature, and what becomes of it in other layers: rows of a run, and in words."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from protsae.association.scoring.metrics import CALLED_Q
from protsae.errors import UserError
from protsae.inspection.feature_name import FeatureName
from protsae.io.table_files.bound_tables import read_bound_table
from protsae.io.table_files.parquet import read_metadata, read_table
from protsae.run.layout import NEIGHBOUR_FOLDER
from protsae.run.run_places import feature_name, place
from protsae.schema.features.feature_tables import FEATURES
from protsae.schema.neighbours.match_tables import MATCHES
from protsae.schema.neighbours.neighbour_tables import NEIGHBOURS
from protsae.schema.table import Table

NAMED = 3
"""Neighbours of each kind that are named."""

Key = tuple[int, str, int]
"""Layer, variant and feature."""


@dataclass(frozen=True, eq=False)
class FeatureNeighbours:
    """Rows of the tables ``neighbours`` and ``matches`` that are of a feature.

    Attributes
    ----------
    near : DataFrame
        Its neighbours.
    following, previous : DataFrame
        Its match in the next layer, and the matches of the layer before that it is.
    labels : mapping of (layer, variant, feature) to str
        Labels of the features of its model that have one.
    """

    near: pd.DataFrame
    following: pd.DataFrame
    previous: pd.DataFrame
    labels: Mapping[Key, str]

    def words(self) -> list[tuple[str, str]]:
        """Heads and what is said under them; nothing where nothing is known."""
        said = [
            ("direction", self._near("decoder", "cosine {value:.2f}, random {random_cosine:.2f}")),
            (
                "residues",
                self._near("residues", "Jaccard {test_value:.2f}, by amino acid {expected:.2f}"),
            ),
            (
                "proteins",
                self._near("proteins", "Jaccard {test_value:.2f}, by chance {expected:.2f}"),
            ),
            ("prev. layer", _listed([self._match(row, "") for row in _called(self.previous)])),
            (
                "next layer",
                _listed([self._match(row, "match_") for row in _called(self.following)]),
            ),
        ]
        return [(head, text) for head, text in said if text]

    def _near(self, kind: str, numbers: str) -> str:
        rows = self.near[self.near["kind"] == kind].sort_values("rank")
        if kind != "decoder":
            rows = rows[rows["test_value"].notna() & rows["expected"].notna()]
        named = [
            f"{self._named(int(row['layer']), row['variant'], int(row['neighbour']))} "
            f"({numbers.format_map(row)})"
            for row in rows.head(NAMED).to_dict("records")
        ]
        return _listed(named)

    def _match(self, row: Mapping[Any, Any], prefix: str) -> str:
        feature = int(row["match" if prefix else "feature"])
        name = self._named(int(row[f"{prefix}layer"]), row[f"{prefix}variant"], feature)
        what = "the same feature" if row["persists"] == 1 else "related"
        cheap = ("exchanged_correlation", "rotated_correlation", "residue_correlation")
        largest = max(row[column] for column in cheap)
        return (
            f"{name} ({what}: correlation {row['correlation']:.2f}; place, protein or amino acid "
            f"alone give {largest:.2f}; q {row['q_value']:.1g})"
        )

    def _named(self, layer: int, variant: str, feature: int) -> str:
        name = feature_name(layer, variant, feature)
        label = self.labels.get((layer, variant, feature))
        return f"{name} {label}" if label else name


_NO_MATCHES = pd.DataFrame(columns=MATCHES.names)
NOTHING = FeatureNeighbours(pd.DataFrame(columns=NEIGHBOURS.names), _NO_MATCHES, _NO_MATCHES, {})
"""Of a run without these tables."""


def read_neighbours(
    results: Path, name: FeatureName, annotated: Mapping[str, Any]
) -> FeatureNeighbours:
    """Read the rows of a feature; `NOTHING` if the run has no such tables or SAE in them.

    Parameters
    ----------
    annotated : mapping
        What a table of annotate states of the feature's layer.

    Raises
    ------
    UserError
        If a table is damaged, or of an earlier run.
    """
    folder = results / NEIGHBOUR_FOLDER
    if not (folder / "neighbours.parquet").is_file():
        return NOTHING
    of_model = {"model": name.model}
    own = {**of_model, "layer": name.layer, "variant": name.variant, "feature": name.feature}
    tables: tuple[tuple[Table, dict[str, Any]], ...] = (
        (NEIGHBOURS, own),
        (MATCHES, own),
        (MATCHES, {**of_model, "match_layer": name.layer, "match_variant": name.variant}),
    )
    found = []
    for table, where in tables:
        path = folder / f"{table.name}.parquet"
        validate_related(path, name.model, name.layer, name.variant, annotated)
        found.append(read_table(path, table, where=where))
    near, matches, others = found
    following = matches[matches["match_layer"] > matches["layer"]]
    previous = others[(others["layer"] < name.layer) & (others["match"] == name.feature)]
    columns = ["model", "layer", "variant", "feature", "label"]
    rows = read_bound_table(results, FEATURES, columns, where=of_model)
    rows = rows[rows["label"].notna()]
    keys = zip(rows["layer"], rows["variant"], rows["feature"], strict=True)
    labels: dict[Key, str] = dict(zip(keys, rows["label"], strict=True))
    return FeatureNeighbours(near, following, previous, labels)


def validate_related(
    path: Path, model: str, layer: int, variant: str, annotated: Mapping[str, Any]
) -> None:
    """Raise UserError if a table of neighbours is not of the SAE that a layer's tables are of.

    Parameters
    ----------
    path : Path
        The table of neighbours.
    annotated : mapping
        What a table of annotate states of the layer.
    """
    stamp = read_metadata(path)
    same = ("split_sha256", "annotations_sha256")
    is_same = all(stamp.get(key) == annotated.get(key) for key in same)
    sae = stamp["saes"].get(f"{place(model, layer)}/{variant}")
    if not is_same or sae not in (None, annotated["saes"].get(variant)):
        raise UserError(
            f"{path}: of an earlier run; run the neighbours stage again, or delete {path.parent}"
        )


def _called(rows: pd.DataFrame) -> list[dict[Any, Any]]:
    if rows.empty:
        return []
    return rows[rows["q_value"] <= CALLED_Q].to_dict("records")


def _listed(texts: list[str]) -> str:
    return "; ".join(texts)
