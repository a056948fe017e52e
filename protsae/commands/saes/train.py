"""Train all sparse autoencoders of a layer, in one pass over activations of the train split.

Each batch is read and moved once, and every SAE takes a step on it; each comes out as if trained
alone. Activations are centred and scaled to E|x|^2 = d_model; both are folded into the saved
weights. SAEs with kl > 0 are trained end to end, together, on whole proteins run through the model.
SAEs of other seeds go into the folder of the first. An interrupted run resumes from a checkpoint.

example:
  protsae train --activations results/activations/esm2_t6_8M_UR50D/shard-*.h5 --layer 3 \\
    --proteins results/proteins/proteins.parquet \\
    --output results/sae/esm2_t6_8M_UR50D/layer-03 \\
    --saes '{topk: {architecture: topk, k: [16, 32]}, relu: {architecture: relu}}'
"""

import argparse
from pathlib import Path

import torch

from protsae.config.flags import add_flags, add_threads_flag, settings_from_flags
from protsae.config.sae_settings import with_other_seeds
from protsae.config.settings import parse_variants
from protsae.config.stage_settings import TrainerSettings
from protsae.device import keep_freed_memory
from protsae.io.atomic import validate_writable
from protsae.io.hdf5.activation_cache import LayerCache
from protsae.stages.inputs.studied_proteins import read_study
from protsae.stages.inputs.training_data import open_further, open_training_data
from protsae.stages.outputs.trained_saes import trained_line, write_trained
from protsae.stages.train_saes import remove_checkpoints, train_saes


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command line."""
    parser.add_argument("--activations", nargs="+", required=True, help="all shards of the model")
    parser.add_argument("--layer", type=int, required=True, help="layer to train on")
    parser.add_argument("--proteins", required=True, help="proteins.parquet, with the splits")
    parser.add_argument("--further-proteins", help="further.parquet: more training proteins")
    parser.add_argument("--further-activations", nargs="+", help="all shards of further proteins")
    parser.add_argument("--model", help="the ESM-2 of the activations, for SAEs with kl > 0")
    parser.add_argument(
        "--output", required=True, help="folder of the layer, for one folder per SAE, by name"
    )
    parser.add_argument(
        "--saes",
        required=True,
        metavar="YAML",
        help="SAEs by name, as under 'train' in config.yaml; a list makes one SAE per value",
    )
    add_threads_flag(parser)
    add_flags(parser, TrainerSettings)


def run(args: argparse.Namespace) -> None:
    """Measure, train, write."""
    torch.set_num_threads(args.threads)
    keep_freed_memory()
    trainer = settings_from_flags(TrainerSettings, args)
    variants, folder = with_other_seeds(parse_variants(args.saes)), Path(args.output)
    for name in variants:
        validate_writable(folder / name)
    study = read_study(args.proteins)
    cache = LayerCache(args.activations, args.layer, study.protein_set)
    further = open_further(args.further_proteins, args.further_activations, cache, study)
    proteins = study.of_split("train")
    data = open_training_data(cache, proteins, variants, trainer, args.model, further)
    for name, trained in train_saes(variants, data, folder, print).items():
        source = write_trained(folder, name, trained, variants[name], data, study)
        print(trained_line(name, trained, source))
    remove_checkpoints(folder)
