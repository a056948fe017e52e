"""Say which concept each feature of a layer detects, with baselines and null hypotheses.

All SAEs of one layer, its single coordinates and principal components, the neurons of its MLP and a
random dictionary are scored by the same code. Thresholds are quantiles of positive activations on
the training set; concept and threshold are chosen on the validation set; every score is from the
test set, with a 95 % interval over homology clusters and p-values of two null hypotheses. One
rotates labels within the known residues of each protein; the other takes them from other homology
clusters at the same positions.

example:
  protsae annotate --sae results/sae/esm2_t6_8M_UR50D/layer-03/topk \\
    --codes results/codes/esm2_t6_8M_UR50D/layer-03/shard-*.h5 \\
    --activations results/activations/esm2_t6_8M_UR50D/shard-*.h5 \\
    --proteins results/proteins/proteins.parquet \\
    --annotations results/proteins/annotations.parquet \\
    --output results/annotation/esm2_t6_8M_UR50D/layer-03
"""

import argparse

import torch

from protsae.config.flags import add_flags, add_threads_flag, settings_from_flags
from protsae.config.stage_settings import AnnotateSettings, ConceptSettings
from protsae.detectors.activations import Codes
from protsae.device import keep_freed_memory
from protsae.stages.annotate_layer import annotate_layer, layer_baselines
from protsae.stages.inputs.layer_inputs import LayerFiles, open_layer
from protsae.stages.outputs.annotation_files import annotation_lines, write_annotation


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command line."""
    parser.add_argument("--sae", nargs="+", required=True, help="folders of the layer's SAEs")
    parser.add_argument("--codes", nargs="+", required=True, help="all shards of the SAEs' codes")
    parser.add_argument("--activations", nargs="+", required=True, help="all shards of the model")
    parser.add_argument("--proteins", required=True, help="proteins.parquet, with the splits")
    parser.add_argument("--annotations", required=True, help="annotations.parquet")
    parser.add_argument("--mlp-inputs", nargs="+", default=[], help="shards of the inputs of MLPs")
    parser.add_argument("--model", help="the ESM-2 of the activations, for the MLP's neurons")
    parser.add_argument("--output", required=True, help="folder for the layer's tables")
    add_threads_flag(parser)
    add_flags(parser, ConceptSettings)
    add_flags(parser, AnnotateSettings)


def run(args: argparse.Namespace) -> None:
    """Score every variant and the baselines, write the tables."""
    torch.set_num_threads(args.threads)
    keep_freed_memory()
    settings = settings_from_flags(AnnotateSettings, args)
    chosen = settings_from_flags(ConceptSettings, args)
    of_sae = args.sae, args.codes, args.activations
    files = LayerFiles(*of_sae, args.proteins, args.annotations, args.mlp_inputs, args.model)
    inputs = open_layer(files, settings, chosen, print)
    baselines = layer_baselines(inputs.layer, inputs.cache, inputs.codes, inputs.mlp)
    detectors: dict[str, Codes] = {**inputs.codes, **baselines}
    tables = annotate_layer(inputs.layer, detectors, inputs.saes, inputs.interplm, inputs.frozen)
    write_annotation(args.output, tables, inputs.stamp())
    features, sources = tables["features"], inputs.sources
    for line in annotation_lines(features, inputs.layer, inputs.concepts, sources):
        print(line)
