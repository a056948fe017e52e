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
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch

from protsae.config.flags import add_flags, add_threads_flag, settings_from_flags
from protsae.config.stage_settings import EmbedSettings, EvaluateSettings
from protsae.errors import UserError
from protsae.io.hdf5.activation_cache import LayerCache
from protsae.io.progress import progress
from protsae.io.saes.evaluations import write_evaluation
from protsae.io.saes.sae_files import SaeSource, unknown_train_set
from protsae.io.table_files.proteins_table import read_split_proteins, study_stamp
from protsae.plm.embedding import token_budget
from protsae.plm.esm2.forward import Edit, FusedEsm2
from protsae.plm.esm2.load import load_same_esm
from protsae.plm.intervention_loss import masked_loss
from protsae.plm.loss_recovered import (
    LOSS_FIELDS,
    MEAN_ABLATION,
    ZERO_ABLATION,
    loss_fields,
    unigram_logp,
)
from protsae.sae.autoencoder import Sae
from protsae.sae.evaluation.decoder_similarity import (
    matched_cosine,
    neighbour_cosine,
    random_directions,
    split_share,
)
from protsae.sae.evaluation.optimal_codes import best_error, objective_excess
from protsae.sae.evaluation.reconstruction import (
    DENSE,
    Moments,
    PcaBaseline,
    Reconstruction,
    density_histogram,
    encoder_decoder_cosine,
    measure_moments,
)
from protsae.stages.open_saes import Trained, open_saes
from protsae.statistics.cluster_intervals import bootstrap_weights, ratio_interval

BLOCK_ROWS = 16384
"""Residues encoded at a time."""


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
    test = proteins[proteins["split"] == "test"].reset_index(drop=True)
    train_names = set(proteins.loc[proteins["split"] == "train", "accession"])
    cache, found = open_saes(args.sae, args.activations, protein_set, train_names)
    if cache.source.weights_sha256 and not args.model:
        raise UserError(f"--model: give the ESM-2 to splice into, {cache.source.model}; found none")
    saes = {name: trained.sae for name, trained in found.items()}

    train_moments = measure_moments(
        (rows for _, rows in cache.protein_blocks(train_names, BLOCK_ROWS)), cache.d_model
    )
    scores = score_reconstruction(saes, cache, train_moments, test, settings)
    sample = draw_sample(cache, test, settings)
    losses: dict[str, dict[str, Any]] = {name: dict.fromkeys(LOSS_FIELDS) for name in saes}
    if args.model:
        letters = unigram_logp(proteins.loc[proteins["split"] == "train", "sequence"])
        losses = score_loss(saes, cache, train_moments, letters, test, args, settings)
    study = study_stamp(proteins, protein_set)
    scored = progress(list(found.items()), "searching best codes", "SAEs")
    for folder, (name, trained) in zip(args.sae, scored, strict=True):
        document = {
            "model": trained.source.model,
            "layer": trained.source.layer,
            "variant": name,
            "architecture": trained.source.architecture,
            "d_model": trained.sae.d_model,
            "n_features": trained.sae.n_features,
            "n_residues": int(test["length"].sum()),
            "n_proteins": len(test),
            "n_clusters": int(test["cluster"].nunique()),
            **scores[name],
            **score_codes(trained, scores[name]["l0"], sample, settings.seed),
            **losses[name],
            **compare_seeds(name, found, settings.seed),
            "split_share": compare_widths(name, found),
            "training_residues": training_residues(trained.source),
            "sae_sha256": trained.sha256,
            **study,
        }
        write_evaluation(Path(folder) / "evaluation.json", document)
        print(f"{name}: {shown(document)}{unknown_train_set(trained.source)}")


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


def score_reconstruction(
    saes: Mapping[str, Sae],
    cache: LayerCache,
    train_moments: Moments,
    test: pd.DataFrame,
    settings: EvaluateSettings,
) -> dict[str, dict[str, Any]]:
    """L0, FVU, density, dead and dense features, geometry, and PCA beside them, of each SAE."""
    names = set(test["accession"])
    blocks = (rows for _, rows in cache.protein_blocks(names, BLOCK_ROWS))
    moments = measure_moments(blocks, cache.d_model)
    numbers, clusters = pd.factorize(test["cluster"])
    number_of = dict(zip(test["accession"], numbers, strict=True))
    length_of = dict(zip(test["accession"], test["length"], strict=True))
    pca = PcaBaseline(train_moments, moments)
    sums = {name: Reconstruction(sae, moments.mean, len(clusters)) for name, sae in saes.items()}
    for accessions, rows in cache.protein_blocks(names, BLOCK_ROWS):
        of_row = np.repeat([number_of[a] for a in accessions], [length_of[a] for a in accessions])
        pca.update(rows)
        for of_sae in sums.values():
            of_sae.update(rows, of_row)
    weights = bootstrap_weights(len(clusters), settings.bootstrap, settings.seed)
    return {name: reconstruction_fields(of_sae, pca, weights) for name, of_sae in sums.items()}


def reconstruction_fields(
    sums: Reconstruction, pca: PcaBaseline, weights: np.ndarray
) -> dict[str, Any]:
    """The columns of evaluation.json that need no model."""
    sae = sums.sae
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
        "pca_fvu": pca.fvu(n_components),
        "pca_sparse_fvu": pca.sparse_fvu(n_components),
        "pca_components": n_components,
        "dead_fraction": float((sums.fired == 0).mean()),
        "dense_fraction": float((sums.density > DENSE).mean()),
        "density_median": float(np.median(sums.density)),
        "encoder_decoder_cosine_median": float(np.median(encoder_decoder_cosine(sae))),
        "neighbour_cosine_median": float(neighbour_cosine(sae.W_dec).median()),
        "density_histogram": density_histogram(sums.density),
    }


