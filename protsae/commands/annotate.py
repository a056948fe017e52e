"""Say which property of residues each feature of a layer detects, with baselines and a null.

All SAE variants of one layer, and its single neurons, are scored by the same code: thresholds are
quantiles of positive activations on train, property and threshold are chosen on valid, every score
is reported on test with a 95 % interval over homology clusters and the F1 that circularly shifted
labels reach.

example:
  protsae annotate --sae results/sae/esm2_t6_8M_UR50D/layer-03/topk \\
    --activations results/activations/esm2_t6_8M_UR50D/shard-*.h5 \\
    --proteins results/proteins/proteins.parquet \\
    --annotations results/proteins/annotations.parquet \\
    --output results/annotation/esm2_t6_8M_UR50D/layer-03
"""

import argparse
from pathlib import Path

import numpy as np
import pandas as pd
import torch

from protsae import __version__
from protsae.association.annotation import association_rows
from protsae.association.features import example_rows, feature_rows
from protsae.association.layer import (
    Encode,
    Layer,
    score_detectors,
    signed_neurons,
    top_proteins,
)
from protsae.concepts.label_sets import LabelSet
from protsae.concepts.labels import PropertyTable
from protsae.config import AnnotateSettings
from protsae.errors import UserError
from protsae.flags import add_flags, add_threads_flag, settings_from_flags
from protsae.io.activations import LayerCache
from protsae.io.progress import progress
from protsae.io.proteins_table import read_split_proteins
from protsae.io.residue_labels import read_label_sets
from protsae.io.sae_files import read_sae, unknown_train_set, validate_same_source
from protsae.io.tables import read_metadata, read_table, write_table
from protsae.sae.metrics import encoder_decoder_cosine
from protsae.sae.normalisation import measure_normalisation
from protsae.sae.restore import restore_sae
from protsae.sae.sae import Sae

NEURONS = "neurons"
"""The baseline among the variants; feature i is neuron i, feature d_model + i its negative."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command line."""
    parser.add_argument("--sae", nargs="+", required=True, help="folders of the layer's SAEs")
    parser.add_argument("--activations", nargs="+", required=True, help="all shards of the model")
    parser.add_argument("--proteins", required=True, help="proteins.parquet, with the splits")
    parser.add_argument("--annotations", required=True, help="annotations.parquet")
    parser.add_argument("--output", required=True, help="folder for the layer's three tables")
    add_threads_flag(parser)
    add_flags(parser, AnnotateSettings)


def run(args: argparse.Namespace) -> None:
    """Score every variant and the neurons, write the tables."""
    torch.set_num_threads(args.threads)
    settings = settings_from_flags(AnnotateSettings, args)
    proteins, protein_set = read_split_proteins(args.proteins)
    saes = {Path(folder).name: read_sae(folder) for folder in args.sae}
    if len(saes) < len(args.sae):
        raise UserError("--sae: two folders of the same name; give the variants of one layer")
    number = next(iter(saes.values()))[1].layer
    cache = LayerCache(args.activations, number, protein_set)
    layer = Layer(
        cache.protein_blocks, proteins, build_properties(args, proteins, protein_set), settings
    )
    for folder, (_, source) in zip(args.sae, saes.values(), strict=True):
        validate_same_source(folder, source, cache, layer.names("train"))
    names = [(p.name, p.type) for p in layer.properties.properties]
    quantiles = sorted(settings.quantiles)

    mean = measure_normalisation(rows for _, rows in layer.blocks(layer.names("train"))).mean
    neurons, thresholds = score_detectors(layer, signed_neurons(mean.astype(np.float32)))
    rows = association_rows(neurons, names, thresholds, quantiles, settings.min_f1)
    tables = {"associations": [rows.assign(variant=NEURONS)], "features": [], "examples": []}
    for variant, (weights, source) in progress(saes.items(), "annotating", "variants"):
        sae = restore_sae(source.architecture, source.k, weights)
        encode = sae_encoder(sae)
        scores, thresholds = score_detectors(layer, encode)
        top = top_proteins(layer, encode, sae.n_features)
        cosine = encoder_decoder_cosine(sae)
        for name, rows in (
            (
                "associations",
                association_rows(scores, names, thresholds, quantiles, settings.min_f1),
            ),
            ("features", feature_rows(layer, encode, scores, thresholds, neurons, top, cosine)),
            ("examples", example_rows(layer, encode, top)),
        ):
            tables[name].append(rows.assign(variant=variant))

    metadata = {"stage": "annotate", **vars(cache.source), "code_version": __version__}
    for name, parts in tables.items():
        table = pd.concat(parts, ignore_index=True)
        table = table.assign(model=cache.source.model, layer=number)
        first = ["model", "layer", "variant", "feature"]
        table = table[first + [column for column in table if column not in first]]
        write_table(Path(args.output) / f"{name}.parquet", table, metadata)
    found = pd.concat(tables["features"])
    print(
        f"{len(names)} properties scored; {found['property'].notna().sum():,} of {len(found):,} "
        "features have one that they match better than being always on"
    )
    for variant, (_, source) in saes.items():
        if note := unknown_train_set(source):
            print(f"{variant}{note}")
    for reason, n_features in layer.properties.features_left_out.items():
        print(f"{n_features:,} UniProt features left out: {reason}")
    for reason, n_properties in layer.properties.left_out.items():
        print(f"{n_properties} properties left out: {reason}")


def build_properties(
    args: argparse.Namespace, proteins: pd.DataFrame, protein_set: str
) -> PropertyTable:
    """The properties that occur often enough in valid and in test to be scored."""
    settings = settings_from_flags(AnnotateSettings, args)
    annotations = read_table(args.annotations)
    made_for = read_metadata(args.annotations).get("protein_set_sha256", protein_set)
    if made_for != protein_set:
        raise UserError(
            f"{args.annotations}: annotations of protein set {made_for[:12]}, but the proteins "
            f"given are {protein_set[:12]}; fetch and split again"
        )
    properties = PropertyTable.build(
        proteins,
        annotations,
        settings.min_residues,
        settings.min_clusters,
        settings.evidence,
        read_labels(settings, proteins),
    )
    if not properties.properties:
        raise UserError(
            f"{args.annotations}: no property occurs often enough in valid and in test; give more "
            "proteins, or lower annotate.min_residues and annotate.min_clusters"
        )
    return properties


def read_labels(settings: AnnotateSettings, proteins: pd.DataFrame) -> list[LabelSet]:
    """The sets of labels that the settings name; prints how many of their proteins are used."""
    sequences = dict(zip(proteins["accession"], proteins["sequence"], strict=True))
    sets, left_out = read_label_sets(settings.labels, sequences)
    for labels in sets:
        reasons = "".join(f"; {n:,} left out: {why}" for why, n in left_out[labels.name].items())
        print(f"labels {labels.name!r}: {len(labels.codes):,} proteins{reasons}")
    return sets


def sae_encoder(sae: Sae) -> Encode:
    """Features of an SAE, float32, shape (n_residues, n_features)."""

    def encode(rows: np.ndarray) -> np.ndarray:
        with torch.no_grad():
            return sae.encode(torch.from_numpy(rows)).numpy()

    return encode
