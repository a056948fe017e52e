"""Train all sparse autoencoders of a layer, in one pass over activations of the train split.

Every batch is read and moved once and all SAEs take a step on it, each with the result that it has
on its own. Activations are centred and scaled to E|x|^2 = d_model; both are folded into the saved
weights. SAEs with kl > 0 are trained end to end, together, on whole proteins run through the model.
An interrupted run resumes from its last checkpoint.

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
from protsae.config.sae_settings import SaeVariants, TrainSettings
from protsae.config.settings import parse_settings
from protsae.config.stage_settings import TrainerSettings
from protsae.config.yaml_text import parse_yaml
from protsae.device import keep_freed_memory
from protsae.errors import UserError
from protsae.io.atomic import validate_writable
from protsae.io.hdf5.activation_cache import LayerCache
from protsae.io.saes.sae_files import SaeSource, write_sae
from protsae.io.table_files.parquet import write_table
from protsae.io.table_files.proteins_table import (
    read_further_proteins,
    read_split_proteins,
    study_stamp,
)
from protsae.schema.training_table import TRAINING
from protsae.stages.inputs.training_data import TrainingData, open_model
from protsae.stages.train_saes import remove_checkpoints, train_saes


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command line."""
    parser.add_argument("--activations", nargs="+", required=True, help="all shards of the model")
    parser.add_argument("--layer", type=int, required=True, help="layer to train on")
    parser.add_argument("--proteins", required=True, help="proteins.parquet, with the splits")
    parser.add_argument("--further-proteins", help="further.parquet: proteins to train on as well")
    parser.add_argument("--further-activations", nargs="+", help="all shards of further proteins")
    parser.add_argument("--model", help="the ESM-2 of the activations, for SAEs with kl > 0")
    parser.add_argument(
        "--output", required=True, help="folder of the layer; each SAE gets one in it, by its name"
    )
    parser.add_argument(
        "--saes",
        required=True,
        metavar="YAML",
        help="SAEs by name, as under 'train' in config.yaml; lists stand for one SAE each",
    )
    add_threads_flag(parser)
    add_flags(parser, TrainerSettings)


def run(args: argparse.Namespace) -> None:
    """Measure, train, write."""
    torch.set_num_threads(args.threads)
    keep_freed_memory()
    trainer = settings_from_flags(TrainerSettings, args)
    variants = parse_variants(args.saes)
    folder = Path(args.output)
    for name in variants:
        validate_writable(folder / name)
    proteins, protein_set = read_split_proteins(args.proteins)
    study = study_stamp(proteins, protein_set)
    cache, further = LayerCache(args.activations, args.layer, protein_set), None
    if args.further_proteins:
        if not args.further_activations:
            raise UserError("--further-activations: give the shards of the further proteins")
        further, further_set = read_further_proteins(args.further_proteins, study)
        cache = cache.followed_by(LayerCache(args.further_activations, args.layer, further_set))
    end_to_end = [name for name, settings in variants.items() if settings.kl > 0]
    esm2 = open_model(args.model, cache, end_to_end[0], trainer) if end_to_end else None
    data = TrainingData(cache, proteins[proteins["split"] == "train"], trainer, esm2, further)
    stamp = {
        "stage": "train",
        **vars(cache.source),
        **study,
        "layer": args.layer,
    }
    for name, trained in train_saes(variants, data, folder, print).items():
        source = trained.source(variants[name], data)
        stamped = {**stamp, "variant": name}
        if source.further:
            stamped["further"] = source.further
        write_table(folder / name / "training.parquet", trained.curve, TRAINING, stamped)
        write_sae(folder / name, trained.sae.state_dict(), source)
        last = trained.curve.iloc[-1]
        print(
            f"{cache.source.model} layer {args.layer}, {name}: {trained.sae.n_features} features, "
            f"FVU {last.fvu:.3f}, L0 {last.l0:.1f}, dead {last.dead_fraction:.1%} at the end"
            f"{seen(source)}"
        )
    remove_checkpoints(folder)


def seen(source: SaeSource) -> str:
    """How many residues of each kind an SAE has seen, if it was given further proteins."""
    if source.further is None:
        return ""
    return (
        f"; trained on {source.further['train_residues']:,} residues of train and "
        f"{source.further['further_residues']:,} of further proteins"
    )


def parse_variants(text: str) -> dict[str, TrainSettings]:
    """The SAEs of ``--saes``, lists expanded.

    Raises
    ------
    UserError
        If it is no YAML, or names an unknown setting or a value out of range.
    """
    return parse_settings(SaeVariants, {"train": parse_yaml(text, "--saes")}, "--saes").train
