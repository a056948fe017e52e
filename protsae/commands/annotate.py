"""Say which property of residues each feature of a layer detects, with baselines and a null.

All SAE variants of one layer, its single neurons and principal components, and a random dictionary
are scored by the same code: thresholds are quantiles of positive activations on train, property and
threshold are chosen on valid, every score is reported on test, with a 95 % interval over homology
clusters and a p-value under circular shifts of the labels within each protein.

example:
  protsae annotate --sae results/sae/esm2_t6_8M_UR50D/layer-03/topk \\
    --activations results/activations/esm2_t6_8M_UR50D/shard-*.h5 \\
    --proteins results/proteins/proteins.parquet \\
    --annotations results/proteins/annotations.parquet \\
    --output results/annotation/esm2_t6_8M_UR50D/layer-03
"""

import argparse
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd
import torch

from protsae import __version__
from protsae.association.examine import Examined, HeldOut, examine
from protsae.association.features import example_rows, feature_rows
from protsae.association.interplm import layer_pairs
from protsae.association.layer import Encode, Layer, signed, top_proteins
from protsae.association.missing import missing_annotation
from protsae.association.summary import detector_rows
from protsae.config import AnnotateSettings
from protsae.errors import UserError
from protsae.flags import add_flags, add_threads_flag, settings_from_flags
from protsae.io.activations import LayerCache
from protsae.io.progress import progress
from protsae.io.property_table import read_properties
from protsae.io.proteins_table import read_split_proteins
from protsae.io.sae_files import read_sae, unknown_train_set, validate_same_source
from protsae.io.tables import write_table
from protsae.models import NEURONS, PCA, RANDOM
from protsae.sae.architectures import TopkSae
from protsae.sae.dictionaries import random_directions
from protsae.sae.metrics import encoder_decoder_cosine, measure_moments, principal_components
from protsae.sae.restore import restore_sae
from protsae.sae.sae import Sae
from protsae.tables_schema import CANDIDATES, INTERPLM, RECOVERY, RELIABILITY, conform

MISSING = {table.name: table for table in (CANDIDATES, RECOVERY, RELIABILITY)}
"""Tables on annotation that may be missing, and on how far to trust them."""

OTHERS = {**MISSING, INTERPLM.name: INTERPLM}
"""Tables that may be empty."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command line."""
    parser.add_argument("--sae", nargs="+", required=True, help="folders of the layer's SAEs")
    parser.add_argument("--activations", nargs="+", required=True, help="all shards of the model")
    parser.add_argument("--proteins", required=True, help="proteins.parquet, with the splits")
    parser.add_argument("--annotations", required=True, help="annotations.parquet")
    parser.add_argument("--output", required=True, help="folder for the layer's tables")
    add_threads_flag(parser)
    add_flags(parser, AnnotateSettings)


