"""How much of a model's predictions survives an edit of a layer, with an interval.

Three floors say what 0 means: the layer's mean in place of its activations, a guess that knows
only how common each amino acid is, and zeros.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from scipy.special import stdtrit

from protsae.plm.esm2.tokens import N_TOKENS, STANDARD_TOKENS, tokenise
from protsae.plm.spliced_loss import MaskedLoss
from protsae.statistics.cluster_intervals import effective_clusters

MEAN_ABLATION, ZERO_ABLATION = "mean_ablation", "zero_ablation"
"""Names of the two edits that take out a layer."""

CLEAN = "clean"


@dataclass(frozen=True)
class Recovered:
    """Share of the loss recovered and its 95 % interval; NaN where the floor allows none."""

    share: float
    low: float
    high: float


NONE = Recovered(math.nan, math.nan, math.nan)


def unigram_logp(sequences: Iterable[str]) -> np.ndarray:
    """log((n_a + 1) / (n + 20)) of the standard amino acids, n_a of n standard residues an a.

    The 1 is for one that never occurs.

    Returns
    -------
    ndarray, dtype=float64, shape=(20,)
        In the order of ``STANDARD_TOKENS``: A, C, D, ..., Y.

    Examples
    --------
    >>> (np.exp(unigram_logp(["AAX", "C"]))[:3] * 23).round(6).tolist()
    [3.0, 2.0, 1.0]
    """
    n_T = np.zeros(N_TOKENS)
    for sequence in sequences:
        n_T += np.bincount(tokenise(sequence), minlength=N_TOKENS)
    n_a = n_T[STANDARD_TOKENS] + 1
    logp: np.ndarray = np.log(n_a / n_a.sum())
    return logp


def unigram_nats(loss: MaskedLoss, logp: np.ndarray) -> np.ndarray:
    """Cross-entropy of a guess from frequencies at the masked residues.

    Parameters
    ----------
    logp : ndarray, shape (20,)
        From `unigram_logp`. Only standard residues are masked.

    Returns
    -------
    ndarray, dtype=float64, shape=(n_masks, n_proteins)
    """
    nats: np.ndarray = -(loss.tokens[..., STANDARD_TOKENS] @ logp)
    return nats


def recovered(
    clean: np.ndarray,
    spliced: np.ndarray,
    floor: np.ndarray,
    n_masked: np.ndarray,
    cluster: np.ndarray,
) -> Recovered:
    """R = sum (floor - spliced) / sum (floor - clean) over masks and proteins.

    1: predictions as good as the clean model's, 0: no better than the floor. Not clipped.

    The interval is Fieller's, from the sums of numerator and denominator in each homology cluster,
    with Student's t at as many degrees of freedom as clusters are effective, less one. Masks are
    drawn for each protein by itself, so the sums of clusters scatter by what their masks hit, too:
    the interval holds for other clusters and other masks. Masks of a cluster are summed first, and
    the more there are, the less they add.

    Where the denominator's own 95 % interval reaches 0, the floor is not surely above the clean
    loss, and any share would do: all is NaN. So it is with fewer than two clusters.

    Parameters
    ----------
    clean, spliced, floor : ndarray, shape (n_masks, n_proteins)
        Summed cross-entropy.
    n_masked : ndarray of int, shape (n_masks, n_proteins)
    cluster : ndarray of int, shape (n_proteins,)
        From 0.

    References
    ----------
    Fieller, J. R. Stat. Soc. B 16, 175 (1954); Cochran, Sampling Techniques (1977), 11.8: sums of
    whole clusters carry the variance of what is sampled within.

    Examples
    --------
    Three clusters, of which the first gains 1 of 2 nats and the others 2 of 2:

    >>> clean, floor = np.full((1, 3), 1.0), np.full((1, 3), 3.0)
    >>> spliced = np.array([[2.0, 1.0, 1.0]])
    >>> found = recovered(clean, spliced, floor, np.full((1, 3), 5), np.arange(3))
    >>> round(found.share, 3), round(found.low, 3), round(found.high, 3)
    (0.833, 0.116, 1.55)
    """
    n_clusters = int(cluster.max(initial=-1)) + 1
    if n_clusters < 2:
        return NONE

    def by_cluster(values: np.ndarray) -> np.ndarray:
        return np.bincount(cluster, values.sum(0), minlength=n_clusters)

    gained, possible = by_cluster(floor - spliced), by_cluster(floor - clean)
    effective = float(effective_clusters(by_cluster(n_masked)))
    quantile = float(stdtrit(max(effective - 1, 1), 0.975))
    return fieller(gained, possible, quantile)


def fieller(numerator: np.ndarray, denominator: np.ndarray, quantile: float) -> Recovered:
    """Fieller's interval of R = sum X_c / sum Y_c, X and Y by cluster, shape (n_clusters,).

    All r with |sum (X_c - r Y_c)| <= quantile x its standard error, sqrt(n / (n - 1) sum of squared
    deviations from the mean). NaN where these are no bounded interval, as sum Y_c is not so far
    above 0.

    Examples
    --------
    >>> fieller(np.array([1.0, 2.0]), np.array([2.0, 2.0]), 1.0)
    Recovered(share=0.75, low=0.5, high=1.0)
    >>> fieller(np.array([1.0, 2.0]), np.array([2.0, -2.0]), 1.0)
    Recovered(share=nan, low=nan, high=nan)
    """
    n_clusters = len(numerator)
    x, y = float(numerator.sum()), float(denominator.sum())
    # Covariance of the two sums over clusters.
    scaled = np.cov(numerator, denominator) * n_clusters * quantile**2
    (var_x, cov_xy), (_, var_y) = scaled.tolist()
    a, b, c = y**2 - var_y, x * y - cov_xy, x**2 - var_x
    if not (a > 0 and y > 0):
        return NONE
    half = math.sqrt(max(b**2 - a * c, 0.0)) / a
    return Recovered(x / y, b / a - half, b / a + half)


LOSS_FIELDS = (
    *("loss_recovered", "loss_recovered_low", "loss_recovered_high", "loss_recovered_mask_sd"),
    *("loss_recovered_vs_unigram", "loss_recovered_vs_zero", "ce_clean", "ce_spliced"),
    *("ce_mean_ablation", "ce_unigram", "ce_zero_ablation", "kl_spliced", "kl_mean_ablation"),
    *("kl_zero_ablation", "n_masked", "n_masks"),
)
"""Columns of the evaluation table that need a model to splice into."""


def loss_fields(
    loss: MaskedLoss, spliced: str, logp: np.ndarray, cluster: np.ndarray
) -> dict[str, float | int | None]:
    """``LOSS_FIELDS`` of one SAE: means per masked residue and shares of the loss recovered.

    Parameters
    ----------
    spliced : str
        Name of the edit in ``loss`` that writes the SAE's output.
    logp : ndarray, shape (20,)
        From `unigram_logp`.
    cluster : ndarray of int, shape (n_proteins,)
    """
    nats = {
        "clean": loss.nats[CLEAN],
        "spliced": loss.nats[spliced],
        "mean_ablation": loss.nats[MEAN_ABLATION],
        "unigram": unigram_nats(loss, logp),
        "zero_ablation": loss.nats[ZERO_ABLATION],
    }
    shares = {
        floor: recovered(nats["clean"], nats["spliced"], nats[floor], loss.n_masked, cluster)
        for floor in ("mean_ablation", "unigram", "zero_ablation")
    }
    headline = shares["mean_ablation"]
    n_masked = int(loss.n_masked.sum())
    values = {
        "loss_recovered": headline.share,
        "loss_recovered_low": headline.low,
        "loss_recovered_high": headline.high,
        "loss_recovered_mask_sd": _mask_sd(nats) if not math.isnan(headline.share) else math.nan,
        "loss_recovered_vs_unigram": shares["unigram"].share,
        "loss_recovered_vs_zero": shares["zero_ablation"].share,
        **{f"ce_{name}": float(of_all.sum()) / n_masked for name, of_all in nats.items()},
        "kl_spliced": float(loss.kl[spliced].sum()) / n_masked,
        **{
            f"kl_{name}": float(loss.kl[name].sum()) / n_masked
            for name in (MEAN_ABLATION, ZERO_ABLATION)
        },
    }
    known = {name: value if math.isfinite(value) else None for name, value in values.items()}
    return {**known, "n_masked": n_masked, "n_masks": len(loss.n_masked)}


def _mask_sd(nats: dict[str, np.ndarray]) -> float:
    """Standard deviation of loss recovered between masks; NaN of a single one."""
    if len(nats["clean"]) < 2:
        return math.nan
    clean, spliced, floor = (nats[key].sum(1) for key in ("clean", "spliced", MEAN_ABLATION))
    with np.errstate(divide="ignore", invalid="ignore"):
        return float(np.std((floor - spliced) / (floor - clean), ddof=1))
