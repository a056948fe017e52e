"""A probe whose penalty is chosen inside each fold: scores of proteins that it has not seen."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from protsae.protein_probes.cluster_folds import cluster_folds
from protsae.protein_probes.penalised_fits import LOGISTIC, RIDGE, Fit, Penalty, fit_penalised
from protsae.protein_probes.target import Target


@dataclass(frozen=True, eq=False)
class HeldOut:
    """Scores of proteins by probes that have seen none of their homology clusters.

    Attributes
    ----------
    scores : ndarray, float64, shape (n_proteins, n_outputs)
        Logits of each class that is told, or numbers.
    decided : ndarray, float64, shape (n_proteins,)
        Index of the class that a protein is taken for; of a number, the number.
    penalties : tuple of Penalty
        Chosen for each fold; empty where nothing is fitted.
    fits : tuple of Fit
        Of each fold; likewise.
    """

    scores: np.ndarray
    decided: np.ndarray
    penalties: tuple[Penalty, ...] = ()
    fits: tuple[Fit, ...] = ()


def outputs(target: Target) -> np.ndarray:
    """What regressions are fitted to: bool or float64, shape (n_proteins, n_outputs)."""
    if target.kind == "number":
        return target.values[:, None]
    return np.stack([target.values == place for place, _ in target.told], axis=1)


def held_out_probe(
    x_NC: np.ndarray,
    target: Target,
    cluster: np.ndarray,
    fold: np.ndarray,
    n_inner: int,
    seed: int,
    advance: Callable[[], None] = lambda: None,
) -> HeldOut:
    """Scores by probes of all folds but a protein's own.

    Within the other folds, the penalty with the least loss on held-out proteins is chosen, over
    ``n_inner`` folds that share no homology cluster either, and so is the threshold of yes/no, that
    with the highest F1 on the same held-out scores. What is scored takes part in neither.

    Parameters
    ----------
    x_NC : ndarray, shape (n_proteins, n_columns)
    target : Target
        All of its values known.
    cluster, fold : ndarray of int, shape (n_proteins,)
    n_inner : int
    seed : int
        Of the inner folds.
    advance : function
        Called after each fold.
    """
    y, penalties = outputs(target), RIDGE if target.kind == "number" else LOGISTIC
    scores, decided = np.full(y.shape, np.nan), np.full(len(y), np.nan)
    chosen, fits = [], []
    for number in np.unique(fold):
        train, test = fold != number, fold == number
        best, inner_scores = best_penalty(
            x_NC[train], target.only(train), cluster[train], penalties, n_inner, seed
        )
        [fit] = fit_penalised(x_NC[train], y[train], [penalties[best]])
        scores[test] = fit.scores(x_NC[test])
        decided[test] = _decide(target, scores[test], inner_scores, y[train])
        chosen.append(penalties[best])
        fits.append(fit)
        advance()
    return HeldOut(scores, decided, tuple(chosen), tuple(fits))


def best_penalty(
    x_NC: np.ndarray,
    target: Target,
    cluster: np.ndarray,
    penalties: Sequence[Penalty],
    n_folds: int,
    seed: int,
) -> tuple[int, np.ndarray]:
    """Place of the penalty with the least held-out loss, and its held-out scores.

    Loss: log(1 + exp(m)) - y m, or (y - m)^2, mean over proteins and outputs. Of equal penalties
    the first.
    """
    y = outputs(target)
    fold = cluster_folds(target, cluster, n_folds, seed)
    scores = np.empty((len(penalties), *y.shape))
    for number in range(n_folds):
        train, test = fold != number, fold == number
        for place, fit in enumerate(fit_penalised(x_NC[train], y[train], penalties)):
            scores[place, test] = fit.scores(x_NC[test])
    loss = (y - scores) ** 2 if y.dtype != bool else np.logaddexp(0, scores) - y * scores
    best = int(loss.mean((1, 2)).argmin())
    return best, scores[best]


def best_threshold(score: np.ndarray, label: np.ndarray) -> float:
    """The lowest threshold with the highest F1, a score of at least it being yes.

    Examples
    --------
    >>> best_threshold(np.array([3.0, 2.0, 1.0, 0.0]), np.array([True, True, False, False]))
    2.0
    """
    order = np.argsort(-score, kind="stable")
    ordered = score[order]
    last = np.r_[ordered[1:] != ordered[:-1], True]  # equal scores fall on one side
    hits = label[order].cumsum()
    f1 = 2 * hits / (np.arange(1, len(score) + 1) + label.sum())
    best = np.flatnonzero(last & (f1 >= f1[last].max() - 1e-12))[-1]
    return float(ordered[best])


def _decide(
    target: Target, scores: np.ndarray, inner_scores: np.ndarray, inner_y: np.ndarray
) -> np.ndarray:
    if target.kind == "number":
        return scores[:, 0]
    if target.kind == "classes":
        return scores.argmax(1).astype(np.float64)
    return (scores[:, 0] >= best_threshold(inner_scores[:, 0], inner_y[:, 0])).astype(np.float64)
