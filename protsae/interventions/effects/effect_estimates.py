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

    @property
    def p_value(self) -> float:
        """The larger of the two."""
        return max(self.direction_p_value, self.cluster_p_value)


def estimate_effect(
    direction_D: np.ndarray, strength_N: np.ndarray, drawn_NSD: np.ndarray, dealt_MD: np.ndarray
) -> EffectEstimate | None:
    """The effect of adding ``strength`` x ``direction`` at each site; None for too few sites.

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

    Examples
    --------
    The predictions read the first of four coordinates alone:

    >>> drawn = np.zeros((5, 1, 4))
    >>> drawn[:, 0, 0] = [1, 2, 1, 2, 1]
    >>> found = estimate_effect(np.eye(4)[0], np.full(5, 2.0), drawn, np.eye(4)[1:])
    >>> found.kl, found.kl_random, found.dealt_below, found.direction_p_value
    (4.4, 1.1, 1.0, 0.0)
    """
    if len(strength_N) < LEAST_SITES:
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
    # Gradients of norm sqrt(d_model) at every site, over its draws together.
    size_N = np.sqrt(np.square(drawn).sum((1, 2)) / d_model)
    alike = drawn / np.where(size_N > 0, size_N, 1)[:, None, None]
    ratio_N = np.square(alike @ unit_D).sum(1)
    low, high = mean_interval(kl_N)
    return EffectEstimate(
        float(kl_N.mean()),
        low,
        high,
        float(random_N.mean()),
        float(dealt_M.mean()),
        float((dealt_M < kl_N.mean()).mean()),
        float(np.square(flat).sum(0).max() / len(kl_N)),
        float(ratio_N.mean()),
        random_direction_p(alike.reshape(-1, d_model), unit_D),
        min(1.0, 2 * min(above_one_p(ratio_N), many_large_p(ratio_N, d_model))),
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
