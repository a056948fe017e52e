"""The tables of all layers that make the tables of a run: whether they belong together."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from protsae.errors import UserError
from protsae.io.saes.evaluations import read_evaluation
from protsae.io.table_files.parquet import validate_table
from protsae.run.same_study import validate_same_layer, validate_same_study
from protsae.schema.features.feature_tables import LAYER_FEATURES
from protsae.schema.interventions.effect_table import EFFECTS
from protsae.schema.pair_tables import CLUSTER_COUNTS, DETECTORS, LAYER_ASSOCIATIONS
from protsae.schema.reference_tables import PROBES, REFERENCES, RULE_COUNTS, RULES
from protsae.schema.saes.stability_table import STABILITY

Key = tuple[str, int, str]
"""Model, layer and variant."""
LayerKey = tuple[str, int]
Stamps = dict[str, dict[str, Any]]
"""What files state of themselves, by their paths."""
Evaluations = dict[Key, tuple[str, dict[str, Any]]]
"""Path and content of each evaluation.json."""


@dataclass(frozen=True)
class Parts:
    """Paths of what is joined: folders of `annotate`, and files.

    Attributes
    ----------
    annotations, evaluations, probes : sequence of str
        Folders of annotate, evaluation.json of every SAE that they annotate, and probes.parquet of
        every layer.
    stability : sequence of str
        stability.parquet of the SAEs that were trained with several seeds.
    effects : sequence of str
        effects.parquet of the layers whose effects on predictions were measured.
    references, rules, rule_counts : str
        Tables of lookup.
    """

    annotations: Sequence[str]
    evaluations: Sequence[str]
    probes: Sequence[str]
    references: str
    rules: str
    rule_counts: str
    stability: Sequence[str] = ()
    effects: Sequence[str] = ()


def read_evaluations(paths: Sequence[str]) -> Evaluations:
    """Path and content of each evaluation, by model, layer and variant."""
    found: Evaluations = {}
    for path in paths:
        document = read_evaluation(path)
        key = (document["model"], document["layer"], document["variant"])
        if key in found:
            raise UserError(
                f"{path}: {shown(key)} is also in {found[key][0]}; give each evaluation once"
            )
        found[key] = (path, document)
    return found


def validate_parts(parts: Parts, study: Mapping[str, Any], evaluations: Evaluations) -> None:
    """Raise UserError unless the parts are of one study.

    Every part must be of these proteins, splits and SAEs, and of the layer that its rows name;
    there must be probes of every layer.
    """
    layers = _annotation_stamps(parts.annotations, evaluations)
    stamps = {path: stamp for found in layers.values() for path, stamp in found.items()}
    stamps |= dict(evaluations.values())
    stamps |= _probe_stamps(parts.probes, layers)
    of_saes = [(path, STABILITY) for path in parts.stability]
    for path, table in of_saes + [(path, EFFECTS) for path in parts.effects]:
        stamps[path] = stamp = validate_table(path, table)
        _validate_saes(path, stamp, evaluations)
    of_references = (
        (parts.references, REFERENCES),
        (parts.rules, RULES),
        (parts.rule_counts, RULE_COUNTS),
    )
    stamps |= {path: validate_table(path, table) for path, table in of_references}
    validate_same_study(stamps, study)


def _annotation_stamps(folders: Sequence[str], evaluations: Evaluations) -> dict[LayerKey, Stamps]:
    """What the tables of each folder state, by model and layer; the features come first."""
    layers: dict[LayerKey, Stamps] = {}
    for folder in folders:
        stamps: Stamps = {}
        for table in (LAYER_FEATURES, LAYER_ASSOCIATIONS, DETECTORS, CLUSTER_COUNTS):
            path = str(Path(folder) / f"{table.name}.parquet")
            stamps[path] = stamp = validate_table(path, table)
            validate_same_layer(path, stamp, *next(iter(stamps.items())))
            _validate_saes(path, stamp, evaluations)
        layers.setdefault((stamp["model"], stamp["layer"]), stamps)
    return layers


def _validate_saes(path: str, stamp: dict[str, Any], evaluations: Evaluations) -> None:
    """The SAEs that a table annotates are those that were evaluated, where they were."""
    for variant, digest in stamp["saes"].items():
        _, document = evaluations.get((stamp["model"], stamp["layer"], variant), ("", {}))
        found = document.get("sae_sha256", digest)
        if found != digest:
            raise UserError(
                f"{path}: annotates SAE {digest[:12]} of variant {variant}, but --evaluations has "
                f"{found[:12]}; run the annotate and evaluate stages again"
            )


def _probe_stamps(paths: Sequence[str], layers: dict[LayerKey, Stamps]) -> Stamps:
    """What each probes.parquet states; there is one for every layer."""
    stamps: Stamps = {}
    probed: dict[LayerKey, str] = {}
    for path in paths:
        stamps[path] = stamp = validate_table(path, PROBES)
        key = (stamp["model"], stamp["layer"])
        if key in probed:
            raise UserError(
                f"{path}: probes of model {key[0]}, layer {key[1]}, as {probed[key]} has; give "
                "each layer once"
            )
        probed[key] = path
        if key in layers:
            validate_same_layer(path, stamp, *next(iter(layers[key].items())))
    for model, layer in layers.keys() - probed.keys():
        raise UserError(
            f"--probes: none of model {model}, layer {layer}, which --annotations has; give its "
            "probes.parquet, or run the probe stage"
        )
    return stamps


def validate_same_saes(features: pd.DataFrame, evaluations: Evaluations) -> None:
    """Raise UserError unless every SAE of one side is on the other, with as many features."""
    annotated: Counter[Key] = Counter(
        zip(features["model"], features["layer"], features["variant"], strict=True)
    )
    for key, n_features in annotated.items():
        if key not in evaluations:
            raise UserError(
                f"--evaluations: none of {shown(key)}, which --annotations has; give its "
                "evaluation.json, or run the evaluate stage"
            )
        path, document = evaluations[key]
        if document["n_features"] != n_features:
            raise UserError(
                f"{path}: {document['n_features']} features of {shown(key)}, but the annotations "
                f"have {n_features}; run the annotate stage again"
            )
    for key, (path, _) in evaluations.items():
        if key not in annotated:
            raise UserError(
                f"{path}: {shown(key)} is in none of --annotations; give its folder, or run the "
                "annotate stage"
            )


def validate_ruled(concepts: set[str], rules: pd.DataFrame, path: str) -> None:
    """Raise UserError unless every concept of features and pairs has its rule."""
    if missing := sorted(concepts - set(rules["concept"])):
        raise UserError(
            f"{path}: no rule for {missing[0]!r}, which the annotations name; run the lookup stage "
            "again"
        )


def shown(key: Key) -> str:
    """Model, layer and variant in a message."""
    return f"model {key[0]}, layer {key[1]}, variant {key[2]}"
