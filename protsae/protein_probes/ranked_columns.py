"""Which pooled features a probe of proteins leans on."""

import numpy as np
import pandas as pd

from protsae.protein_probes.nested_probe import HeldOut, best_penalty, outputs
from protsae.protein_probes.penalised_fits import LOGISTIC, RIDGE, Penalty, fit_penalised
from protsae.protein_probes.target import Target
from protsae.statistics.cluster_correlation import correlation
from protsae.statistics.cluster_intervals import auroc_interval, group_sums
from protsae.statistics.weighted_ranks import mean_ranks

RANKED = 100
"""Columns of each class that are listed, at most."""


def ranked_columns(
    x_NC: np.ndarray,
    target: Target,
    cluster: np.ndarray,
    found: HeldOut,
    n_folds: int,
    seed: int,
    most: int = RANKED,
) -> tuple[pd.DataFrame, Penalty]:
    """Columns by their weight in a probe of all proteins, with what each tells by itself.

    Parameters
    ----------
    x_NC : ndarray, shape (n_proteins, n_columns)
    target : Target
        All of its values known.
    cluster : ndarray of int, shape (n_proteins,)
        From 0.
    found : HeldOut
        The probes of the folds, of the same columns.
    n_folds, seed
        Of the folds in which the penalty is chosen.

    Returns
    -------
    ranked : DataFrame
        class_name, rank, column (its place), coefficient (of the column over its deviation),
        n_folds_agree (folds whose probe gives it a weight of the same sign), score, score_low,
        score_high: AUROC of the column alone, or Spearman's rho of a number, on all proteins.
        Columns with a weight of 0 are left out.
    penalty : Penalty
        Of the probe of all proteins.
    """
    y, penalties = outputs(target), RIDGE if target.kind == "number" else LOGISTIC
    place, _ = best_penalty(x_NC, target, cluster, penalties, n_folds, seed)
    [fit] = fit_penalised(x_NC, y, [penalties[place]])
    signs = np.stack([np.sign(own.weights) for own in found.fits])
    names = [name for _, name in target.told] or [""]
    parts = []
    for number, name in enumerate(names):
        weights = fit.weights[:, number]
        order = np.argsort(-np.abs(weights), kind="stable")[:most]
        order = order[weights[order] != 0]
        agree = (signs[:, order, number] == np.sign(weights[order])).sum(0)
        score, low, high = _alone(x_NC[:, order], y[:, number], cluster)
        columns = {"column": order, "coefficient": weights[order], "n_folds_agree": agree}
        alone = {"score": score, "score_low": low, "score_high": high}
        part = pd.DataFrame(columns | alone)
        part.insert(0, "rank", np.arange(1, len(order) + 1))
        part.insert(0, "class_name", name)
        parts.append(part)
    return pd.concat(parts, ignore_index=True), penalties[place]


def column_auroc(
    x_NC: np.ndarray, label: np.ndarray, cluster: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """AUROC of each column alone, and its interval over homology clusters (`auroc_interval`).

    Examples
    --------
    >>> x, label = np.array([[1.0], [2], [2], [0]]), np.array([True, True, False, False])
    >>> auroc, low, high = column_auroc(x, label, np.arange(4))
    >>> auroc.tolist(), low.tolist()
    ([0.625], [nan])
    """
    n_with, n_without = int(label.sum()), int((~label).sum())
    placed = np.zeros(x_NC.shape)
    every = mean_ranks(x_NC, axis=0)
    for side, n_other in ((label, n_without), (~label, n_with)):
        # Of all others, those below are the ranks less the ranks among its own side.
        below = every[side] - mean_ranks(x_NC[side], axis=0)
        placed[side] = below / n_other
    placed[~label] = 1 - placed[~label]
    n_clusters = int(cluster.max()) + 1
    own = []
    for side in (label, ~label):
        mask = side[:, None].astype(np.float64)
        own += [group_sums(placed * mask, cluster, n_clusters)]
        own += [group_sums(np.broadcast_to(mask, x_NC.shape), cluster, n_clusters)]
    area: np.ndarray = placed[label].mean(0)
    low, high = auroc_interval(*own)
    return area, low, high


def _alone(
    x_NC: np.ndarray, y: np.ndarray, cluster: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    if y.dtype == bool:
        return column_auroc(x_NC, y, cluster)
    x, other = mean_ranks(x_NC, axis=0), np.broadcast_to(mean_ranks(y)[:, None], x_NC.shape)
    terms = np.stack([np.ones_like(x), x, other, x * x, other * other, x * other], axis=-1)
    n_clusters = int(cluster.max()) + 1
    sums = group_sums(terms.reshape(len(y), -1), cluster, n_clusters)
    return correlation(sums.reshape(n_clusters, *terms.shape[1:]))
