"""Probes of the label after each removal, scored on balanced test proteins."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from protsae.interventions.confounders.balanced_scores import BalancedTest, weighted_auroc
from protsae.interventions.confounders.removal_arms import Proteins, Removal
from protsae.interventions.confounders.weighted_probe import WeightedProbe, fit_weighted_probe

KEPT, RETRAINED = "kept", "retrained"
PENALTIES = (0.001, 0.01, 0.1, 1.0)
"""Tried for each probe before anything is removed; chosen on valid."""


@dataclass(frozen=True, eq=False)
class Splits:
    """Proteins of train, valid and test, and how test is scored."""

    train: Proteins
    valid: Proteins
    test: Proteins
    scored: BalancedTest


@dataclass(frozen=True, eq=False)
class Scored:
    """A probe after a removal.

    Attributes
    ----------
    probe : {"kept", "retrained"}
    valid_auroc : float
        Of the label on balanced valid proteins.
    scores : ndarray, float64, shape (1 + n_resamplings, 4)
        As of `BalancedTest.scores`.
    told_DRC : ndarray, float64, shape (n_draws, 1 + n_resamplings, 4)
        As of `BalancedTest.told`, of each of several draws whose mean scores are given; mostly 1.
    """

    probe: str
    valid_auroc: float
    scores: np.ndarray
    told_DRC: np.ndarray


@dataclass(frozen=True, eq=False)
class Probes:
    """Probes of the layer as it is.

    Attributes
    ----------
    clean : WeightedProbe
        Of the label, trained as the proteins of train are.
    penalty : float
        Of it, and of probes of the label trained after a removal.
    confounder_penalty : float
        Of probes of the confounder.
    """

    clean: WeightedProbe
    penalty: float
    confounder_penalty: float


def clean_probes(splits: Splits) -> Probes:
    """The probe of the label, and penalties, those with the highest AUROC on balanced valid."""
    train = splits.train
    plain = np.ones(len(train.label))
    clean, penalty = best_probe(splits, train.label, plain, splits.valid.label)
    weight = train.balanced
    _, confounder_penalty = best_probe(splits, train.confounder, weight, splits.valid.confounder)
    return Probes(clean, penalty, confounder_penalty)


def best_probe(
    splits: Splits, target: np.ndarray, weight: np.ndarray, valid_target: np.ndarray
) -> tuple[WeightedProbe, float]:
    """The probe of some labels whose penalty has the highest AUROC on balanced valid proteins."""
    valid = splits.valid
    probes = [fit_weighted_probe(splits.train.x_ND, target, weight, p) for p in PENALTIES]
    areas = [weighted_auroc(p.logits(valid.x_ND), valid_target, valid.balanced) for p in probes]
    best = int(np.argmax(areas))
    return probes[best], PENALTIES[best]


def score_without(splits: Splits, probes: Probes) -> Scored:
    """The probe of the layer as it is."""
    parts = splits.train, splits.valid, splits.test
    x = [part.x_ND for part in parts]
    return _scored(KEPT, splits, probes.clean, x, _confounder_probe(splits, probes, x[0]))


def score_reweighted(splits: Splits, probes: Probes) -> Scored:
    """A probe trained with equal weight of the four cells; nothing is removed."""
    train = splits.train
    probe, _ = best_probe(splits, train.label, train.balanced, splits.valid.label)
    x = [part.x_ND for part in (train, splits.valid, splits.test)]
    return _scored(RETRAINED, splits, probe, x, _confounder_probe(splits, probes, x[0]))


def score_removal(splits: Splits, probes: Probes, removal: Removal) -> list[Scored]:
    """The clean probe on what is left, and a probe trained on it.

    The kept probe keeps its weights. Its bias takes back the shift that the removal makes in the
    mean logit of train, so that it does not matter whether something is set to 0 or to its mean.
    The confounder is told by a fresh probe, trained on what is left with equal weight of all cells.
    """
    train = splits.train
    x = [removal.apply(part) for part in (train, splits.valid, splits.test)]
    shift = probes.clean.logits(train.x_ND).mean() - probes.clean.logits(x[0]).mean()
    kept = WeightedProbe(probes.clean.weights, probes.clean.bias + float(shift))
    plain = np.ones(len(train.label))
    retrained = fit_weighted_probe(x[0], train.label, plain, probes.penalty)
    confounder = _confounder_probe(splits, probes, x[0])
    return [
        _scored(name, splits, probe, x, confounder)
        for name, probe in ((KEPT, kept), (RETRAINED, retrained))
    ]


def averaged(draws: Sequence[Scored]) -> Scored:
    """Mean scores of several draws of features at random."""
    area = float(np.mean([one.valid_auroc for one in draws]))
    scores = np.mean([one.scores for one in draws], axis=0)
    return Scored(draws[0].probe, area, scores, np.concatenate([one.told_DRC for one in draws]))


def variance_removed(before_ND: np.ndarray, after_ND: np.ndarray) -> float:
    """Share of the variance of activations that a removal takes, in its own change.

    sum Var(x - x') / sum Var(x) over the coordinates; a constant shift is no change.

    Examples
    --------
    >>> x = np.array([[0.0, 0], [2, 2]])
    >>> variance_removed(x, x * [1, 0])
    0.5
    """
    total = float(before_ND.var(0).sum())
    return float((before_ND - after_ND).var(0).sum() / total) if total > 0 else 0.0


def scored_removals(
    splits: Splits,
    probes: Probes,
    found: Iterable[Removal],
    track: Callable[..., Iterable[Removal]],
) -> Iterator[tuple[Removal, float, list[Scored]]]:
    """Each removal with the share of variance it takes on train, and its scores."""
    for removal in track(found):
        share = variance_removed(splits.train.x_ND, removal.apply(splits.train))
        yield removal, share, score_removal(splits, probes, removal)


def _confounder_probe(splits: Splits, probes: Probes, x_ND: np.ndarray) -> WeightedProbe:
    train = splits.train
    return fit_weighted_probe(x_ND, train.confounder, train.balanced, probes.confounder_penalty)


def _scored(
    name: str, splits: Splits, probe: WeightedProbe, x: Sequence[np.ndarray], other: WeightedProbe
) -> Scored:
    valid, (_, x_valid, x_test) = splits.valid, x
    area = float(weighted_auroc(probe.logits(x_valid), valid.label, valid.balanced))
    logits, scored = probe.logits(x_test), splits.scored
    scores = scored.scores(logits, other.logits(x_test))
    return Scored(name, area, scores, scored.told(logits)[None])
