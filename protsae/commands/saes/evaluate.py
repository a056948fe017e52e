"""Score the SAEs of a layer on the test split: sparsity, reconstruction, effect on predictions.

L0, FVU and dead features come from the cached activations; loss recovered and KL from running the
model with each SAE spliced in at its layer, masked ``masks`` times, beside the layer's mean in its
place. PCA with as many components as features are active is the baseline. SAEs that differ only in
seed or width are compared with each other; beside an SAE that was trained with several seeds,
stability.parquet says which features match. Intervals are 95 % over homology clusters.

example:
  protsae evaluate --sae results/sae/esm2_t6_8M_UR50D/layer-03/* \\
    --activations results/activations/esm2_t6_8M_UR50D/shard-*.h5 \\
    --proteins results/proteins/proteins.parquet --model esm2_t6_8M_UR50D
"""

import argparse
from pathlib import Path

import torch

from protsae.config.flags import add_flags, add_threads_flag, settings_from_flags
from protsae.config.stage_settings import EvaluateSettings
from protsae.device import keep_freed_memory
from protsae.io.saes.evaluations import write_evaluation
from protsae.io.saes.sae_files import unknown_train_set
from protsae.stages.evaluate_saes import evaluate_saes
from protsae.stages.inputs.models_of_activations import open_spliced_model
from protsae.stages.inputs.open_saes import open_other_seeds, open_saes
from protsae.stages.inputs.studied_proteins import read_study
from protsae.stages.outputs.evaluation_lines import evaluation_line
from protsae.stages.outputs.seed_matches import write_stability


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
    keep_freed_memory()
    settings = settings_from_flags(EvaluateSettings, args)
    study = read_study(args.proteins)
    cache, found = open_saes(args.sae, args.activations, study.protein_set, study.names("train"))
    esm = open_spliced_model(args.model, cache.source, args.device)
    folders = {Path(folder).name: Path(folder) for folder in args.sae}
    train, stamp = study.names("train"), study.stamp()
    others = {n: open_other_seeds(folders[n], sae, cache, train) for n, sae in found.items()}
    for name, scores in evaluate_saes(found, cache, study.proteins, settings, esm, others):
        write_stability(folders[name], found[name], others[name], cache, study, settings.seed)
        document = {**scores, "sae_sha256": found[name].sha256, **stamp}
        write_evaluation(folders[name] / "evaluation.json", document)
        print(f"{name}: {evaluation_line(scores)}{unknown_train_set(found[name].source)}")
