"""Score one SAE on the test split: sparsity, reconstruction, and what it does to predictions.

L0, FVU and dead features come from the cached activations; loss recovered from running the model
with the SAE spliced in at its layer. PCA with as many components as features are active is the
baseline. Intervals are 95 %, by resampling homology clusters.

example:
  protsae evaluate --sae results/sae/esm2_t6_8M_UR50D/layer-03/topk \\
    --activations results/activations/esm2_t6_8M_UR50D/shard-*.h5 \\
    --proteins results/proteins/proteins.parquet --model esm2_t6_8M_UR50D
"""

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch

from protsae.config import EmbedSettings, EvaluateSettings
from protsae.errors import UserError
from protsae.flags import add_flags, add_threads_flag, settings_from_flags
from protsae.io.activations import LayerCache
from protsae.io.json_files import write_json
from protsae.io.proteins_table import read_split_proteins
from protsae.io.sae_files import read_sae, validate_same_source
from protsae.plm.embed import token_budget
from protsae.plm.forward import FusedEsm2
from protsae.plm.load import load_esm
from protsae.plm.splice import MaskedLoss, loss_recovered, masked_loss
from protsae.resampling import bootstrap_weights, interval, ratio_interval
from protsae.sae.metrics import (
    Moments,
    Reconstruction,
    density_histogram,
    encoder_decoder_cosine,
    measure_moments,
    pca_fvu,
)
from protsae.sae.models import Sae
from protsae.sae.restore import restore_sae

BLOCK_ROWS = 16384
"""Residues encoded at a time."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command line."""
    parser.add_argument("--sae", required=True, help="folder of the SAE")
    parser.add_argument("--activations", nargs="+", required=True, help="all shards of the model")
    parser.add_argument("--proteins", required=True, help="proteins.parquet, with the splits")
    parser.add_argument("--model", help="the ESM-2 to splice into; none for one-hot activations")
    parser.add_argument(
        "--device", choices=("auto", "cpu", "cuda"), default="auto", help="default: auto"
    )
    add_threads_flag(parser)
    add_flags(parser, EvaluateSettings)


def run(args: argparse.Namespace) -> None:
    """Score and write evaluation.json beside the SAE."""
    torch.set_num_threads(args.threads)
    settings = settings_from_flags(EvaluateSettings, args)
    weights, source = read_sae(args.sae)
    proteins, protein_set = read_split_proteins(args.proteins)
    cache = LayerCache(args.activations, source.layer, protein_set)
    test = proteins[proteins["split"] == "test"].reset_index(drop=True)
    train_names = set(proteins.loc[proteins["split"] == "train", "accession"])
    validate_same_source(args.sae, source, cache, train_names)
    if cache.source.weights_sha256 and not args.model:
        raise UserError(f"--model: give the ESM-2 to splice into, {source.model}; found none")
    sae = restore_sae(source.architecture, source.k, weights)

    train_moments = measure_moments(
        (rows for _, rows in cache.protein_blocks(train_names, BLOCK_ROWS)), cache.d_model
    )
    loss: dict[str, Any] = dict.fromkeys(LOSS_FIELDS)
    if args.model:
        loss = score_loss(sae, cache, train_moments, test, args, settings)
    document = {
        "model": source.model,
        "layer": source.layer,
        "variant": Path(args.sae).name,
        "architecture": source.architecture,
        "d_model": sae.d_model,
        "n_features": sae.n_features,
        "n_residues": int(test["length"].sum()),
        "n_proteins": len(test),
        "n_clusters": int(test["cluster"].nunique()),
        **score_reconstruction(sae, cache, train_moments, test, settings),
        **loss,
    }
    write_json(Path(args.sae) / "evaluation.json", document)
    shown = {key: document[key] for key in ("l0", "fvu", "dead_fraction", "loss_recovered")}
    print(", ".join(f"{k} {v:.3f}" if v is not None else f"{k} -" for k, v in shown.items()))


