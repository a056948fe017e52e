"""Say which concept each feature of a layer detects, with baselines and null hypotheses.

All SAEs of one layer, its single neurons and principal components, and a random dictionary are
scored by the same code. Thresholds are quantiles of positive activations on the training set;
concept and threshold are chosen on the validation set; every score is from the test set, with a
95 % interval over homology clusters and p-values of two null hypotheses: labels are rotated within
the known residues of each protein, or taken from other homology clusters at the same positions.

example:
  protsae annotate --sae results/sae/esm2_t6_8M_UR50D/layer-03/topk \\
    --codes results/codes/esm2_t6_8M_UR50D/layer-03/shard-*.h5 \\
    --activations results/activations/esm2_t6_8M_UR50D/shard-*.h5 \\
    --proteins results/proteins/proteins.parquet \\
    --annotations results/proteins/annotations.parquet \\
    --output results/annotation/esm2_t6_8M_UR50D/layer-03
"""

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import torch

from protsae import __version__
from protsae.association.pairs.dataset import Layer
from protsae.association.pairs.examined import Examined
from protsae.association.pairs.held_out_scores import HeldOut, examine
from protsae.association.run_tables import detector_rows
from protsae.config.flags import add_flags, add_threads_flag, settings_from_flags
from protsae.config.stage_settings import AnnotateSettings
from protsae.detectors.activations import Codes, Encoded, signed
from protsae.detectors.baseline_names import NEURONS, PCA, RANDOM
from protsae.errors import UserError
from protsae.features.feature_rows import example_rows, feature_rows
from protsae.features.top_proteins import top_proteins
from protsae.io.hdf5.activation_cache import LayerCache
from protsae.io.hdf5.code_cache import StoredCodes
from protsae.io.progress import progress
from protsae.io.saes.sae_files import unknown_train_set
from protsae.io.table_files.annotations_table import read_annotations_table
from protsae.io.table_files.base_rate_files import read_base_rates
from protsae.io.table_files.parquet import write_table
from protsae.io.table_files.proteins_table import read_split_proteins, study_stamp
from protsae.missing_annotations.search import missing_annotation
from protsae.references.interplm_concepts import interplm_concepts
from protsae.references.interplm_f1 import layer_pairs
from protsae.sae.architectures import TopkSae
from protsae.sae.evaluation.decoder_similarity import random_directions
from protsae.sae.evaluation.reconstruction import (
    encoder_decoder_cosine,
    measure_moments,
    principal_components,
)
from protsae.schema.result_tables import (
    CANDIDATES,
    CLUSTER_COUNTS,
    DETECTORS,
    EXAMPLES,
    INTERPLM,
    LAYER_ASSOCIATIONS,
    LAYER_FEATURES,
    RECOVERY,
    RELIABILITY,
)
from protsae.stages.concept_inputs import read_properties
from protsae.stages.open_saes import Trained, encoder, open_saes

MISSING = {table.name: table for table in (CANDIDATES, RECOVERY, RELIABILITY)}
"""Tables on annotation that may be missing, and on how far to trust them."""

TABLES = {
    **{t.name: t for t in (LAYER_FEATURES, LAYER_ASSOCIATIONS, DETECTORS, EXAMPLES)},
    **{t.name: t for t in (CLUSTER_COUNTS, INTERPLM)},
    **MISSING,
}
"""All tables of a layer, by name."""

