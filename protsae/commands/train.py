"""Train one sparse autoencoder on one layer's activations of the train split.

Activations are centred and scaled to E|x|^2 = d_model; both are folded into the saved weights. An
interrupted run goes on from its last checkpoint.

example:
  protsae train --activations results/activations/esm2_t6_8M_UR50D/shard-*.h5 --layer 3 \\
    --proteins results/proteins/proteins.parquet \\
    --output results/sae/esm2_t6_8M_UR50D/layer-03/topk --architecture topk --k 32
"""

import argparse
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch

from protsae import __version__
from protsae.config import TrainSettings
from protsae.device import find_device
from protsae.errors import UserError
from protsae.flags import add_flags, add_threads_flag, settings_from_flags
from protsae.io.activations import LayerCache
from protsae.io.checkpoints import read_checkpoint, write_checkpoint
from protsae.io.progress import progress
from protsae.io.proteins_table import read_split_proteins
from protsae.io.sae_files import SaeSource, train_set_sha256, write_sae
from protsae.io.shuffling import shuffled_batches
from protsae.io.tables import write_table
from protsae.provenance import settings_sha256
from protsae.sae.models import Sae, build_sae
from protsae.sae.normalisation import Normalisation, fold_, measure_normalisation
from protsae.sae.train import build_optimiser, train_step

BLOCK_ROWS = 16384
"""Residues that mean and scale are measured on at a time."""

LOGGED_ROWS = 100
"""Rows of the training curve."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command line."""
    parser.add_argument("--activations", nargs="+", required=True, help="all shards of the model")
    parser.add_argument("--layer", type=int, required=True, help="layer to train on")
    parser.add_argument("--proteins", required=True, help="proteins.parquet, with the splits")
    parser.add_argument("--output", required=True, help="folder to write the SAE into")
    add_threads_flag(parser)
    add_flags(parser, TrainSettings)


def run(args: argparse.Namespace) -> None:
    """Measure, train, fold, save."""
    torch.set_num_threads(args.threads)
    settings = settings_from_flags(TrainSettings, args)
    proteins, protein_set = read_split_proteins(args.proteins)
    cache = LayerCache(args.activations, args.layer, protein_set)
    train = set(proteins.loc[proteins["split"] == "train", "accession"])
    normalisation = measure_normalisation(
        rows for _, rows in cache.protein_blocks(train, BLOCK_ROWS)
    )
    try:
        sae = build_sae(settings, cache.d_model)
    except ValueError as error:
        raise UserError(f"train: {error}") from None

    folder = Path(args.output)
    curve = fit(sae, cache, train, normalisation, settings, folder / "checkpoint.safetensors")
    fold_(sae, normalisation)
    source = SaeSource(
        architecture=settings.architecture,
        k=settings.k if settings.architecture == "topk" else None,
        model=cache.source.model,
        weights_sha256=cache.source.weights_sha256,
        layer=args.layer,
        protein_set_sha256=cache.source.protein_set_sha256,
        train_set_sha256=train_set_sha256(train),
        n_residues=normalisation.n_residues,
        normalisation={
            "scale": normalisation.scale,
            "mean_norm": float(np.linalg.norm(normalisation.mean)),
        },
        settings=settings.model_dump(),
        code_version=__version__,
    )
    write_table(folder / "training.parquet", curve, {"stage": "train", "layer": args.layer})
    write_sae(folder, {n: p.detach() for n, p in sae.named_parameters()}, source)
    (folder / "checkpoint.safetensors").unlink(missing_ok=True)
    last = curve.iloc[-1]
    print(
        f"{cache.source.model} layer {args.layer}, {settings.architecture}: {sae.n_features} "
        f"features, FVU {last.fvu:.3f}, L0 {last.l0:.1f}, dead {last.dead_fraction:.1%} on the "
        f"last training batches"
    )


def fit(
    sae: Sae,
    cache: LayerCache,
    accessions: set[str],
    normalisation: Normalisation,
    settings: TrainSettings,
    checkpoint: Path,
) -> pd.DataFrame:
    """Train in place; returns the curve, one row per stretch of steps (means over the stretch)."""
    device = find_device(settings.device)
    optimiser = build_optimiser(sae.to(device), settings)
    # A checkpoint of other settings, activations or proteins is not ours to go on from.
    identity = settings_sha256(
        {
            "settings": settings.model_dump(),
            "source": vars(cache.source),
            "layer": cache.layer,
            "proteins": train_set_sha256(accessions),
        }
    )
    found = read_checkpoint(checkpoint, identity, sae, optimiser)
    first_step = found["step"] if found else 0
    curve: list[dict[str, Any]] = found["curve"] if found else []

    every = max(1, settings.steps // LOGGED_ROWS)
    mean = torch.from_numpy(normalisation.mean).float().to(device)
    batches = shuffled_batches(
        cache, accessions, settings.batch, settings.buffer, settings.seed, skip=first_step
    )
    recent: list[dict[str, float]] = []
    fired = torch.zeros(sae.n_features, dtype=torch.bool, device=device)
    steps = range(first_step, settings.steps)
    for step, rows in zip(progress(steps, "training", "steps"), batches, strict=False):
        x_ND = (torch.from_numpy(rows).to(device) - mean) * normalisation.scale
        stats = train_step(sae, optimiser, x_ND, step, settings)
        recent.append({k: getattr(stats, k) for k in ("loss", "mse", "fvu", "l0", "l1")})
        fired |= stats.fired
        done = step + 1
        # Checkpoints fall on logged steps, so that a resumed curve has the same rows.
        if done % every and done != settings.steps:
            continue
        means = {key: float(np.mean([stats[key] for stats in recent])) for key in recent[0]}
        dead = 1 - float(fired.float().mean())
        rate = optimiser.param_groups[0]["lr"]
        curve.append({"step": done, **means, "dead_fraction": dead, "lr": rate})
        recent.clear()
        fired.zero_()
        if done // settings.checkpoint_every > (done - every) // settings.checkpoint_every:
            progress_now = {"step": done, "curve": curve}
            write_checkpoint(checkpoint, identity, sae, optimiser, progress_now)
    sae.cpu()
    return pd.DataFrame(curve)
