"""What each feature of an SAE does to the model's predictions: the rows of the effect table."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import sparse

from protsae.config.stage_settings import EffectSettings
from protsae.interventions.effects.concept_contrasts import (
    CONTRASTS,
    ConceptRows,
    PairedSites,
    choose_paired_sites,
    contrast_fields,
)
from protsae.interventions.effects.effect_estimates import EffectEstimate, estimate_effect
from protsae.interventions.effects.effect_rows import estimate_fields, exact_fields
from protsae.interventions.effects.effect_sites import FeatureSites, SiteRows, choose_feature_sites
from protsae.interventions.effects.exact_effects import StudiedPass, exact_effects
from protsae.interventions.effects.fisher_gradients import pass_gradients
from protsae.interventions.effects.partners import partners
from protsae.interventions.effects.surroundings import surroundings
from protsae.statistics.mean_intervals import mean_interval

DEALT = 100
"""Other features, those nearest in how often they are active, that a feature is shown beside."""

Track = Callable[[Sequence[int]], Iterable[int]]


def feature_effects(
    passes: Sequence[StudiedPass],
    encode: Callable[[np.ndarray], np.ndarray],
    decoder_FD: np.ndarray,
    letters: Mapping[str, int],
    settings: EffectSettings,
    tokens_per_batch: int,
    track: Track = iter,
    concepts: ConceptRows | None = None,
) -> list[dict[str, Any]]:
    """The effect of each feature on the predictions of masked residues.

    Every residue that is looked at is masked, and the feature's activation there is that of the
    masked sequence. Three times over the passes: for the sites, for gradients, for edits.

    Parameters
    ----------
    passes : sequence of StudiedPass
    encode : function
        Activations (n, d_model) to features (n, n_features), none negative.
    decoder_FD : ndarray, float32, shape (n_features, d_model)
    letters : mapping of str to int
        Amino acids, and their columns of the predictions.
    settings : EffectSettings
        How many sites, draws and edits. Of the features edited a quarter are those with the largest
        estimate and a quarter those that change activations most, which gradients may miss; the
        others are random.
    tokens_per_batch : int
        Tokens of the edited copies of a pass that run together.
    concepts : ConceptRows, optional
        Concept of each feature, and which residues that the passes predict have it, pass by pass.

    Returns
    -------
    list of dict
        One a feature, with the columns of the table ``effects`` that follow ``feature``, but for
        q-values.
    """
    rows, covariance_DD = site_rows(passes, encode, track)
    sites = choose_feature_sites(rows, settings.sites, settings.seed)
    pairs = choose_paired_sites(rows, concepts, settings.sites, settings.seed) if concepts else {}
    gradients = _site_gradients(passes, rows, sites, pairs, settings, track)
    around = surroundings(gradients.drawn_NSD, covariance_DD)
    others = _alike(np.diff(rows.codes.indptr), np.linalg.norm(decoder_FD, axis=1) > 0)
    found: list[dict[str, Any]] = []
    for feature, own in enumerate(sites):
        direction, dealt = decoder_FD[feature], decoder_FD[others[feature]]
        clamp = np.full(len(own.silent), own.clamp)
        true, drawn = gradients.at(own.active)
        need = estimate_effect(direction, own.activation, drawn, dealt, around)
        promotion = estimate_effect(direction, clamp, gradients.at(own.silent)[1], dealt, around)
        found.append(
            {
                "n_sites": len(own.active),
                "n_silent_sites": len(own.silent),
                **estimate_fields("necessity", need),
                **_true_fields(-own.activation * (true @ direction), need),
                **estimate_fields("promotion", promotion),
                "concept": concepts.of_feature[feature] if concepts else None,
                **_contrast(direction, pairs.get(feature), gradients),
            }
        )
    change_F = _mean_square(sites) * np.square(decoder_FD).sum(1)
    chosen = _chosen(found, change_F, settings)
    measured = exact_effects(
        passes,
        rows,
        {feature: sites[feature] for feature in chosen},
        decoder_FD,
        encode,
        partners(rows.codes, chosen),
        settings.exact_sites,
        tokens_per_batch,
        settings.seed,
        track,
    )
    return [row | exact_fields(measured, n, letters) for n, row in enumerate(found)]


def site_rows(
    passes: Sequence[StudiedPass], encode: Callable[[np.ndarray], np.ndarray], track: Track = iter
) -> tuple[SiteRows, np.ndarray]:
    """All residues that the passes predict, with their features, and how activations vary there.

    Returns
    -------
    rows : SiteRows
    covariance_DD : ndarray, float64, shape (d_model, d_model)
        Of the activations of these residues.
    """
    codes = []
    total_D: np.ndarray | float = 0.0
    square_DD: np.ndarray | float = 0.0
    for number in track(range(len(passes))):
        one = passes[number].open(True)
        x_PD = one.x_ND[one.rows].cpu().numpy()
        codes.append(sparse.csr_array(encode(x_PD)))
        exact_PD = x_PD.astype(np.float64)
        total_D = total_D + exact_PD.sum(0)
        square_DD = square_DD + exact_PD.T @ exact_PD
    sizes = [len(of_pass.positions) for of_pass in passes]
    mean_D = total_D / sum(sizes)
    covariance_DD = square_DD / sum(sizes) - np.outer(mean_D, mean_D)
    rows = SiteRows(
        np.repeat(np.arange(len(passes)), sizes),
        np.concatenate([np.arange(n) for n in sizes]),
        np.repeat([of_pass.protein for of_pass in passes], sizes),
        np.repeat([of_pass.cluster for of_pass in passes], sizes),
        np.concatenate([of_pass.letters for of_pass in passes]),
        sparse.csc_array(sparse.vstack(codes)),
    )
    return rows, covariance_DD


@dataclass(frozen=True)
class _SiteGradients:
    """Gradients at some rows, ascending."""

    rows: np.ndarray
    true_ND: np.ndarray
    drawn_NSD: np.ndarray

    def at(self, wanted: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        place = np.searchsorted(self.rows, wanted)
        return self.true_ND[place], self.drawn_NSD[place]


def _site_gradients(
    passes: Sequence[StudiedPass],
    rows: SiteRows,
    sites: Sequence[FeatureSites],
    pairs: Mapping[int, PairedSites],
    settings: EffectSettings,
    track: Track,
) -> _SiteGradients:
    of_sites = [part for own in sites for part in (own.active, own.silent)]
    wanted = np.unique(np.concatenate([*of_sites, *(own.rows for own in pairs.values())]))
    of_pass, index = rows.pass_number[wanted], rows.index[wanted]
    true, drawn = [], []
    for number in track(np.unique(of_pass).tolist()):
        found = pass_gradients(passes[number].open(True), settings.draws, settings.seed + number)
        own = index[of_pass == number]
        true.append(found.true[own])
        drawn.append(found.drawn[own])
    return _SiteGradients(wanted, np.concatenate(true), np.concatenate(drawn))


def _contrast(
    direction_D: np.ndarray, pair: PairedSites | None, gradients: _SiteGradients
) -> dict[str, float | None]:
    """Columns of `contrast_fields`; None where the feature has no concept."""
    if pair is None:
        return dict.fromkeys(("n_concept_clusters", *CONTRASTS))
    return contrast_fields(direction_D, pair, gradients.at(pair.rows)[1])


def _alike(n_active: np.ndarray, has_direction: np.ndarray) -> list[np.ndarray]:
    """For each feature the `DEALT` others that are active about as often; none that is never."""
    order = np.argsort(n_active, kind="stable")
    order = order[(n_active[order] > 0) & has_direction[order]]
    places = np.searchsorted(n_active[order], n_active)
    found = []
    for feature, own in enumerate(places):
        first = int(np.clip(own - DEALT // 2, 0, max(0, len(order) - DEALT - 1)))
        near = order[first : first + DEALT + 1]
        found.append(near[near != feature][:DEALT])
    return found


def _true_fields(change_N: np.ndarray, found: EffectEstimate | None) -> dict[str, float | None]:
    """First-order change of log p of the true residues when the feature is ablated."""
    names = ("necessity_logp", "necessity_logp_low", "necessity_logp_high")
    if found is None:
        return dict.fromkeys(names)
    return dict(zip(names, (float(change_N.mean()), *mean_interval(change_N)), strict=True))


def _mean_square(sites: Sequence[FeatureSites]) -> np.ndarray:
    """Mean square of each feature's activation at its sites; 0 without any."""
    return np.array(
        [np.square(own.activation).mean() if len(own.activation) else 0.0 for own in sites]
    )


def _chosen(
    found: Sequence[Mapping[str, Any]], change_F: np.ndarray, settings: EffectSettings
) -> list[int]:
    """Features to edit: by estimate, by how much activations change, and at random."""
    estimated = [n for n, row in enumerate(found) if row["necessity_kl"] is not None]
    quarter = settings.exact_features // 4
    chosen = sorted(estimated, key=lambda n: -found[n]["necessity_kl"])[:quarter]
    others = [n for n in estimated if n not in set(chosen)]
    chosen += sorted(others, key=lambda n: -change_F[n])[:quarter]
    rest = np.array(sorted(set(estimated) - set(chosen)), dtype=int)
    drawn = np.random.default_rng(settings.seed).permutation(rest)
    return [*chosen, *drawn[: settings.exact_features - len(chosen)].tolist()]
