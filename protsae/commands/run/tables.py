"""Join the tables of all layers into those of the run: features, associations, summary.

Writes features.parquet, features.tsv, associations.parquet, detectors.tsv and summary.tsv;
docs/tables.md explains every column.

example:
  protsae tables --proteins results/proteins/proteins.parquet \\
    --annotations results/annotation/*/layer-* \\
    --evaluations results/sae/*/layer-*/*/evaluation.json \\
    --probes results/probes/*/layer-*/probes.parquet --references results/references.parquet \\
    --rules results/rules.parquet --rule-counts results/rule_counts.parquet --output results
"""

import argparse
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from protsae import __version__
from protsae.association.baseline_comparison import compare_features
from protsae.association.run_tables import concatenate, summarise, with_baselines, with_rules
from protsae.association.scoring.metrics import CALLED_Q
from protsae.errors import UserError
from protsae.io.saes.evaluations import read_evaluation
from protsae.io.table_files.parquet import (
    read_table,
    text_checksums,
    validate_table,
    write_table,
    write_tsv,
)
from protsae.io.table_files.proteins_table import read_split_proteins, study_stamp
from protsae.run.same_study import validate_same_layer, validate_same_study
from protsae.schema.evaluation_tables import EVALUATION, SUMMARY
from protsae.schema.feature_tables import FEATURES, LAYER_FEATURES
from protsae.schema.pair_tables import ASSOCIATIONS, CLUSTER_COUNTS, DETECTORS, LAYER_ASSOCIATIONS
from protsae.schema.reference_tables import PROBES, REFERENCES, RULE_COUNTS, RULES
from protsae.schema.table import Table, conform

Key = tuple[str, int, str]
LayerKey = tuple[str, int]
Stamps = dict[str, dict[str, Any]]
"""What files state of themselves, by their paths."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command line."""
    parser.add_argument(
        "--proteins", required=True, metavar="FILE", help="proteins.parquet, with the splits"
    )
    parser.add_argument(
        "--annotations",
        nargs="+",
        required=True,
        metavar="DIR",
        help="folders of the annotate stage, one per model and layer",
    )
    parser.add_argument(
        "--evaluations",
        nargs="+",
        required=True,
        metavar="FILE",
        help="evaluation.json of every SAE that those folders annotate",
    )
    parser.add_argument(
        "--probes",
        nargs="+",
        required=True,
        metavar="FILE",
        help="probes.parquet of every model and layer",
    )
    parser.add_argument("--references", required=True, metavar="FILE", help="references.parquet")
    parser.add_argument("--rules", required=True, metavar="FILE", help="rules.parquet")
    parser.add_argument(
        "--rule-counts", required=True, metavar="FILE", help="rule_counts.parquet, beside the rules"
    )
    parser.add_argument("--output", required=True, metavar="DIR", help="folder for the tables")


def run(args: argparse.Namespace) -> None:
    """Join, check, write; prints the size of each table."""
    output = Path(args.output)
    folders = [Path(folder) for folder in args.annotations]
    proteins, protein_set = read_split_proteins(args.proteins)
    evaluations = _read_evaluations(args.evaluations)
    study = study_stamp(proteins, protein_set)
    _validate_parts(args, study, evaluations)
    of_layers = _join(folders, LAYER_FEATURES)
    of_pairs = _join(folders, LAYER_ASSOCIATIONS)
    detectors = _join(folders, DETECTORS)
    _validate_same_saes(of_layers, evaluations)
    documents = [
        {name: document[name] for name in EVALUATION.names} for _, document in evaluations.values()
    ]
    d_model = {(found["model"], found["layer"]): found["d_model"] for found in documents}
    probes = pd.concat([read_table(path, PROBES) for path in args.probes])
    references = read_table(args.references, REFERENCES)
    rules = read_table(args.rules, RULES)
    _validate_ruled({*of_layers["concept"].dropna(), *of_pairs["concept"]}, rules, args.rules)
    with_all = with_baselines(of_layers, of_pairs, probes, references, rules, d_model)
    rule_counts = read_table(args.rule_counts, RULE_COUNTS)
    counts = pd.concat(
        [
            read_table(folder / f"{CLUSTER_COUNTS.name}.parquet", CLUSTER_COUNTS)
            for folder in folders
        ],
        ignore_index=True,
    )
    related = set(proteins.loc[proteins["has_relative_in_train"], "cluster"])
    compared = compare_features(with_all, of_pairs, counts, rule_counts, related)
    features = conform(with_all.join(compared), FEATURES, "features.parquet")
    associations = conform(with_rules(of_pairs, rules), ASSOCIATIONS, "associations.parquet")
    summary = conform(summarise(documents, features), SUMMARY, "summary.tsv")
    metadata = {"stage": "tables", **study, "code_version": __version__}
    texts = {"features.tsv": features, "detectors.tsv": detectors, "summary.tsv": summary}
    for name, rows in texts.items():
        write_tsv(output / name, rows)
    checksums = {"texts": text_checksums(*(output / name for name in texts))}
    write_table(output / "features.parquet", features, FEATURES, {**metadata, **checksums})
    write_table(output / "associations.parquet", associations, ASSOCIATIONS, metadata)
    significant = int(summary["features_significant"].sum())
    defined = int(summary["features_defined_by_sequence"].sum())
    print(f"wrote {output / 'features.parquet'} and .tsv: {len(features):,} features, of which")
    print(
        f"  {significant:,} have a concept at a false discovery rate of {CALLED_Q:.0%} "
        f"({defined:,} one that a rule on the sequence defines) and"
    )
    print(f"  {int(summary['features_above_baselines'].sum()):,} beat all baselines for theirs")
    print(f"wrote {output / 'associations.parquet'}: {len(associations):,} pairs")
    print(f"wrote {output / 'detectors.tsv'}: {len(detectors):,} sets of detectors")
    print(f"wrote {output / 'summary.tsv'}: {len(summary):,} SAEs")


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
            f"--annotations: feature {feature} of {_shown((model, layer, variant))} occurs twice; "
            "give each folder once"
        )
    return rows


