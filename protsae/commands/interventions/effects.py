"""Measure what each feature of a layer does to the model's predictions, on the test split.

How much do predictions change when a feature is ablated at masked residues where it is active? How
much when it is set to its 0.9 quantile where it is silent? Both are estimated for all features from
gradients; some features are also edited one by one. Each is compared with random directions of the
same norm, other features that are active as often, and the coordinate that does most. With
--features and --annotations, also compares ablation at residues with the feature's concept and at
others. Writes effects.parquet; docs/tables.md explains the columns.

example:
  protsae effects --sae results/sae/esm2_t6_8M_UR50D/layer-03/topk \\
    --activations results/activations/esm2_t6_8M_UR50D/shard-*.h5 --model esm2_t6_8M_UR50D \\
    --proteins results/proteins/proteins.parquet --output results/effects/layer-03
"""

import argparse

import torch

from protsae.config.flags import add_flags, add_threads_flag, settings_from_flags
from protsae.config.stage_settings import ConceptSettings, EffectSettings
from protsae.plm.esm2.load import load_same_esm
from protsae.stages.inputs.feature_concepts import read_feature_concepts
from protsae.stages.inputs.open_saes import open_saes
from protsae.stages.inputs.studied_proteins import read_study
from protsae.stages.intervening.effect_files import effect_lines, write_effects
from protsae.stages.intervening.measure_effects import measure_effects


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command line."""
    parser.add_argument("--sae", nargs="+", required=True, help="folders of the layer's SAEs")
    parser.add_argument("--activations", nargs="+", required=True, help="all shards of the model")
    parser.add_argument("--proteins", required=True, help="proteins.parquet, with the splits")
    parser.add_argument("--model", required=True, help="the ESM-2 of the activations")
    parser.add_argument("--features", help="features.parquet of the layer, from annotate")
    parser.add_argument("--annotations", help="annotations.parquet, needed with --features")
    parser.add_argument("--output", required=True, metavar="DIR", help="folder for the table")
    parser.add_argument(
        "--device", choices=("auto", "cpu", "cuda"), default="auto", help="default: auto"
    )
    add_threads_flag(parser)
    add_flags(parser, ConceptSettings)
    add_flags(parser, EffectSettings)


def run(args: argparse.Namespace) -> None:
    """Measure, write, say how many features change predictions."""
    torch.set_num_threads(args.threads)
    settings = settings_from_flags(EffectSettings, args)
    study = read_study(args.proteins)
    cache, found = open_saes(args.sae, args.activations, study.protein_set, study.names("train"))
    chosen = settings_from_flags(ConceptSettings, args)
    digests = {name: stored.sha256 for name, stored in found.items()}
    of_layer = args.features, args.annotations, chosen, study, cache, digests
    concepts = read_feature_concepts(*of_layer)
    esm = load_same_esm(args.model, args.device, cache.source.weights_sha256)
    test = study.of_split("test").reset_index(drop=True)
    table = measure_effects(found, cache, test, esm, settings, concepts)
    write_effects(args.output, table, found, cache, study.stamp(args.annotations))
    print("\n".join(effect_lines(table)))
