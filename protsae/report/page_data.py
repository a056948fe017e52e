"""What the page shows, read from a results folder: tables and JSON, nothing else."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from protsae.association.run_tables import concatenate, summarise
from protsae.concepts.label_sets import LabelSet
from protsae.errors import UserError
from protsae.inspection.feature_neighbours import validate_related
from protsae.io.json_files import read_document
from protsae.io.protein_files.residue_labels import read_label_sets
from protsae.io.saes.evaluations import read_evaluation
from protsae.io.table_files.annotations_table import read_annotations_table
from protsae.io.table_files.bound_tables import read_bound_table
from protsae.io.table_files.parquet import read_metadata, read_table
from protsae.io.table_files.proteins_table import read_split_proteins, study_stamp
from protsae.report.ranking import best_features
from protsae.run.layout import NEIGHBOUR_FOLDER
from protsae.run.run_places import place
from protsae.run.same_study import validate_place, validate_same_study
from protsae.schema.features.best_features_table import BEST_FEATURES
from protsae.schema.features.example_tables import EXAMPLES, LOGOS
from protsae.schema.features.feature_tables import FEATURES
from protsae.schema.missing_annotation_tables import CANDIDATES, RECOVERY, RELIABILITY
from protsae.schema.neighbours.neighbour_tables import MAP
from protsae.schema.pair_tables import DETECTORS
from protsae.schema.reference_tables import PROBES
from protsae.schema.saes.training_table import TRAINING
from protsae.schema.table import Table

OF_LAYERS = (EXAMPLES, LOGOS, DETECTORS, CANDIDATES, RECOVERY, RELIABILITY)
"""Tables of annotate that are shown."""

SHOWN_ON_MAPS = ("concept", "concept_type", "q_value", "f1", "label", "confidence")
"""Columns of the feature table that maps show."""


@dataclass(frozen=True)
class Layer:
    """One layer of one model: its best features, their examples, and how its SAEs trained.

    Attributes
    ----------
    best : DataFrame
        Rows of the feature table as `best_features` ranks them.
    examples : DataFrame
        Strongest segments of those features, by variant, feature, rank.
    logos : DataFrame
        Sequence logos of those features, without background.
    evaluations : dict of str to dict
        By variant; with the density histogram.
    training : dict of str to DataFrame
        By variant.
    detectors : DataFrame
        Of the SAEs and the baselines beside them, as in docs/tables.md.
    placed : DataFrame
        Rows of the table ``map``, with ``SHOWN_ON_MAPS`` of their features; none without a map.
    """

    model: str
    number: int
    best: pd.DataFrame
    examples: pd.DataFrame
    logos: pd.DataFrame
    evaluations: dict[str, dict[str, Any]]
    training: dict[str, pd.DataFrame]
    detectors: pd.DataFrame
    placed: pd.DataFrame


@dataclass(frozen=True)
class PageData:
    """What the page shows of a run.

    Attributes
    ----------
    provenance : dict
        provenance.json of the fetch stage.
    proteins : DataFrame
        All of them.
    annotations : DataFrame
        Of the proteins that stand in an example.
    labels : list of LabelSet
        Of label files.
    features, best_features, detectors, summary : DataFrame
    probes, candidates, recovery, reliability : DataFrame
        As in docs/tables.md, of all layers.
    layers : list of Layer
        In the order of the feature table.
    """

    provenance: dict[str, Any]
    proteins: pd.DataFrame
    annotations: pd.DataFrame
    labels: list[LabelSet]
    features: pd.DataFrame
    best_features: pd.DataFrame
    detectors: pd.DataFrame
    summary: pd.DataFrame
    probes: pd.DataFrame
    candidates: pd.DataFrame
    recovery: pd.DataFrame
    reliability: pd.DataFrame
    layers: list[Layer]


def read_page_data(
    results: str | Path, features_per_layer: int, labels: Sequence[str | Path] = ()
) -> PageData:
    """Read the feature table, and of the layers that it names the files that belong to them.

    Parameters
    ----------
    labels : sequence of str or Path
        Files of ``concepts.labels``; they lie outside the results.

    Raises
    ------
    UserError
        If a file is missing, is not protsae's, or does not fit the others.
    """
    results = Path(results)
    proteins, protein_set = read_split_proteins(results / "proteins" / "proteins.parquet")
    features = read_bound_table(results, FEATURES)
    if features.empty:
        raise UserError(f"{results / 'features.parquet'}: no features; run the annotate stage")
    layers = [
        _read_layer(results, str(model), int(str(number)), rows, features_per_layer)
        for (model, number), rows in features.groupby(["model", "layer"], sort=False)
    ]
    _validate_parts(results, study_stamp(proteins, protein_set), layers)
    folders = [f"{layer.model}/layer-{layer.number:02d}" for layer in layers]

    def of_layers(part: str, table: Table) -> pd.DataFrame:
        paths = [results / part / folder / f"{table.name}.parquet" for folder in folders]
        return _concatenated([read_table(path, table) for path in paths])

    candidates = of_layers("annotation", CANDIDATES)
    shown = {accession for layer in layers for accession in layer.examples["accession"]}
    _validate_known(shown | set(candidates["accession"]), set(proteins["accession"]), results)
    sequences = dict(zip(proteins["accession"], proteins["sequence"], strict=True))
    annotations = read_annotations_table(results / "proteins" / "annotations.parquet", protein_set)
    evaluations = [document for layer in layers for document in layer.evaluations.values()]
    return PageData(
        provenance=read_document(results / "proteins" / "provenance.json"),
        proteins=proteins,
        annotations=annotations[annotations["accession"].isin(shown)].reset_index(drop=True),
        labels=read_label_sets(labels, sequences)[0],
        features=features,
        best_features=read_bound_table(results, BEST_FEATURES),
        detectors=concatenate([layer.detectors for layer in layers]),
        summary=summarise(evaluations, features),
        probes=of_layers("probes", PROBES),
        candidates=candidates,
        recovery=of_layers("annotation", RECOVERY),
        reliability=of_layers("annotation", RELIABILITY),
        layers=layers,
    )


def _read_layer(
    results: Path, model: str, number: int, features: pd.DataFrame, features_per_layer: int
) -> Layer:
    folder = f"{model}/layer-{number:02d}"
    best = best_features(features, features_per_layer)
    variants = list(dict.fromkeys(features["variant"]))
    saes = {variant: results / "sae" / folder / variant for variant in variants}
    annotation = results / "annotation" / folder
    drawn = [name for name in LOGOS.names if name != "background"]
    return Layer(
        model,
        number,
        best,
        _of_features(read_table(annotation / "examples.parquet", EXAMPLES), best),
        _of_features(read_table(annotation / "logos.parquet", LOGOS, drawn), best),
        {name: read_evaluation(sae / "evaluation.json") for name, sae in saes.items()},
        {name: read_table(sae / "training.parquet", TRAINING) for name, sae in saes.items()},
        read_table(annotation / "detectors.parquet", DETECTORS),
        _placed(results, model, number, features),
    )


def _placed(results: Path, model: str, number: int, features: pd.DataFrame) -> pd.DataFrame:
    """Features of the layer with their places on a map, if the run has one."""
    path = results / NEIGHBOUR_FOLDER / "map.parquet"
    if not path.is_file():
        return pd.DataFrame(columns=[*MAP.names, *SHOWN_ON_MAPS])
    rows = read_table(path, MAP, where={"model": model, "layer": number})
    annotated = read_metadata(results / "annotation" / place(model, number) / "features.parquet")
    for variant in rows["variant"].unique():
        validate_related(path, model, number, variant, annotated)
    key = ["variant", "feature"]
    return rows.merge(features[[*key, *SHOWN_ON_MAPS]], on=key, how="left")


def _of_features(rows: pd.DataFrame, best: pd.DataFrame) -> pd.DataFrame:
    """Rows of the given features, and of no others."""
    return rows.merge(best[["variant", "feature"]], on=["variant", "feature"])


def _validate_parts(results: Path, study: dict[str, Any], layers: Sequence[Layer]) -> None:
    """Every file is of these proteins and splits, and of the layer and SAE of its folder."""
    tables = ["features.parquet"]
    stamps: dict[str, dict[str, Any]] = {}
    for layer in layers:
        folder = f"{layer.model}/layer-{layer.number:02d}"
        tables += [f"annotation/{folder}/{table.name}.parquet" for table in OF_LAYERS]
        tables += [f"probes/{folder}/probes.parquet"]
        tables += [f"sae/{folder}/{variant}/training.parquet" for variant in layer.training]
        for variant, document in layer.evaluations.items():
            stamps[f"sae/{folder}/{variant}/evaluation.json"] = document
    stamps |= {name: read_metadata(results / name) for name in tables}
    for name, stamp in stamps.items():
        validate_place(results, name, stamp)
    validate_same_study({str(results / name): stamp for name, stamp in stamps.items()}, study)


def _validate_known(shown: Iterable[str], known: set[str], results: Path) -> None:
    unknown = sorted(set(shown) - known)
    if unknown:
        raise UserError(
            f"{results / 'proteins' / 'proteins.parquet'}: no protein {unknown[0]!r}, which the "
            "examples or candidates name; run the annotate stage again"
        )


def _concatenated(parts: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """All rows, in order; columns of empty parts, which have no types, decide nothing."""
    return pd.concat([part for part in parts if len(part)] or parts[:1], ignore_index=True)