def draw_sample(
    cache: LayerCache, proteins: pd.DataFrame, settings: EvaluateSettings
) -> torch.Tensor:
    """Random residues of these proteins, float32, shape (``settings.sample`` or all, d_model)."""
    n_residues = int(proteins["length"].sum())
    rng = np.random.default_rng(settings.seed)
    n_drawn = min(settings.sample, n_residues)
    chosen = np.sort(rng.choice(n_residues, n_drawn, replace=False))
    drawn, first = [], 0
    for _, rows in cache.protein_blocks(set(proteins["accession"]), BLOCK_ROWS):
        of_block = chosen[(chosen >= first) & (chosen < first + len(rows))]
        drawn.append(rows[of_block - first])
        first += len(rows)
    return torch.from_numpy(np.concatenate(drawn))


def score_codes(trained: Trained, l0: float, x_ND: torch.Tensor, seed: int) -> dict[str, Any]:
    """The encoder's codes beside the best of its dictionary, and of a random one, at its L0."""
    sae, source = trained.sae, trained.source
    variance = float((x_ND - x_ND.mean(0)).square().sum() / len(x_ND))
    centred_ND = x_ND - sae.b_dec
    random = random_directions(sae.n_features, sae.d_model, seed)
    best, of_random = (best_error(centred_ND, rows, l0) for rows in (sae.W_dec, random))
    excess = None
    if source.architecture == "relu" and source.settings:
        scale = source.normalisation["scale"]
        excess = objective_excess(sae, x_ND, source.settings["penalty"], scale)
    return {
        "sample_fvu": float((x_ND - sae(x_ND)).square().sum() / len(x_ND)) / variance,
        "best_fvu": None if best is None else best / variance,
        "random_fvu": None if of_random is None else of_random / variance,
        "objective_excess": excess,
    }


def compare_seeds(name: str, found: Mapping[str, Trained], seed: int) -> dict[str, Any]:
    """Stability: mean cosine of matched directions with the SAEs of other seeds; random beside it.

    Empty where no other SAE differs in its seed alone. The random dictionary has as many directions
    as the others have.
    """
    directions = found[name].sae.W_dec
    others = [found[other].sae.W_dec for other in same_but(name, found, "seed")]
    if not others:
        return {"seed_cosine": None, "random_cosine": None}
    n_features, d_model = directions.shape
    random = random_directions(n_features, d_model, seed)
    return {
        "seed_cosine": float(np.mean([matched_cosine(directions, other) for other in others])),
        "random_cosine": matched_cosine(directions, random),
    }


def compare_widths(name: str, found: Mapping[str, Trained]) -> float | None:
    """Share of features that the next wider SAE, of the same settings otherwise, has split."""
    n_features = found[name].sae.n_features
    wider = [
        found[other].sae
        for other in same_but(name, found, "width", "expansion")
        if found[other].sae.n_features > n_features
    ]
    if not wider:
        return None
    next_wider = min(wider, key=lambda sae: sae.n_features)
    return split_share(found[name].sae.W_dec, next_wider.W_dec)


def same_but(name: str, found: Mapping[str, Trained], *keys: str) -> list[str]:
    """Names of the other SAEs whose settings differ in ``keys``, and in nothing else.

    SAEs that another program trained have no settings, and nothing to be compared by.
    """
    own = found[name].source.settings

    def differs_in_keys_alone(settings: dict[str, Any]) -> bool:
        different = {k for k in own | settings if own.get(k) != settings.get(k)}
        return bool(different) and different <= set(keys)

    return [key for key in found if differs_in_keys_alone(found[key].source.settings)]


def training_residues(source: SaeSource) -> int | None:
    """Residues that the SAE was trained on, each as often as it came."""
    return source.settings.get("residues")


def score_loss(
    saes: Mapping[str, Sae],
    cache: LayerCache,
    train_moments: Moments,
    train_letters: np.ndarray,
    test: pd.DataFrame,
    args: argparse.Namespace,
    settings: EvaluateSettings,
) -> dict[str, dict[str, Any]]:
    """Masked-residue cross-entropy: clean, each SAE spliced in, mean-ablated, zero-ablated.

    Parameters
    ----------
    train_letters : ndarray, shape (20,)
        From `unigram_logp`: the guess that knows the amino acids of train and nothing else.
    """
    embedding = EmbedSettings.model_validate(json.loads(cache.source.settings))
    esm = load_same_esm(args.model, args.device, cache.source.weights_sha256)
    mean_D = torch.from_numpy(train_moments.mean).float().to(esm.device)
    if len(test) > settings.max_proteins:
        test = test.sample(settings.max_proteins, random_state=settings.seed).sort_index()
    edits: dict[str, Edit] = {f"sae:{name}": sae.to(esm.device) for name, sae in saes.items()}
    edits[MEAN_ABLATION] = lambda x_ND: mean_D.expand_as(x_ND)
    edits[ZERO_ABLATION] = torch.zeros_like
    measured = masked_loss(
        FusedEsm2(esm.model),
        test["sequence"].tolist(),
        cache.layer,
        edits,
        settings.mask_fraction,
        settings.masks,
        embedding.context,
        embedding.overlap,
        token_budget(esm.model, n_layers=1, dtype=torch.float32),
        settings.seed,
    )
    cluster = pd.factorize(test["cluster"])[0]
    for sae in saes.values():
        sae.cpu()
    return {name: loss_fields(measured, f"sae:{name}", train_letters, cluster) for name in saes}