BLOCK_ROWS = 16384
"""Residues read at a time for moments."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command line."""
    parser.add_argument("--sae", nargs="+", required=True, help="folders of the layer's SAEs")
    parser.add_argument("--codes", nargs="+", required=True, help="all shards of the SAEs' codes")
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
    train = set(proteins.loc[proteins["split"] == "train", "accession"])
    cache, saes = open_saes(args.sae, args.activations, protein_set, train)
    order = proteins["accession"].tolist()
    cache.index.validate_order(order, "--activations")
    stored = open_codes(args.codes, saes, cache, order)
    properties = read_properties(args.annotations, proteins, protein_set, settings, print)
    rates = read_base_rates(settings.reference_rates) if settings.reference_rates else {}
    layer = Layer(proteins, properties, settings, rates)
    detectors: dict[str, Codes] = {**stored, **baselines(layer, cache, stored)}

    interplm = None
    if settings.interplm:
        interplm = interplm_concepts(read_annotations_table(args.annotations, protein_set), order)
    split = HeldOut.of(layer)
    tables: dict[str, list[pd.DataFrame]] = {}
    for variant, codes in progress(detectors.items(), "annotating", "sets of detectors"):
        examined = examine(layer, split, codes, "leading" if variant in saes else "best")
        found = {
            "associations": examined.pairs.drop(columns="gain"),
            "detectors": detector_rows(examined),
            "cluster_counts": examined.cluster_counts,
        }
        if variant in saes:
            top = top_proteins(layer, codes)
            cosine = encoder_decoder_cosine(saes[variant].sae)
            found["features"] = feature_rows(layer, codes, examined, top, cosine)
            found["examples"] = example_rows(layer, codes, top)
            found |= missing_rows(layer, codes, examined)
            if interplm is not None:
                found["interplm"] = layer_pairs(layer, codes, interplm)
        for name, rows in found.items():
            tables.setdefault(name, []).append(rows.assign(variant=variant))

    metadata = {
        "stage": "annotate",
        **vars(cache.source),
        **study_stamp(proteins, protein_set, args.annotations),
        "layer": cache.layer,
        "saes": {variant: trained.sha256 for variant, trained in saes.items()},
        "code_version": __version__,
    }
    for name, parts in tables.items():
        table = pd.concat(parts, ignore_index=True)
        table = table.assign(model=cache.source.model, layer=cache.layer)
        write_table(Path(args.output) / f"{name}.parquet", table, TABLES[name], metadata)
    if interplm is None:
        # Of an earlier run, and it would pass for one of this.
        (Path(args.output) / f"{INTERPLM.name}.parquet").unlink(missing_ok=True)
    of_saes = pd.concat(tables["features"])
    n_named = of_saes["property"].notna().sum()
    print(
        f"{len(layer.properties.properties)} properties scored; {n_named:,} of {len(of_saes):,} "
        "features match one with an F1 worth testing"
    )
    for variant, trained in saes.items():
        if note := unknown_train_set(trained.source):
            print(f"{variant}{note}")
    if rates:
        without = sum(p.name not in rates for p in properties.properties)
        print(
            f"{settings.reference_rates}: base rates of {len(rates):,} concepts, of all but "
            f"{without} of the properties scored"
        )
    for reason, n_features in properties.features_left_out.items():
        print(f"{n_features:,} UniProt features left out: {reason}")
    for reason, n_properties in properties.left_out.items():
        print(f"{n_properties} properties left out: {reason}")


def open_codes(
    shards: Sequence[str], saes: Mapping[str, Trained], cache: LayerCache, order: list[str]
) -> dict[str, StoredCodes]:
    """The codes of each SAE.

    Raises
    ------
    UserError
        If they are not of these SAEs and activations, or their shards are out of order.
    """
    protein_set = cache.source.protein_set_sha256
    stored = {
        name: StoredCodes(shards, name, trained.sha256, protein_set)
        for name, trained in saes.items()
    }
    index = next(iter(stored.values())).index
    for key, value in vars(cache.source).items():
        if (found := getattr(index.source, key)) != value:
            raise UserError(
                f"--codes: {key} is {found}, but that of the activations is {value}; encode these "
                "activations first"
            )
    index.validate_order(order, "--codes")
    return stored


def missing_rows(layer: Layer, codes: Codes, examined: Examined) -> dict[str, pd.DataFrame]:
    """The tables of ``MISSING``, empty where no feature is good enough."""
    found = missing_annotation(layer, codes, examined)
    if found is None:
        return {name: pd.DataFrame(columns=table.names) for name, table in MISSING.items()}
    recovery = found.recovery
    return dict(
        zip(MISSING, (found.candidates, recovery.properties, recovery.reliability), strict=True)
    )


def baselines(layer: Layer, cache: LayerCache, saes: Mapping[str, Codes]) -> dict[str, Codes]:
    """Detectors that cost no training: neurons, principal components, a random dictionary.

    The random one has as many directions as the widest SAE, and the ones of them that each residue
    keeps are as many as the SAEs have active on average, on the sample of train.
    """
    blocks = cache.protein_blocks(layer.names("train"), BLOCK_ROWS)
    moments = measure_moments((rows for _, rows in blocks), cache.d_model)
    mean = moments.mean.astype(np.float32)
    components = principal_components(moments)

    def project(rows: np.ndarray) -> np.ndarray:
        # In float64, for the reason that `encoder` has.
        projected: np.ndarray = ((rows - moments.mean) @ components).astype(np.float32)
        return projected

    samples = [layer.train_sample(codes) for codes in saes.values()]
    l0 = np.mean([sample.nnz / sample.shape[0] for sample in samples])
    width = max(codes.n_features for codes in saes.values())
    random = TopkSae(cache.d_model, width, max(1, round(l0)))
    with torch.no_grad():
        random.W_dec.copy_(random_directions(width, cache.d_model, layer.settings.seed))
        random.W_enc.copy_(random.W_dec.T)
        random.b_dec.copy_(torch.from_numpy(mean))
    signs = 2 * cache.d_model
    return {
        NEURONS: Encoded(cache.protein_blocks, signed(lambda rows: rows - mean), signs),
        PCA: Encoded(cache.protein_blocks, signed(project), signs),
        RANDOM: Encoded(cache.protein_blocks, encoder(random), width),
    }
