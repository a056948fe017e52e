"""What each feature of an SAE does to the model's predictions: the rows of the effect table."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import sparse

from protsae.config.stage_settings import EffectSettings
from protsae.interventions.effects.effect_estimates import (
    EffectEstimate,
    estimate_effect,
    mean_interval,
    pass_gradients,
)
from protsae.interventions.effects.effect_rows import estimate_fields, exact_fields
from protsae.interventions.effects.effect_sites import FeatureSites, SiteRows, choose_feature_sites
from protsae.interventions.effects.exact_effects import StudiedPass, exact_effects

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
        How many sites, draws and edits; half of the features edited are those with the largest
        estimate, the others random.
    tokens_per_batch : int
        Tokens of the edited copies of a pass that run together.

    Returns
    -------
    list of dict
        One a feature, with the columns of the table ``effects`` that follow ``feature``, but for
        q-values.
    """
    rows = site_rows(passes, encode, track)
    sites = choose_feature_sites(rows, settings.sites, settings.seed)
    gradients = _site_gradients(passes, rows, sites, settings, track)
    others = _alike(np.diff(rows.codes.indptr), np.linalg.norm(decoder_FD, axis=1) > 0)
    found: list[dict[str, Any]] = []
    for feature, own in enumerate(sites):
        direction, dealt = decoder_FD[feature], decoder_FD[others[feature]]
        clamp = np.full(len(own.silent), own.clamp)
        true, drawn = gradients.at(own.active)
        need = estimate_effect(direction, own.activation, drawn, dealt)
        promotion = estimate_effect(direction, clamp, gradients.at(own.silent)[1], dealt)
        found.append(
            {
                "n_sites": len(own.active),
                "n_silent_sites": len(own.silent),
                **estimate_fields("necessity", need),
                **_true_fields(-own.activation * (true @ direction), need),
                **estimate_fields("promotion", promotion),
            }
        )
    chosen = _chosen(found, settings)
    measured = exact_effects(
        passes,
        rows,
        {feature: sites[feature] for feature in chosen},
        decoder_FD,
        encode,
        settings.exact_sites,
        tokens_per_batch,
        settings.seed,
        track,
    )
    return [row | exact_fields(measured, n, letters) for n, row in enumerate(found)]


def site_rows(
    passes: Sequence[StudiedPass], encode: Callable[[np.ndarray], np.ndarray], track: Track = iter
) -> SiteRows:
    """All residues that the passes predict, with their features."""
    codes = []
    for number in track(range(len(passes))):
        one = passes[number].open(True)
        codes.append(sparse.csr_array(encode(one.x_ND[one.rows].cpu().numpy())))
    sizes = [len(of_pass.positions) for of_pass in passes]
    return SiteRows(
        np.repeat(np.arange(len(passes)), sizes),
        np.concatenate([np.arange(n) for n in sizes]),
        np.repeat([of_pass.protein for of_pass in passes], sizes),
        np.repeat([of_pass.cluster for of_pass in passes], sizes),
        np.concatenate([of_pass.letters for of_pass in passes]),
        sparse.csc_array(sparse.vstack(codes)),
    )


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
    settings: EffectSettings,
    track: Track,
) -> _SiteGradients:
    wanted = np.unique(np.concatenate([part for own in sites for part in (own.active, own.silent)]))
    of_pass, index = rows.pass_number[wanted], rows.index[wanted]
    true, drawn = [], []
    for number in track(np.unique(of_pass).tolist()):
        found = pass_gradients(passes[number].open(True), settings.draws, settings.seed + number)
        own = index[of_pass == number]
        true.append(found.true[own])
        drawn.append(found.drawn[own])
    return _SiteGradients(wanted, np.concatenate(true), np.concatenate(drawn))


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


def _chosen(found: Sequence[Mapping[str, Any]], settings: EffectSettings) -> list[int]:
    """Features to edit: half those with the largest estimate, half of the others at random."""
    estimated = [n for n, row in enumerate(found) if row["necessity_kl"] is not None]
    ranked = sorted(estimated, key=lambda n: -found[n]["necessity_kl"])
    top = ranked[: settings.exact_features // 2]
    rest = np.random.default_rng(settings.seed).permutation(ranked[len(top) :])
    return [*top, *rest[: settings.exact_features - len(top)].tolist()]
