"""What a feature's direction does to predictions at some sites, beside other directions."""

from dataclasses import dataclass

import numpy as np

from protsae.interventions.effects.ratio_tests import RatioTests, above_one_p
from protsae.interventions.effects.surroundings import Surroundings, alike_gradients
from protsae.statistics.mean_intervals import positive_mean_interval

LEAST_SITES = 5
"""Sites, each of a homology cluster of its own, that a test needs."""

WHITENED_LEVEL = 0.05
"""Level at which the plain ratio must be above 1 for the whitened one to be tested."""


@dataclass(frozen=True)
class EffectEstimate:
    """What a feature's direction does to predictions at some sites, and what others do there.

    All numbers are means over the sites. Of the other directions each has the norm of the
    feature's change.

    Attributes
    ----------
    kl, kl_low, kl_high : float
        KL that the change causes, to second order, nats, with its 95 % interval over clusters.
    kl_random : float
        Expected of a random direction.
    kl_dealt : float
        Mean over the directions of other features.
    dealt_below : float
        Share of those whose KL is lower.
    kl_coordinate : float
        The coordinate with the largest.
    ratio : float
        Mean over sites of the KL there divided by what is expected of a random direction there:
        d_model cos^2 of the angle between direction and gradient, at most d_model. So no site
        counts more because the feature, or the gradient, is larger there.
    direction_p_value : float
        Share of random directions that reach the feature's ratio at these sites.
    cluster_p_value : float
        That the ratio is above 1 at other sites, too: twice the smaller of `above_one_p`, which
        asks for the mean, and `many_large_p`, for sites at which it is far above, which finds a
        feature that matters in one context only.
    whitened_direction_p_value, whitened_cluster_p_value : float
        The same of gradients that are whitened (`Surroundings.whitening_DD`), so that no direction
        in which gradients are large everywhere hides another; 1 where the plain ratio is not surely
        above 1 (`above_one_p` of at most `WHITENED_LEVEL`), as whitening tells what is usual along
        a direction, not what a random one does.
    p_value : float
        Of plain and whitened, of each the larger of its two, twice the smaller.
    covariance_p_value : float
        The same, but of each the largest of three: random directions with the covariance of the
        activations, too, must rarely reach the feature's ratio.
    """

    kl: float
    kl_low: float
    kl_high: float
    kl_random: float
    kl_dealt: float
    dealt_below: float
    kl_coordinate: float
    ratio: float
    direction_p_value: float
    cluster_p_value: float
    whitened_direction_p_value: float
    whitened_cluster_p_value: float
    p_value: float
    covariance_p_value: float


def estimate_effect(
    direction_D: np.ndarray,
    strength_N: np.ndarray,
    drawn_NSD: np.ndarray,
    dealt_MD: np.ndarray,
    around: Surroundings,
) -> EffectEstimate | None:
    """The effect of adding ``strength`` x ``direction`` at each site.

    Parameters
    ----------
    direction_D : ndarray, shape (d_model,)
        Row of the decoder.
    strength_N : ndarray, shape (n_sites,)
        By how much the feature changes at each site; its sign does not matter.
    drawn_NSD : ndarray, shape (n_sites, n_draws, d_model)
        Gradients at the sites, of `Gradients.drawn`.
    dealt_MD : ndarray, shape (n_others, d_model)
        Directions of other features.
    around : Surroundings
        Of all sites, from `surroundings`.

    Returns
    -------
    EffectEstimate or None
        None with fewer than `LEAST_SITES` sites, or without a direction.

    Examples
    --------
    The predictions read the first of four coordinates alone:

    >>> from protsae.interventions.effects.surroundings import surroundings
    >>> drawn = np.zeros((5, 1, 4))
    >>> drawn[:, 0, 0] = [1, 2, 1, 2, 1]
    >>> around = surroundings(drawn, np.eye(4))
    >>> found = estimate_effect(np.eye(4)[0], np.full(5, 2.0), drawn, np.eye(4)[1:], around)
    >>> found.kl, found.kl_random, found.dealt_below, found.direction_p_value
    (4.4, 1.1, 1.0, 0.0)
    """
    if len(strength_N) < LEAST_SITES or not np.any(direction_D):
        return None
    norm = float(np.linalg.norm(direction_D))
    drawn = drawn_NSD.astype(np.float64)
    n_draws, d_model = drawn.shape[1:]
    # 1/2 |delta|^2 / n_draws: what the mean over draws of (unit . g)^2 is multiplied by.
    weight_N = (strength_N.astype(np.float64) * norm) ** 2 / (2 * n_draws)
    unit_D = direction_D.astype(np.float64) / norm
    kl_N = weight_N * np.square(drawn @ unit_D).sum(1)
    random_N = weight_N * np.square(drawn).sum((1, 2)) / d_model
    flat = (np.sqrt(weight_N)[:, None, None] * drawn).reshape(-1, d_model)
    units_MD = dealt_MD / np.linalg.norm(dealt_MD, axis=1, keepdims=True)
    dealt_M = np.square(flat @ units_MD.T).sum(0) / len(kl_N)
    low, high = positive_mean_interval(kl_N)
    alike = alike_gradients(drawn)
    ratio_N = np.square(alike @ unit_D).sum(1)
    plain = RatioTests.of(alike, unit_D, around.root_DK)
    whitened = RatioTests(1.0, 1.0, 1.0)
    if above_one_p(ratio_N) <= WHITENED_LEVEL:
        white = alike_gradients(drawn @ around.whitening_DD)
        whitened = RatioTests.of(white, unit_D, around.root_DK)
    return EffectEstimate(
        float(kl_N.mean()),
        low,
        high,
        float(random_N.mean()),
        float(dealt_M.mean()),
        float((dealt_M < kl_N.mean()).mean()),
        float(np.square(flat).sum(0).max() / len(kl_N)),
        float(ratio_N.mean()),
        plain.direction,
        plain.cluster,
        whitened.direction,
        whitened.cluster,
        min(1.0, 2 * min(max(of.direction, of.cluster) for of in (plain, whitened))),
        min(1.0, 2 * min(max(of.direction, of.cluster, of.covariance) for of in (plain, whitened))),
    )
