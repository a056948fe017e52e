"""Evaluate a layer's SAEs on the test split: sparsity, reconstruction, effect on predictions."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pandas as pd
import torch

from protsae.config.stage_settings import EmbedSettings, EvaluateSettings
from protsae.io.hdf5.activation_cache import LayerCache
from protsae.io.progress import progress
from protsae.io.saes.sae_files import SaeSource
from protsae.plm.embedding import token_budget
from protsae.plm.esm2.forward import Edit, FusedEsm2
from protsae.plm.esm2.load import LoadedEsm
from protsae.plm.esm2.places import named_place
from protsae.plm.loss_recovered import (
    LOSS_FIELDS,
    MEAN_ABLATION,
    ZERO_ABLATION,
    loss_fields,
    unigram_logp,
)
from protsae.plm.spliced_loss import masked_loss
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
from protsae.stages.inputs.open_saes import StoredSae
from protsae.statistics.cluster_intervals import (
    MIN_CLUSTERS,
    bootstrap_weights,
    ratio_interval,
)

BLOCK_ROWS = 16384
"""Residues encoded at a time."""


def evaluate_saes(
    found: Mapping[str, StoredSae],
    cache: LayerCache,
    proteins: pd.DataFrame,
    settings: EvaluateSettings,
    esm: LoadedEsm | None = None,
    other_seeds: Mapping[str, Mapping[int, StoredSae]] | None = None,
) -> Iterator[tuple[str, dict[str, Any]]]:
    """Score the SAEs of a layer on test; yields each SAE's name and scores.

    Parameters
    ----------
    found : mapping of str to StoredSae
        From `open_saes`, with ``cache``.
    cache : LayerCache
        Activations of the layer.
    proteins : DataFrame
        proteins.parquet: all splits; means and letter frequencies come from train.
    settings : EvaluateSettings
    esm : LoadedEsm, optional
        The model of the activations. Without it the scores of predictions (``LOSS_FIELDS``) are
        None.
    other_seeds : mapping, optional
        For SAEs of ``found`` those of other seeds that lie in their folders, by seed.

    Yields
    ------
    name : str
    scores : dict
        The columns of summary.tsv (docs/tables.md) that an SAE has of its own.
    """
    train = proteins[proteins["split"] == "train"]
    test = proteins[proteins["split"] == "test"].reset_index(drop=True)
    saes = {name: trained.sae for name, trained in found.items()}
    train_moments = measure_moments(
        (rows for _, rows in cache.protein_blocks(set(train["accession"]), BLOCK_ROWS)),
        cache.d_model,
    )
    scores = score_reconstruction(saes, cache, train_moments, test, settings)
    sample = draw_sample(cache, test, settings)
    losses: dict[str, dict[str, Any]] = {name: dict.fromkeys(LOSS_FIELDS) for name in saes}
    if esm is not None:
        letters = unigram_logp(train["sequence"])
        losses = score_loss(saes, cache, train_moments, letters, test, esm, settings)
    for name, trained in progress(list(found.items()), "searching best codes", "SAEs"):
        yield (
            name,
            {
                "model": trained.source.model,
                "layer": trained.source.layer,
                "variant": name,
                "architecture": trained.source.architecture,
                "freeze": trained.source.freeze,
                "d_model": trained.sae.d_model,
                "n_features": trained.sae.n_features,
                "n_residues": int(test["length"].sum()),
                "n_proteins": len(test),
                "n_clusters": int(test["cluster"].nunique()),
                **scores[name],
                **score_codes(trained, scores[name]["l0"], sample, settings.seed),
                **losses[name],
                **compare_seeds(name, found, settings.seed, (other_seeds or {}).get(name, {})),
                "split_share": compare_widths(name, found),
                "training_residues": training_residues(trained.source),
            },
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
    # Of few clusters resampling shows too little: a single one would be sure of everything.
    n_resamplings = settings.bootstrap if len(clusters) >= MIN_CLUSTERS else 0
    weights = bootstrap_weights(len(clusters), n_resamplings, settings.seed)
    return {name: reconstruction_fields(of_sae, pca, weights) for name, of_sae in sums.items()}


def reconstruction_fields(
    sums: Reconstruction, pca: PcaBaseline, weights: np.ndarray
) -> dict[str, Any]:
    """The columns of evaluation.json that need no model; no intervals without resamplings."""
    sae = sums.sae
    l0_low, l0_high = _bounds(sums.active, sums.n_residues, weights)
    fvu_low, fvu_high = _bounds(sums.error, sums.variance, weights)
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


def _bounds(
    numerator: np.ndarray, denominator: np.ndarray, weights: np.ndarray
) -> tuple[float, float] | tuple[None, None]:
    return ratio_interval(numerator, denominator, weights) if len(weights) else (None, None)


def draw_sample(
    cache: LayerCache, proteins: pd.DataFrame, settings: EvaluateSettings
) -> torch.Tensor:
    """``settings.optimal_codes`` random residues of these proteins, or all; float32, (n, d)."""
    n_residues = int(proteins["length"].sum())
    rng = np.random.default_rng(settings.seed)
    n_drawn = min(settings.optimal_codes, n_residues)
    chosen = np.sort(rng.choice(n_residues, n_drawn, replace=False))
    drawn, first = [], 0
    for _, rows in cache.protein_blocks(set(proteins["accession"]), BLOCK_ROWS):
        of_block = chosen[(chosen >= first) & (chosen < first + len(rows))]
        drawn.append(rows[of_block - first])
        first += len(rows)
    return torch.from_numpy(np.concatenate(drawn))


def score_codes(trained: StoredSae, l0: float, x_ND: torch.Tensor, seed: int) -> dict[str, Any]:
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


def compare_seeds(
    name: str, found: Mapping[str, StoredSae], seed: int, beside: Mapping[int, StoredSae]
) -> dict[str, Any]:
    """Stability: mean cosine of matched directions with the SAEs of other seeds; random beside it.

    Empty where no other SAE, of ``found`` or ``beside`` it, differs in its seed alone. The random
    dictionary has as many directions as the others have.
    """
    directions = found[name].sae.W_dec
    others = [found[other].sae.W_dec for other in same_but(name, found, "seed")]
    others += [other.sae.W_dec for other in beside.values()]
    if not others:
        return {"seed_cosine": None, "random_cosine": None}
    n_features, d_model = directions.shape
    random = random_directions(n_features, d_model, seed)
    return {
        "seed_cosine": float(np.mean([matched_cosine(directions, other) for other in others])),
        "random_cosine": matched_cosine(directions, random),
    }


def compare_widths(name: str, found: Mapping[str, StoredSae]) -> float | None:
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


def same_but(name: str, found: Mapping[str, StoredSae], *keys: str) -> list[str]:
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
    esm: LoadedEsm,
    settings: EvaluateSettings,
) -> dict[str, dict[str, Any]]:
    """Masked-residue cross-entropy: clean, each SAE spliced in, mean-ablated, zero-ablated.

    Parameters
    ----------
    train_letters : ndarray, shape (20,)
        From `unigram_logp`: the guess that knows the amino acids of train and nothing else.
    """
    embedding = EmbedSettings.model_validate(json.loads(cache.source.settings))
    mean_D = torch.from_numpy(train_moments.mean).float().to(esm.device)
    if len(test) > settings.max_proteins:
        test = test.sample(settings.max_proteins, random_state=settings.seed).sort_index()
    edits: dict[str, Edit] = {f"sae:{name}": sae.to(esm.device) for name, sae in saes.items()}
    edits[MEAN_ABLATION] = lambda x_ND: mean_D.expand_as(x_ND)
    edits[ZERO_ABLATION] = torch.zeros_like
    measured = masked_loss(
        FusedEsm2(esm.model),
        test["sequence"].tolist(),
        named_place(cache.source.model, cache.layer),
        edits,
        settings.mask_fraction,
        settings.masks,
        embedding.context,
        embedding.overlap,
        token_budget(esm.model, n_kept=1, dtype=torch.float32),
        settings.seed,
    )
    cluster = pd.factorize(test["cluster"])[0]
    for sae in saes.values():
        sae.cpu()
    return {name: loss_fields(measured, f"sae:{name}", train_letters, cluster) for name in saes}