def _read_evaluations(paths: Sequence[str]) -> dict[Key, tuple[str, dict[str, Any]]]:
    """Path and content of each evaluation, by model, layer and variant."""
    found: dict[Key, tuple[str, dict[str, Any]]] = {}
    for path in paths:
        document = read_evaluation(path)
        key = (document["model"], document["layer"], document["variant"])
        if key in found:
            raise UserError(
                f"{path}: {_shown(key)} is also in {found[key][0]}; give each evaluation once"
            )
        found[key] = (path, document)
    return found


def _validate_parts(
    args: argparse.Namespace, study: dict[str, Any], evaluations: dict[Key, tuple[str, Any]]
) -> None:
    """Every part is of these proteins, splits and SAEs, and of the layer that its rows name."""
    layers = _annotation_stamps(args.annotations, evaluations)
    stamps = {path: stamp for found in layers.values() for path, stamp in found.items()}
    stamps |= dict(evaluations.values())
    stamps |= _probe_stamps(args.probes, layers)
    of_references = (
        (args.references, REFERENCES),
        (args.rules, RULES),
        (args.rule_counts, RULE_COUNTS),
    )
    stamps |= {path: validate_table(path, table) for path, table in of_references}
    validate_same_study(stamps, study)


def _annotation_stamps(
    folders: Sequence[str], evaluations: dict[Key, tuple[str, Any]]
) -> dict[LayerKey, Stamps]:
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


def _validate_saes(
    path: str, stamp: dict[str, Any], evaluations: dict[Key, tuple[str, Any]]
) -> None:
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


def _validate_same_saes(
    features: pd.DataFrame, evaluations: dict[Key, tuple[str, dict[str, Any]]]
) -> None:
    """Every SAE of one side is on the other, with as many features."""
    annotated: Counter[Key] = Counter(
        zip(features["model"], features["layer"], features["variant"], strict=True)
    )
    for key, n_features in annotated.items():
        if key not in evaluations:
            raise UserError(
                f"--evaluations: none of {_shown(key)}, which --annotations has; give its "
                "evaluation.json, or run the evaluate stage"
            )
        path, document = evaluations[key]
        if document["n_features"] != n_features:
            raise UserError(
                f"{path}: {document['n_features']} features of {_shown(key)}, but the annotations "
                f"have {n_features}; run the annotate stage again"
            )
    for key, (path, _) in evaluations.items():
        if key not in annotated:
            raise UserError(
                f"{path}: {_shown(key)} is in none of --annotations; give its folder, or run the "
                "annotate stage"
            )


def _validate_ruled(concepts: set[str], rules: pd.DataFrame, path: str) -> None:
    """Every concept of features and pairs has its rule."""
    if missing := sorted(concepts - set(rules["concept"])):
        raise UserError(
            f"{path}: no rule for {missing[0]!r}, which the annotations name; run the lookup stage "
            "again"
        )


def _shown(key: Key) -> str:
    return f"model {key[0]}, layer {key[1]}, variant {key[2]}"
