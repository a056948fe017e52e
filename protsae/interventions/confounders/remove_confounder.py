"""Take a confounder out of a probe, and see what that does where it is balanced with the label."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from protsae.errors import UserError
from protsae.interventions.confounders.balanced_scores import BalancedTest, cells
from protsae.interventions.confounders.removal_arms import (
    FEATURES,
    NONE,
    REMOVALS,
    REWEIGHTED,
    Proteins,
    Removal,
    removals,
)
from protsae.interventions.confounders.scored_probes import (
    KEPT,
    RETRAINED,
    Scored,
    Splits,
    averaged,
    clean_probes,
    score_reweighted,
    score_without,
    scored_removals,
)
from protsae.interventions.confounders.scored_rows import ScoredRow, chosen_rows, scored_table

COUNTS = (1, 2, 4, 8, 16, 32, 64)
"""Numbers of features, coordinates and directions that are tried."""

SPLITS = ("train", "valid", "test")
CELL_NAMES = ("neither", "the confounder alone", "the label alone", "both")


@dataclass(frozen=True)
class ConfounderRemoval:
    """What was removed, and what it did.

    Attributes
    ----------
    table : DataFrame
        A row for each arm, probe and number removed (docs/tables.md, table ``deconfounded``).
    features : dict of str to list of int
        Features removed, the strongest first, for the kept and the retrained probe, as many as
        valid chose; empty where it chose to remove none.
    removals : dict of (str, str) to Removal
        What was taken out by arm and probe, where valid chose to take out anything; of features at
        random the first draw.
    clusters_by_cell : list of int
        Homology clusters of test in each of the four cells: neither, the confounder alone, the
        label alone, both.
    """

    table: pd.DataFrame
    features: dict[str, list[int]]
    removals: dict[tuple[str, str], Removal]
    clusters_by_cell: list[int]


def remove_confounder(
    activations: np.ndarray,
    codes: np.ndarray,
    decoder: np.ndarray,
    label: np.ndarray,
    confounder: np.ndarray,
    cluster: Sequence[Any] | np.ndarray,
    split: Sequence[str] | np.ndarray,
    rate: np.ndarray | None = None,
    counts: Sequence[int] = COUNTS,
    draws: int = 5,
    resamplings: int = 1000,
    seed: int = 0,
    track: Callable[..., Iterable[Removal]] = iter,
) -> ConfounderRemoval:
    """Train a probe where label and confounder go together, and take the confounder out.

    Removed are features that tell the confounder among proteins with the same label, and, as
    controls, features at random, coordinates, and directions. Everything is chosen on train, how
    many and the penalty of probes on valid. Scores are those on test with equal weight of the four
    combinations of label and confounder.

    Parameters
    ----------
    activations : ndarray, shape (n_proteins, d_model)
        Layer activations, mean over the residues of each protein.
    codes : ndarray, shape (n_proteins, n_features)
        Activations of an SAE's features, likewise; none negative.
    decoder : ndarray, shape (n_features, d_model)
        ``W_dec`` of the SAE.
    label, confounder : ndarray of bool, shape (n_proteins,)
        Each combination must occur in each split.
    cluster : sequence, shape (n_proteins,)
        Homology cluster; none may be in two splits.
    split : sequence of str, shape (n_proteins,)
        ``train``, ``valid`` or ``test``.
    rate : ndarray, shape (n_features,), optional
        How often each feature is active: those drawn at random are active as often. Default: in how
        many proteins of train.
    counts : sequence of int
        Numbers of features, coordinates and directions to try.
    draws : int
        Of features at random for each number; their mean is given.
    resamplings : int
        Of the homology clusters of test, for 95 % intervals.
    seed : int
    track : function
        Shows the progress of an iterable.

    Raises
    ------
    UserError
        If shapes differ, a number is not finite, a combination is missing, a cluster is in two
        splits, or the seed is negative.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> label, confounder = rng.random((2, 300)) < 0.5
    >>> codes = np.stack([label, confounder], 1) + rng.random((300, 2))
    >>> x, split = codes @ np.eye(2), np.repeat(["train", "valid", "test"], 100)
    >>> found = remove_confounder(x, codes, np.eye(2), label, confounder, range(300), split)
    >>> found.features["kept"]
    [1]
    """
    split, cluster = np.asarray(split), np.asarray(cluster)
    label, confounder = _truths(label, "label"), _truths(confounder, "confounder")
    x_ND, f_NF = np.asarray(activations, np.float64), np.asarray(codes)
    if seed < 0:
        raise UserError(f"seed {seed}; expected 0 or more")
    _validate(x_ND, f_NF, decoder, label, confounder, cluster, split)
    every = Proteins(x_ND, f_NF, label, confounder)
    train, valid, test = (every.of(split == name) for name in SPLITS)
    numbers = np.unique(cluster[split == "test"], return_inverse=True)[1]
    scored = BalancedTest(test.label, test.confounder, numbers, resamplings, seed)
    splits = Splits(train, valid, test, scored)
    probes = clean_probes(splits)
    if rate is None:
        rate = (train.f_NF > 0).mean(0)
    planned = removals(train, decoder, rate, counts, draws, probes.confounder_penalty, seed)
    none = score_without(splits, probes)
    rows = [ScoredRow(NONE, 0, 0.0, none)]
    rows.append(ScoredRow(REWEIGHTED, 0, 0.0, score_reweighted(splits, probes)))
    for arm in REMOVALS:
        rows += [ScoredRow(arm, 0, 0.0, replace(none, probe=p)) for p in (KEPT, RETRAINED)]
    drawn: dict[tuple[str, int], list[tuple[float, list[Scored]]]] = defaultdict(list)
    first: dict[tuple[str, int], Removal] = {}
    for removal, share, found in scored_removals(splits, probes, planned, track):
        drawn[removal.arm, removal.n].append((share, found))
        first.setdefault((removal.arm, removal.n), removal)
    for (arm, n), several in drawn.items():
        share = float(np.mean([one[0] for one in several]))
        for each in zip(*(one[1] for one in several), strict=True):
            rows.append(ScoredRow(arm, n, share, averaged(each)))
    table = scored_table(rows, scored)
    chosen = chosen_rows(rows)
    keys = [(arm, probe) for arm in REMOVALS for probe in (KEPT, RETRAINED)]
    taken = {key: first[key[0], chosen[key].n] for key in keys if chosen[key].n > 0}
    features = {
        probe: taken[FEATURES, probe].chosen.tolist() if (FEATURES, probe) in taken else []
        for probe in (KEPT, RETRAINED)
    }
    return ConfounderRemoval(table, features, taken, scored.clusters_by_cell)


def _truths(values: np.ndarray, name: str) -> np.ndarray:
    if n_unknown := int(pd.isna(np.asarray(values)).sum()):  # as a truth value NaN would be True
        raise UserError(
            f"{name}: NaN for {n_unknown:,} proteins; expected True or False; leave them out"
        )
    return np.asarray(values, dtype=bool)


def _validate(
    x_ND: np.ndarray,
    f_NF: np.ndarray,
    decoder: np.ndarray,
    label: np.ndarray,
    confounder: np.ndarray,
    cluster: np.ndarray,
    split: np.ndarray,
) -> None:
    n = len(x_ND)
    sizes = {
        "codes": len(f_NF), "label": len(label), "confounder": len(confounder),
        "cluster": len(cluster), "split": len(split),
    }  # fmt: skip
    for name, size in sizes.items():
        if size != n:
            raise UserError(f"{name} of {size:,} proteins, activations of {n:,}; expected as many")
    if decoder.shape != (f_NF.shape[1], x_ND.shape[1]):
        expected = f_NF.shape[1], x_ND.shape[1]
        raise UserError(
            f"decoder of shape {decoder.shape}; expected {expected}: features "
            "of codes, coordinates of activations"
        )
    if not (np.isfinite(x_ND).all() and np.isfinite(f_NF).all()):
        raise UserError("activations or codes have a NaN or an infinity; expected finite numbers")
    frame = pd.DataFrame({"cluster": cluster, "split": split})
    n_splits = frame.groupby("cluster")["split"].nunique()
    if (n_splits > 1).any():
        raise UserError(
            f"homology cluster {n_splits.index[n_splits > 1][0]} is in more than one split; "
            "relatives on both sides make every score too high; split by cluster"
        )
    for name in SPLITS:
        counts = np.bincount(cells(label, confounder)[split == name], minlength=4)
        if not counts.all():
            missing = CELL_NAMES[int(np.argmin(counts))]
            raise UserError(
                f"{name}: no protein with {missing}, of {counts.sum():,}; expected some of each "
                "combination of label and confounder; take more proteins or another confounder"
            )
