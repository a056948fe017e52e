"""The tables of a run, joined from those of its layers, references and rules."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from protsae.association.baseline_comparison import OfLayer, compare_features
from protsae.association.frozen_saes import of_frozen
from protsae.association.joined_baselines import (
    best_pairs,
    with_baselines,
    with_rules,
)
from protsae.association.run_tables import (
    concatenate,
    reference_counts,
    summarise,
)
from protsae.errors import UserError
from protsae.features.recurrence import with_stability
from protsae.io.table_files.parquet import read_metadata, read_table, validate_table
from protsae.run.run_parts import (
    Evaluations,
    Parts,
    read_evaluations,
    shown,
    validate_parts,
    validate_ruled,
    validate_same_saes,
)
from protsae.run.run_places import place
from protsae.schema.features.best_features_table import BEST_FEATURES
from protsae.schema.features.feature_tables import FEATURES, LAYER_FEATURES
from protsae.schema.interventions.effect_table import EFFECTS, OF_FEATURES
from protsae.schema.pair_tables import ASSOCIATIONS, CLUSTER_COUNTS, DETECTORS, LAYER_ASSOCIATIONS
from protsae.schema.reference_tables import PROBES, REFERENCES, RULE_COUNTS, RULES
from protsae.schema.saes.evaluation_tables import EVALUATION, SUMMARY
from protsae.schema.saes.stability_table import STABILITY
from protsae.schema.table import Table, conform


@dataclass(frozen=True)
class RunTables:
    """Features, and the best one of each concept, with their baselines and verdicts; pairs; sets of
    detectors; and SAEs of a run.

    Columns as of the tables of these names in docs/tables.md.

    Attributes
    ----------
    made_from : dict
        Checksums of the annotations, and of the SAEs by model, layer and variant.
    """

    features: pd.DataFrame
    best_features: pd.DataFrame
    associations: pd.DataFrame
    detectors: pd.DataFrame
    summary: pd.DataFrame
    made_from: dict[str, Any]


def join_tables(parts: Parts, proteins: pd.DataFrame, study: dict[str, Any]) -> RunTables:
    """Read the parts, check that they belong together, and compare features with baselines.

    Parameters
    ----------
    proteins : DataFrame
        Columns cluster and has_relative_in_train.
    study : dict
        The `study_stamp` of these proteins.

    Raises
    ------
    UserError
        If a part is missing, damaged, twice, or of another layer, SAE or run.
    """
    evaluations = read_evaluations(parts.evaluations)
    validate_parts(parts, study, evaluations)
    folders = [Path(folder) for folder in parts.annotations]
    of_layers = _join(folders, LAYER_FEATURES)
    of_pairs = _join(folders, LAYER_ASSOCIATIONS)
    detectors = _join(folders, DETECTORS)
    validate_same_saes(of_layers, evaluations)
    of_layers = of_layers.assign(freeze=_freeze(of_layers, evaluations))
    documents = [
        {name: document[name] for name in EVALUATION.names} for _, document in evaluations.values()
    ]
    d_model = {(found["model"], found["layer"]): found["d_model"] for found in documents}
    probes = pd.concat([read_table(path, PROBES) for path in parts.probes])
    references, rules = read_table(parts.references, REFERENCES), read_table(parts.rules, RULES)
    validate_ruled({*of_layers["concept"].dropna(), *of_pairs["concept"]}, rules, parts.rules)
    rule_counts = read_table(parts.rule_counts, RULE_COUNTS)
    related = set(proteins.loc[proteins["has_relative_in_train"], "cluster"])
    counts, frozen = _cluster_counts(folders), of_frozen(of_pairs, of_layers)
    found = _beside_best(of_layers, of_pairs, frozen)
    found = with_baselines(found, of_pairs, frozen, probes, references, rules, d_model)
    table = found.pop("table")
    compared = compare_features(
        found, of_pairs, frozen, counts, rule_counts, related, table.tolist()
    )
    found = found.join(compared).join(reference_counts(found).where(found["concept"].notna()))
    is_best = table == BEST_FEATURES.name
    every = with_stability(found[~is_best], _rows(parts.stability, STABILITY))
    every = with_effects(every, _rows(parts.effects, EFFECTS))
    features = conform(every, FEATURES, "features.parquet")
    best = found[is_best].merge(
        _of_own(features), on=list(FEATURES.key), how="left", validate="m:1"
    )
    best_features = conform(best[BEST_FEATURES.names], BEST_FEATURES, "best_features.parquet")
    associations = conform(with_rules(of_pairs, rules), ASSOCIATIONS, "associations.parquet")
    summary = conform(summarise(documents, features), SUMMARY, "summary.tsv")
    return RunTables(features, best_features, associations, detectors, summary, _made_from(folders))


def _beside_best(
    of_layers: pd.DataFrame, of_pairs: pd.DataFrame, frozen: pd.Series
) -> pd.DataFrame:
    """Features, and below them the best pair of each concept, with the name of their ``table``.

    Together, as the counts by cluster that both are compared by are large to read.
    """
    best = best_pairs(of_pairs, frozen).assign(freeze="none")
    rows = {
        FEATURES.name: of_layers,
        BEST_FEATURES.name: best[best.columns.intersection(of_layers.columns)],
    }
    return pd.concat([found.assign(table=name) for name, found in rows.items()])


def _of_own(features: pd.DataFrame) -> pd.DataFrame:
    """The concept that each feature matches best itself, and whether it recurs."""
    own = features[[*FEATURES.key, "concept", "recurs"]]
    return own.rename(columns={"concept": "own_concept"})


def _made_from(folders: Sequence[Path]) -> dict[str, Any]:
    """What the tables of the layers, which are all of one study, state that they were made from."""
    stamps = [read_metadata(folder / f"{LAYER_FEATURES.name}.parquet") for folder in folders]
    return {
        "annotations_sha256": stamps[0]["annotations_sha256"],
        "saes": {
            f"{place(stamp['model'], stamp['layer'])}/{variant}": digest
            for stamp in stamps
            for variant, digest in stamp["saes"].items()
        },
    }


def _cluster_counts(folders: Sequence[Path]) -> OfLayer:
    """Reads them when they are asked for: of all layers together they may not fit into memory."""
    paths: dict[tuple[str, int], list[Path]] = {}
    for folder in folders:
        path = folder / f"{CLUSTER_COUNTS.name}.parquet"
        stamp = validate_table(path, CLUSTER_COUNTS)
        paths.setdefault((stamp["model"], stamp["layer"]), []).append(path)

    def of_layer(model: str, layer: int) -> pd.DataFrame:
        return pd.concat([read_table(path, CLUSTER_COUNTS) for path in paths[model, layer]])

    return of_layer


def _rows(paths: Sequence[str], table: Table) -> pd.DataFrame:
    """The rows of all tables of one kind."""
    if not paths:
        return pd.DataFrame(columns=table.names)
    return pd.concat([read_table(path, table) for path in sorted(paths)], ignore_index=True)


def with_effects(features: pd.DataFrame, effects: pd.DataFrame) -> pd.DataFrame:
    """Features with the columns of the effect table that they have; empty where there are none."""
    keys = list(EFFECTS.key)
    if effects.empty:
        return features.assign(**dict.fromkeys(OF_FEATURES))
    own = effects[[*keys, *OF_FEATURES]]
    return features.merge(own, on=keys, how="left", validate="1:1")


def _freeze(features: pd.DataFrame, evaluations: Evaluations) -> list[str]:
    """What of its SAE does not learn, for each feature."""
    keys = zip(features["model"], features["layer"], features["variant"], strict=True)
    return [evaluations[key][1]["freeze"] for key in keys]


def _join(folders: Sequence[Path], table: Table) -> pd.DataFrame:
    """The table of every folder, checked against its schema, in one order."""
    parts = []
    for folder in folders:
        parts.append(read_table(folder / f"{table.name}.parquet", table))
    rows = concatenate(parts)
    repeated = rows.duplicated(list(table.key))
    if table is LAYER_FEATURES and repeated.any():
        model, layer, variant, feature = rows[list(table.key)][repeated].iloc[0]
        raise UserError(
            f"--annotations: feature {feature} of {shown((model, layer, variant))} occurs twice; "
            "give each folder once"
        )
    return rows
