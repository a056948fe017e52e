"""Score the SAEs of a layer on the test split: sparsity, reconstruction, effect on predictions.

L0, FVU and dead features come from the cached activations; loss recovered and KL from running the
model with each SAE spliced in at its layer, masked ``masks`` times, beside the layer's mean in its
place. PCA with as many components as features are active is the baseline. SAEs that differ only in
seed or width are compared with each other. Intervals are 95 % over homology clusters.

example:
  protsae evaluate --sae results/sae/esm2_t6_8M_UR50D/layer-03/* \\
    --activations results/activations/esm2_t6_8M_UR50D/shard-*.h5 \\
    --proteins results/proteins/proteins.parquet --model esm2_t6_8M_UR50D
"""

import argparse
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from protsae.config.flags import add_flags, add_threads_flag, settings_from_flags
from protsae.config.stage_settings import EvaluateSettings
from protsae.errors import UserError
from protsae.io.saes.evaluations import write_evaluation
from protsae.io.saes.sae_files import unknown_train_set
from protsae.io.table_files.proteins_table import read_split_proteins, study_stamp
from protsae.plm.esm2.load import load_same_esm
from protsae.stages.evaluate_saes import evaluate_saes
from protsae.stages.inputs.open_saes import open_saes


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command line."""
    parser.add_argument("--sae", nargs="+", required=True, help="folders of the layer's SAEs")
    parser.add_argument("--activations", nargs="+", required=True, help="all shards of the model")
    parser.add_argument("--proteins", required=True, help="proteins.parquet, with the splits")
    parser.add_argument("--model", help="the ESM-2 to splice into; none for one-hot activations")
    parser.add_argument(
        "--device", choices=("auto", "cpu", "cuda"), default="auto", help="default: auto"
    )
    add_threads_flag(parser)
    add_flags(parser, EvaluateSettings)


def run(args: argparse.Namespace) -> None:
    """Score and write evaluation.json beside each SAE."""
    torch.set_num_threads(args.threads)
    settings = settings_from_flags(EvaluateSettings, args)
    proteins, protein_set = read_split_proteins(args.proteins)
    train = set(proteins.loc[proteins["split"] == "train", "accession"])
    cache, found = open_saes(args.sae, args.activations, protein_set, train)
    source = cache.source
    if source.weights_sha256 and not args.model:
        raise UserError(f"--model: give the ESM-2 to splice into, {source.model}; found none")
    esm = load_same_esm(args.model, args.device, source.weights_sha256) if args.model else None
    study = study_stamp(proteins, protein_set)
    folders = {Path(folder).name: Path(folder) for folder in args.sae}
    for name, scores in evaluate_saes(found, cache, proteins, settings, esm):
        document = {**scores, "sae_sha256": found[name].sha256, **study}
        write_evaluation(folders[name] / "evaluation.json", document)
        print(f"{name}: {shown(document)}{unknown_train_set(found[name].source)}")


def shown(document: Mapping[str, Any]) -> str:
    """An evaluation in a line; says why loss recovered is missing where a model was run.

    Examples
    --------
    >>> found = {"l0": 16.0, "fvu": 0.25, "dead_fraction": 0.125, "n_residues": 1401}
    >>> shown({**found, "loss_recovered": 0.5, "ce_clean": 2.5})
    'l0 16.000, fvu 0.250, dead_fraction 0.125 on 1,401 residues, loss_recovered 0.500'
    >>> shown({**found, "loss_recovered": None, "ce_clean": 2.5, "ce_mean_ablation": 2.5})
    'l0 16.000, fvu 0.250, dead_fraction 0.125 on 1,401 residues, loss_recovered - (mean ablation \
costs 2.500 nats, the model 2.500: no sure difference)'
    """
    loss = "-"
    if document["loss_recovered"] is not None:
        loss = f"{document['loss_recovered']:.3f}"
    elif document["ce_clean"] is not None:
        loss = (
            f"- (mean ablation costs {document['ce_mean_ablation']:.3f} nats, the model "
            f"{document['ce_clean']:.3f}: no sure difference)"
        )
    dead = f"{document['dead_fraction']:.3f} on {document['n_residues']:,} residues"
    return (
        f"l0 {document['l0']:.3f}, fvu {document['fvu']:.3f}, dead_fraction {dead}, "
        f"loss_recovered {loss}"
    )
