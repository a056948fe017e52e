"""What small changes do to predictions: for all directions at once, from gradients at each site.

To second order, adding delta to the activations of a site changes the predictions of the pass by

    sum_k KL(p_k || p'_k) = 1/2 E[(delta . g)^2],  g = sum_k grad log p_k(a_k),  a_k drawn from p_k,

the Fisher information, over the residues k that the pass predicts; scores of different residues are
uncorrelated, so that one backward pass serves them all. The change of log p of the true residues is
delta . grad sum_k log p_k(true) to first order.
"""

from dataclasses import dataclass

import numpy as np
import torch
from scipy.special import bdtrc, betaincinv, stdtr, stdtrit

from protsae.interventions.effects.model_pass import ModelPass
from protsae.statistics.random_directions import random_direction_p

LEAST_SITES = 5
"""Sites, each of a homology cluster of its own, that a test needs."""


@dataclass(frozen=True)
class Gradients:
    """Gradients at the residues that a pass predicts, with respect to the activations there.

    Attributes
    ----------
    true : ndarray, float32, shape (n_predicted, d_model)
        Of sum_k log p_k(true residue).
    drawn : ndarray, float32, shape (n_predicted, n_draws, d_model)
        Of sum_k log p_k(a_k), a_k drawn anew for each.
    """

    true: np.ndarray
    drawn: np.ndarray


def pass_gradients(one: ModelPass, n_draws: int, seed: int) -> Gradients:
    """One forward pass from the place on, and ``1 + n_draws`` backward ones.

    Parameters
    ----------
    seed : int
        Of the letters that are drawn.
    """
    generator = torch.Generator().manual_seed(seed)
    x_1ND = one.x_ND[None].clone().requires_grad_()
    with torch.enable_grad():
        logp_NA = one.predict(x_1ND)[0]
        letters = [one.true]
        drawn = torch.multinomial(logp_NA.detach().exp().cpu(), n_draws, True, generator=generator)
        letters += list(drawn.T.to(one.true.device))
        sums = [logp_NA.gather(1, letter[:, None]).sum() for letter in letters]
        found = [torch.autograd.grad(total, x_1ND, retain_graph=True)[0] for total in sums]
    at_rows = np.stack([gradient[0, one.rows].cpu().numpy() for gradient in found], 1)
    return Gradients(at_rows[:, 0], at_rows[:, 1:])


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


@dataclass(frozen=True)
class Surroundings:
    """How gradients and activations vary over all sites of a layer.

    Attributes
    ----------
    whitening_DD : ndarray, float64, shape (d_model, d_model)
        W = C^(-1/2) of the second moments C of the gradients, each site alike, with a
        hundredth of their mean eigenvalue added: of g W no direction is larger than another over
        all sites. Symmetric, so that it turns gradients no more than it must.
    root_DK : ndarray, float64, shape (d_model, n_dimensions)
        R R^T is the covariance of the activations, its variances `capped`.
    """

    whitening_DD: np.ndarray
    root_DK: np.ndarray


def surroundings(drawn_NSD: np.ndarray, covariance_DD: np.ndarray) -> Surroundings:
    """From gradients at many sites, of `Gradients.drawn`, and the covariance of activations.

    Examples
    --------
    Gradients are three times as large along one axis as along the other; whitened, as large:

    >>> drawn = np.array([[[3.0, 0.0], [0.0, 1.0]], [[-3.0, 0.0], [0.0, 1.0]]])
    >>> found = surroundings(drawn, np.diag([4.0, 0.0]))
    >>> np.square(drawn @ found.whitening_DD).mean((0, 1)).round().tolist(), found.root_DK.tolist()
    ([5.0, 5.0], [[2.0], [0.0]])
    """
    d_model = drawn_NSD.shape[2]
    flat = _alike(drawn_NSD).reshape(-1, d_model)
    values_D, axes_DD = np.linalg.eigh(flat.T @ flat / len(flat))
    scale_D = 1 / np.sqrt(values_D.clip(min=0) + WHITENING_FLOOR * values_D.mean())
    variances_D, natural_DD = np.linalg.eigh(covariance_DD)
    kept = variances_D > LEAST_VARIANCE * variances_D.max()
    root_DK = natural_DD[:, kept] * np.sqrt(capped(variances_D[kept]))
    return Surroundings((axes_DD * scale_D) @ axes_DD.T, root_DK)


WHITENING_FLOOR = 0.01
"""Share of the mean eigenvalue that is added to all, so that what is hardly any stays so."""

LEAST_VARIANCE = 1e-9
"""Principal directions of activations with less of the largest one's variance are rounding."""


WHITENED_LEVEL = 0.05
"""Level at which the plain ratio must be above 1 for the whitened one to be tested."""

MOST_VARIANCE = 0.1
"""Largest share of the variance that one principal direction keeps."""


def capped(variances_K: np.ndarray) -> np.ndarray:
    """Variances, cut so that none is more than `MOST_VARIANCE` of their sum.

    Large models have a few coordinates with a hundred times the variance of others. Uncut, random
    directions would be those coordinates, and any other direction would seem to do more than they.
    In fewer than 20 dimensions the share is 2 / their number.

    Parameters
    ----------
    variances_K : ndarray, shape (n_dimensions,)
        Above 0.

    Examples
    --------
    >>> capped(np.array([900.0, *39 * [1.0]]))[:2].round(2).tolist()
    [4.33, 1.0]
    """
    share = max(MOST_VARIANCE, 2 / len(variances_K)) if len(variances_K) else 1.0
    found = variances_K
    while len(found) and found.max() > share * found.sum() * (1 + 1e-9):
        found = np.minimum(found, share * found.sum())
    return found