def score_reconstruction(
    sae: Sae,
    cache: LayerCache,
    train_moments: Moments,
    test: pd.DataFrame,
    settings: EvaluateSettings,
) -> dict[str, Any]:
    """L0, FVU, density, dead features, encoder-decoder cosine, and PCA beside them."""
    names = set(test["accession"])
    blocks = (rows for _, rows in cache.protein_blocks(names, BLOCK_ROWS))
    moments = measure_moments(blocks, cache.d_model)
    numbers, clusters = pd.factorize(test["cluster"])
    number_of = dict(zip(test["accession"], numbers, strict=True))
    length_of = dict(zip(test["accession"], test["length"], strict=True))
    sums = Reconstruction(sae, moments.mean, len(clusters))
    for accessions, rows in cache.protein_blocks(names, BLOCK_ROWS):
        of_row = np.repeat([number_of[a] for a in accessions], [length_of[a] for a in accessions])
        sums.update(rows, of_row)
    weights = bootstrap_weights(len(clusters), settings.bootstrap, settings.seed)
    l0_low, l0_high = ratio_interval(sums.active, sums.n_residues, weights)
    fvu_low, fvu_high = ratio_interval(sums.error, sums.variance, weights)
    n_components = min(max(1, round(sums.l0)), sae.d_model)
    return {
        "l0": sums.l0,
        "l0_low": l0_low,
        "l0_high": l0_high,
        "fvu": sums.fvu,
        "fvu_low": fvu_low,
        "fvu_high": fvu_high,
        "dead_fraction": float((sums.fired == 0).mean()),
        "density_median": float(np.median(sums.density)),
        "encoder_decoder_cosine_median": float(np.median(encoder_decoder_cosine(sae))),
        "pca_fvu": pca_fvu(train_moments, moments, n_components),
        "pca_components": n_components,
        "density_histogram": density_histogram(sums.density),
    }


LOSS_FIELDS = (
    *("loss_recovered", "loss_recovered_low", "loss_recovered_high", "loss_recovered_vs_mean"),
    *("ce_clean", "ce_spliced", "ce_mean_ablation", "ce_zero_ablation", "n_masked"),
)


def score_loss(
    sae: Sae,
    cache: LayerCache,
    train_moments: Moments,
    test: pd.DataFrame,
    args: argparse.Namespace,
    settings: EvaluateSettings,
) -> dict[str, Any]:
    """Masked-residue cross-entropy: clean, SAE spliced in, mean-ablated, zero-ablated."""
    embedding = EmbedSettings.model_validate(json.loads(cache.source.settings))
    esm = load_esm(args.model, args.device)
    if esm.weights_sha256 != cache.source.weights_sha256:
        raise UserError(
            f"{args.model}: weights_sha256 is {esm.weights_sha256}, but the activations come from "
            f"{cache.source.weights_sha256}; embed again with this model"
        )
    sae = sae.to(esm.device)
    mean_D = torch.from_numpy(train_moments.mean).float().to(esm.device)
    if len(test) > settings.max_proteins:
        test = test.sample(settings.max_proteins, random_state=settings.seed).sort_index()
    measured = masked_loss(
        FusedEsm2(esm.model),
        test["sequence"].tolist(),
        cache.layer,
        {
            "spliced": sae,
            "mean_ablation": lambda x_ND: mean_D.expand_as(x_ND),
            "zero_ablation": torch.zeros_like,
        },
        settings.mask_fraction,
        embedding.context,
        embedding.overlap,
        token_budget(esm.model, n_layers=1, dtype=torch.float32),
        settings.seed,
    )
    sae.cpu()
    return summarise_loss(measured, pd.factorize(test["cluster"])[0], settings)


def summarise_loss(
    measured: MaskedLoss, cluster: np.ndarray, settings: EvaluateSettings
) -> dict[str, Any]:
    """Means per masked residue and shares of loss recovered, with an interval over clusters."""
    total = {
        name: float(nats.sum() / measured.n_masked.sum()) for name, nats in measured.nats.items()
    }
    by_cluster = {name: np.bincount(cluster, weights=n) for name, n in measured.nats.items()}
    weights = bootstrap_weights(cluster.max() + 1, settings.bootstrap, settings.seed)
    drawn = {name: weights @ nats for name, nats in by_cluster.items()}
    low, high = interval(
        (drawn["zero_ablation"] - drawn["spliced"]) / (drawn["zero_ablation"] - drawn["clean"])
    )
    clean, spliced = total["clean"], total["spliced"]
    return {
        "loss_recovered": loss_recovered(clean, spliced, total["zero_ablation"]),
        "loss_recovered_low": float(low),
        "loss_recovered_high": float(high),
        "loss_recovered_vs_mean": loss_recovered(clean, spliced, total["mean_ablation"]),
        **{f"ce_{name}": value for name, value in total.items()},
        "n_masked": int(measured.n_masked.sum()),
    }