def run(args: argparse.Namespace) -> None:
    """Score every variant and the baselines, write the tables."""
    torch.set_num_threads(args.threads)
    settings = settings_from_flags(AnnotateSettings, args)
    proteins, protein_set = read_split_proteins(args.proteins)
    saes = {Path(folder).name: read_sae(folder) for folder in args.sae}
    if len(saes) < len(args.sae):
        raise UserError("--sae: two folders of the same name; give the variants of one layer")
    number = next(iter(saes.values()))[1].layer
    cache = LayerCache(args.activations, number, protein_set)
    properties = read_properties(args.annotations, proteins, protein_set, settings, print)
    layer = Layer(cache.protein_blocks, proteins, properties, settings)
    for folder, (_, source) in zip(args.sae, saes.values(), strict=True):
        validate_same_source(folder, source, cache, layer.names("train"))
    restored = {
        name: restore_sae(source.architecture, source.k, weights)
        for name, (weights, source) in saes.items()
    }
    detectors = {name: encoder(sae) for name, sae in restored.items()}
    detectors |= baselines(layer, cache.d_model, restored)

    split = HeldOut.of(layer)
    tables: dict[str, list[pd.DataFrame]] = {}
    for variant, encode in progress(detectors.items(), "annotating", "sets of detectors"):
        examined = examine(layer, split, encode)
        found = {
            "associations": examined.pairs.drop(columns=["gain", "base_rate"]),
            "detectors": detector_rows(examined),
        }
        if variant in restored:
            top = top_proteins(layer, encode, examined.n_detectors)
            cosine = encoder_decoder_cosine(restored[variant])
            found["features"] = feature_rows(layer, encode, examined, top, cosine)
            found["examples"] = example_rows(layer, encode, top)
            found |= missing_rows(layer, encode, examined)
            if settings.interplm:
                found["interplm"] = layer_pairs(layer, encode)
        for name, rows in found.items():
            tables.setdefault(name, []).append(rows.assign(variant=variant))

    metadata = {"stage": "annotate", **vars(cache.source), "code_version": __version__}
    for name, parts in tables.items():
        table = pd.concat(parts, ignore_index=True)
        table = table.assign(model=cache.source.model, layer=number)
        first = [c for c in ("model", "layer", "variant", "feature") if c in table]
        table = table[first + [column for column in table if column not in first]]
        if name in OTHERS:
            table = conform(table, OTHERS[name], name)
        write_table(Path(args.output) / f"{name}.parquet", table, metadata)
    of_saes = pd.concat(tables["features"])
    n_named = of_saes["property"].notna().sum()
    print(
        f"{len(layer.properties.properties)} properties scored; {n_named:,} of {len(of_saes):,} "
        "features match one with an F1 worth testing"
    )
    for variant, (_, source) in saes.items():
        if note := unknown_train_set(source):
            print(f"{variant}{note}")
    for reason, n_features in layer.properties.features_left_out.items():
        print(f"{n_features:,} UniProt features left out: {reason}")
    for reason, n_properties in layer.properties.left_out.items():
        print(f"{n_properties} properties left out: {reason}")


def missing_rows(layer: Layer, encode: Encode, examined: Examined) -> dict[str, pd.DataFrame]:
    """The tables of ``MISSING``, empty where no feature is good enough."""
    found = missing_annotation(layer, encode, examined)
    if found is None:
        return {name: pd.DataFrame(columns=table.names) for name, table in MISSING.items()}
    recovery = found.recovery
    return dict(
        zip(MISSING, (found.candidates, recovery.properties, recovery.reliability), strict=True)
    )


def baselines(layer: Layer, d_model: int, saes: Mapping[str, Sae]) -> dict[str, Encode]:
    """Detectors that cost no training: neurons, principal components, a random dictionary.

    The random one has as many directions as the widest SAE, and the ones of them that each residue
    keeps are as many as the SAEs have active on average, on a sample of train.
    """
    train = layer.names("train")
    moments = measure_moments((rows for _, rows in layer.blocks(train)), d_model)
    mean = moments.mean.astype(np.float32)
    components = principal_components(moments).astype(np.float32)
    _, sample = next(layer.blocks(train))
    with torch.no_grad():
        active = [(sae.encode(torch.from_numpy(sample)) > 0).sum(1) for sae in saes.values()]
    l0 = float(torch.cat(active).float().mean())
    random = TopkSae(d_model, max(sae.n_features for sae in saes.values()), max(1, round(l0)))
    with torch.no_grad():
        random.W_dec.copy_(random_directions(random.n_features, d_model, layer.settings.seed))
        random.W_enc.copy_(random.W_dec.T)
        random.b_dec.copy_(torch.from_numpy(mean))
    return {
        NEURONS: signed(lambda rows: rows - mean),
        PCA: signed(lambda rows: (rows - mean) @ components),
        RANDOM: encoder(random),
    }


def encoder(sae: Sae) -> Encode:
    """Features of an SAE, float32, shape (n_residues, n_features)."""

    def encode(rows: np.ndarray) -> np.ndarray:
        with torch.no_grad():
            return sae.encode(torch.from_numpy(rows)).numpy()

    return encode