def _alike(drawn_NSD: np.ndarray) -> np.ndarray:
    """Gradients of norm sqrt(d_model) at every site, over its draws together."""
    drawn = drawn_NSD.astype(np.float64)
    size_N = np.sqrt(np.square(drawn).sum((1, 2)) / drawn.shape[2])
    alike: np.ndarray = drawn / np.where(size_N > 0, size_N, 1)[:, None, None]
    return alike


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
    alike = _alike(drawn)
    ratio_N = np.square(alike @ unit_D).sum(1)
    plain = _RatioTests.of(alike, unit_D, around.root_DK)
    whitened = _RatioTests(1.0, 1.0, 1.0)
    if above_one_p(ratio_N) <= WHITENED_LEVEL:
        whitened = _RatioTests.of(_alike(drawn @ around.whitening_DD), unit_D, around.root_DK)
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


@dataclass(frozen=True)
class _RatioTests:
    """p of a direction's ratio: against random directions, at other sites, against activations."""

    direction: float
    cluster: float
    covariance: float

    @classmethod
    def of(cls, alike_NSD: np.ndarray, unit_D: np.ndarray, root_DK: np.ndarray) -> "_RatioTests":
        d_model = len(unit_D)
        flat = alike_NSD.reshape(-1, d_model)
        ratio_N = np.square(alike_NSD @ unit_D).sum(1)
        return cls(
            random_direction_p(flat, unit_D),
            min(1.0, 2 * min(above_one_p(ratio_N), many_large_p(ratio_N, d_model))),
            random_direction_p(flat, unit_D, root_DK),
        )


def mean_interval(values_N: np.ndarray) -> tuple[float, float]:
    """95 % interval of a mean, by Student's t; NaN of fewer than two values.

    Examples
    --------
    >>> low, high = mean_interval(np.array([1.0, 3.0]))
    >>> round(low, 4), round(high, 4)
    (-10.7062, 14.7062)
    """
    n = len(values_N)
    if n < 2:
        return np.nan, np.nan
    half = float(stdtrit(n - 1, 0.975)) * float(values_N.std(ddof=1)) / np.sqrt(n)
    return float(values_N.mean() - half), float(values_N.mean() + half)


def positive_mean_interval(values_N: np.ndarray) -> tuple[float, float]:
    """95 % interval of a mean of numbers that are not negative, by Student's t on its logarithm.

    m exp(+- t s / m), m the mean and s its standard error: where few of the numbers have most of
    the sum, it holds the truth more often than `mean_interval`. NaN of fewer than two values.

    Examples
    --------
    >>> low, high = positive_mean_interval(np.array([1.0, 3.0, 2.0]))
    >>> round(low, 4), round(high, 4), positive_mean_interval(np.zeros(3))
    (0.5776, 6.9255, (0.0, 0.0))
    """
    mean = float(values_N.mean()) if len(values_N) else 0.0
    low, high = mean_interval(values_N)
    if not mean:
        return low, high
    return mean * float(np.exp((low - mean) / mean)), mean * float(np.exp((high - mean) / mean))


def above_one_p(ratio_N: np.ndarray) -> float:
    """One-sided p that a mean is above 1, by Student's t on its logarithm; 1 where it is not.

    t = log m / (standard error of m / m), with one degree of freedom less than sites.

    Parameters
    ----------
    ratio_N : ndarray, shape (n_sites,)
        None negative; each site of another homology cluster.

    Examples
    --------
    >>> round(above_one_p(np.array([2.0, 3.0, 2.5, 2.0])), 4), above_one_p(np.full(4, 0.5))
    (0.0017, 1.0)
    """
    n, mean = len(ratio_N), float(ratio_N.mean())
    if n < 2 or mean <= 1:
        return 1.0
    error = float(ratio_N.std(ddof=1)) / np.sqrt(n) / mean
    return float(stdtr(n - 1, -np.log(mean) / error)) if error > 0 else 0.0


LARGE = 0.99
"""Share of random directions below the ratio that counts as large at a site."""


def many_large_p(ratio_N: np.ndarray, d_model: int) -> float:
    """p that more sites than 1 - `LARGE` have a ratio that so few random directions reach there.

    One gradient g and a random unit vector u have d (u . g)^2 / |g|^2 ~ d Beta(1/2, (d - 1) / 2).
    Of several gradients the sum has a shorter tail, so that fewer sites than that exceed its
    quantile. Binomial.

    Parameters
    ----------
    ratio_N : ndarray, shape (n_sites,)
        Each of another homology cluster.

    Examples
    --------
    Three of ten sites:

    >>> ratio = np.array([9.0, 9.0, 9.0, 0, 0, 0, 0, 0, 0, 0])
    >>> bool(abs(many_large_p(ratio, 128) - 1.138e-4) < 1e-6)
    True
    """
    least = d_model * float(betaincinv(0.5, (d_model - 1) / 2, LARGE))
    n_large = int((ratio_N > least).sum())
    return float(bdtrc(n_large - 1, len(ratio_N), 1 - LARGE)) if n_large else 1.0
