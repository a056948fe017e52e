"""The row of each feature in the table of effects, from what was estimated and measured."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from protsae.interventions.effects.effect_estimates import EffectEstimate
from protsae.interventions.effects.exact_effects import (
    CLAMPED,
    CLAMPED_RANDOM,
    DOSES,
    PAIR,
    PARTNER,
    RANDOM,
    RANDOM_DOSES,
    UNMASKED,
    Kind,
    Measured,
)
from protsae.interventions.effects.partners import redundancy
from protsae.statistics.mean_intervals import mean_interval, positive_mean_interval

ESTIMATED = (
    *("kl", "kl_low", "kl_high", "kl_random", "kl_dealt", "dealt_below", "kl_coordinate"),
    *("ratio", "direction_p_value", "cluster_p_value", "whitened_direction_p_value"),
    *("whitened_cluster_p_value", "p_value", "covariance_p_value"),
)
"""Fields of an estimate that become columns, behind ``necessity_`` and ``promotion_``."""

LEAST_NATS = 1e-4
"""Smallest mean change of log p that names an amino acid."""

_DOSES_OF_SITE = (0.0, 0.5, 1.0, 2.0)


def estimate_fields(prefix: str, found: EffectEstimate | None) -> dict[str, float | None]:
    """Columns of an estimate; None where there is none."""
    return {f"{prefix}_{name}": getattr(found, name, None) for name in ESTIMATED}


def exact_fields(measured: Measured, feature: int, letters: Mapping[str, int]) -> dict[str, Any]:
    """Columns of a feature that was edited; None where it was not.

    Parameters
    ----------
    letters : mapping of str to int
        Amino acids, and their columns of the predictions.
    """
    columns = list(letters.values())
    ablated = measured.get((feature, "ablated"))
    fields: dict[str, Any] = dict.fromkeys(EXACT)
    fields["promotion"] = np.empty(0)
    if ablated is None:
        return fields
    kl_S3 = np.stack(ablated.kl)
    low, high = positive_mean_interval(kl_S3.sum(1))
    true = np.array(ablated.true_change)
    true_low, true_high = mean_interval(true)
    # What the feature does to log p where it is active: clean less ablated.
    raised_SA = -np.stack(ablated.change)[:, columns]
    fields |= {
        "n_ablated": len(kl_S3),
        "ablation_kl": float(kl_S3.sum(1).mean()),
        "ablation_kl_low": low,
        "ablation_kl_high": high,
        **dict(zip(_DISTANCES, kl_S3.mean(0).tolist(), strict=True)),
        "ablation_kl_random": _mean_kl(measured, feature, RANDOM),
        "true_logp_change": float(true.mean()),
        "true_logp_change_low": true_low,
        "true_logp_change_high": true_high,
        "promotion": raised_SA.mean(0),
        "promotes": _surely(raised_SA, letters),
        "suppresses": _surely(-raised_SA, letters),
        **dose_fields(measured, feature, columns),
        "n_unmasked": len(found.kl) if (found := measured.get((feature, UNMASKED))) else 0,
        "unmasked_kl": _mean_kl(measured, feature, UNMASKED, 1),
        "n_clamped": len(found.kl) if (found := measured.get((feature, CLAMPED))) else 0,
        "clamp_kl": _mean_kl(measured, feature, CLAMPED),
        "clamp_kl_random": _mean_kl(measured, feature, CLAMPED_RANDOM),
        **_pair_fields(measured, feature, columns),
    }
    return {name: None if _is_nan(value) else value for name, value in fields.items()}


def _pair_fields(measured: Measured, feature: int, columns: list[int]) -> dict[str, Any]:
    """The feature ablated with the partner that is redundant most surely, if any can be told."""
    ablated = measured[feature, "ablated"]
    alone = dict(zip(ablated.site, ablated.change, strict=True))
    best: dict[str, Any] = {}
    for of, kind in measured:
        if of != feature or not isinstance(kind, tuple) or kind[0] != PAIR:
            continue
        pair, partner = measured[feature, kind], measured[feature, (PARTNER, kind[1])]
        changes = ([alone[site] for site in pair.site], partner.change, pair.change)
        found = redundancy(*(np.stack(change)[:, columns] for change in changes))
        if not best or (found and found[1] > (best["redundancy_low"] or -np.inf)):
            best = {
                "partner": kind[1],
                "n_pairs": len(pair.kl),
                "pair_kl": _mean_kl(measured, feature, kind),
                **dict(zip(_REDUNDANCY, found or (None, None, None), strict=True)),
            }
    return best


_REDUNDANCY = ("redundancy", "redundancy_low", "redundancy_high")

DOSE = ("dose_slope", "dose_monotone", "dose_slope_random", "dose_monotone_random")

_DISTANCES = ("ablation_kl_site", "ablation_kl_near", "ablation_kl_elsewhere")

EXACT = (
    *("n_ablated", "ablation_kl", "ablation_kl_low", "ablation_kl_high", *_DISTANCES),
    *("ablation_kl_random", "true_logp_change", "true_logp_change_low", "true_logp_change_high"),
    *("promotion", "promotes", "suppresses", *DOSE),
    *("n_unmasked", "unmasked_kl", "n_clamped", "clamp_kl", "clamp_kl_random"),
    *("partner", "n_pairs", "pair_kl", *_REDUNDANCY),
)
"""Columns of features that were edited."""


def dose_fields(measured: Measured, feature: int, columns: list[int]) -> dict[str, float | None]:
    """How log p follows the feature's activation, and the dose along its random direction.

    Columns `DOSE`: `dose_response` of the feature, and of the random direction with the same norm
    and doses at the same sites; None with fewer than two sites.
    """
    found: list[float | None] = []
    for doses in (DOSES, RANDOM_DOSES):
        changes = {d: np.stack(measured[feature, k].change)[:, columns] for k, d in doses.items()}
        found += dose_response(changes) or (None, None)
    return dict(zip(DOSE, found, strict=True))


def dose_response(change_SA: Mapping[float, np.ndarray]) -> tuple[float, float] | None:
    """How log p of the promoted amino acid follows 0, 1/2, 1 and 2 times as much of a direction.

    The amino acid of a site is the one that the direction raises most at the other sites, so that
    the site itself has not chosen it.

    Parameters
    ----------
    change_SA : mapping of float to ndarray
        For the doses 0, 1/2 and 2 the change of log p from what it is at dose 1, float64, shape
        (n_sites, n_letters).

    Returns
    -------
    slope : float
        Least squares of log p on the dose, mean over sites.
    monotone : float
        Share of sites at which log p falls nowhere as the dose grows. None for both with fewer than
        two sites.

    Examples
    --------
    The first letter rises at every dose at the first site, and falls from 1 to 2 at the second:

    >>> at_0, at_half = np.array([[-2.0, 1.0], [-4.0, 1.0]]), np.array([[-1.0, 0.5], [-3.0, 0.5]])
    >>> dose_response({0.0: at_0, 0.5: at_half, 2.0: np.array([[2.0, -1.0], [-1.0, 0.0]])})[1]
    0.5
    """
    raised_SA = -change_SA[0.0]
    n_sites = len(raised_SA)
    if n_sites < 2:
        return None
    others_SA = (raised_SA.sum(0) - raised_SA) / (n_sites - 1)
    best_S = others_SA.argmax(1)
    response_SD = np.zeros((n_sites, len(_DOSES_OF_SITE)))
    for n, dose in enumerate(_DOSES_OF_SITE):
        if dose != 1:
            response_SD[:, n] = change_SA[dose][np.arange(n_sites), best_S]
    centred = np.array(_DOSES_OF_SITE) - np.mean(_DOSES_OF_SITE)
    slope_S = response_SD @ centred / np.square(centred).sum()
    is_monotone_S = (np.diff(response_SD, axis=1) >= 0).all(1)
    return float(slope_S.mean()), float(is_monotone_S.mean())


def _surely(raised_SA: np.ndarray, letters: Mapping[str, int]) -> str:
    """Amino acids whose mean is above 0 with its whole 95 % interval, the largest first.

    Means of less than `LEAST_NATS` are left out: rounding makes such.
    """
    means = raised_SA.mean(0)
    lows = np.array([mean_interval(column)[0] for column in raised_SA.T])
    names = np.array(list(letters))
    order = np.argsort(-means, kind="stable")
    return " ".join(names[i] for i in order if lows[i] > 0 and means[i] > LEAST_NATS)


def _mean_kl(measured: Measured, feature: int, kind: Kind, parts: int = 3) -> float | None:
    """Mean over sites of the KL, summed over the first ``parts`` distances."""
    found = measured.get((feature, kind))
    return None if found is None else float(np.stack(found.kl)[:, :parts].sum(1).mean())


def _is_nan(value: Any) -> bool:
    return isinstance(value, float) and np.isnan(value)
