"""A label of proteins told from features, from what is simpler, and the difference."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from protsae.errors import UserError
from protsae.protein_probes.cluster_folds import cluster_folds
from protsae.protein_probes.fold_scores import HeldOutProteins
from protsae.protein_probes.nested_probe import HeldOut, held_out_probe
from protsae.protein_probes.penalised_fits import Penalty
from protsae.protein_probes.ranked_columns import ranked_columns
from protsae.protein_probes.target import Target, read_target, without_rare
from protsae.protein_probes.without_model import held_out_base_rate, held_out_transfer
from protsae.statistics.cluster_intervals import MIN_CLUSTERS

HOMOLOGUE, BASE_RATE = "homologue", "base_rate"


@dataclass(frozen=True, eq=False)
class ProteinProbes:
    """How well a label of proteins is told, and from what.

    Attributes
    ----------
    target : Target
        Of all proteins given.
    left_out : dict of str to int
        Classes in too few homology clusters, whose proteins take no part: their clusters.
    rows : ndarray of int, shape (n_known,)
        The proteins that take part.
    cluster, fold : ndarray of int, shape (n_known,)
        Of these.
    held_out : dict of str to HeldOut
        Scores of these by what they are told from.
    scores : DataFrame
        inputs, metric, value, low, high, ahead, ahead_low, ahead_high: the score, its 95 %
        interval over homology clusters, and the score of the first inputs less this, paired
        (`difference_interval`).
        lone_value, lone_low, lone_high: the score on proteins without a homologue in another fold;
        NaN where none is looked for.
    ranked : DataFrame
        As of `ranked_columns`, of the first inputs.
    penalty : Penalty
        Of the probe behind ``ranked``.
    n_with_homologue : int
        Proteins that have a homologue in another fold.
    """

    target: Target
    left_out: dict[str, int]
    rows: np.ndarray
    cluster: np.ndarray
    fold: np.ndarray
    held_out: dict[str, HeldOut]
    scores: pd.DataFrame
    ranked: pd.DataFrame
    penalty: Penalty
    n_with_homologue: int


def probe_proteins(
    inputs: Mapping[str, np.ndarray],
    label: Target | Sequence[object],
    cluster: Sequence[object],
    homologues: np.ndarray | None = None,
    *,
    n_folds: int = 5,
    n_inner: int = 4,
    n_resamplings: int = 1000,
    min_clusters: int = MIN_CLUSTERS,
    seed: int = 0,
    advance: Callable[[], None] = lambda: None,
) -> ProteinProbes:
    """Tell a label of proteins from several inputs, and compare the first with the others.

    Every protein is scored by probes that have seen none of its homology cluster: neither their
    weights nor their penalty (`held_out_probe`). All inputs share the folds, and intervals of
    differences the resampled clusters.

    Parameters
    ----------
    inputs : mapping of str to ndarray, shape (n_proteins, n_columns)
        What probes read, such as pooled features and, beside them, pooled embeddings.
    label : Target, or sequence of length n_proteins
        As `read_target` takes it: yes and no, classes, or numbers; None or NaN where unknown.
    cluster : sequence of length n_proteins
        Homology cluster of each protein.
    homologues : ndarray of int, shape (n_pairs, 2), optional
        A protein and one that it is aligned with, the best first for each; without, nothing is
        transferred.
    n_folds, n_inner : int
        Folds in which proteins are scored, and in which penalties are chosen.
    n_resamplings : int
        Of homology clusters, for intervals.
    min_clusters : int
        Homology clusters of each class; rarer classes are left out.
    seed : int
        Of folds and resampling.
    advance : function
        Called after each fold of each input.

    Returns
    -------
    ProteinProbes

    Raises
    ------
    UserError
        If the label does not vary, too few homology clusters have it, or sizes differ.

    Examples
    --------
    Thirty proteins, each a cluster of its own; a column that is the label, and one that is noise:

    >>> label = np.arange(30) % 2 == 1
    >>> noise = np.random.default_rng(0).normal(size=(30, 1))
    >>> inputs = {"features": label[:, None] * 1.0, "embeddings": noise}
    >>> found = probe_proteins(inputs, label, np.arange(30), n_resamplings=50)
    >>> aurocs = found.scores[found.scores["metric"] == "auroc"].set_index("inputs")["value"]
    >>> aurocs["features"], aurocs["base_rate"]
    (np.float64(1.0), np.float64(0.5))
    """
    given = label if isinstance(label, Target) else read_target("label", label)
    sizes = {name: len(x) for name, x in inputs.items()} | {"cluster": len(cluster)}
    for name, size in sizes.items():
        if size != len(given.values):
            raise UserError(f"{name}: {size:,} proteins, and {len(given.values):,} labels")
    number = np.unique(np.asarray(cluster), return_inverse=True)[1]
    target, left_out = without_rare(given, number, min_clusters)
    rows = np.flatnonzero(target.known)
    own, dense = target.only(rows), np.unique(number[rows], return_inverse=True)[1]
    fold = cluster_folds(own, dense, n_folds, seed)

    held_out = {}
    for name, x in inputs.items():
        of_known = np.asarray(x)[rows]
        held_out[name] = held_out_probe(of_known, own, dense, fold, n_inner, seed, advance)
    source = np.full(len(rows), -1)
    if homologues is not None:
        pairs = _among(homologues, rows, len(number))
        held_out[HOMOLOGUE], source = held_out_transfer(own, fold, pairs)
    held_out[BASE_RATE] = held_out_base_rate(own, fold)

    scored = HeldOutProteins(own, dense, fold, n_resamplings, seed)
    lone = None if homologues is None else replace(scored, counted=source < 0)
    first = next(iter(inputs))
    ranked, penalty = ranked_columns(
        np.asarray(inputs[first])[rows], own, dense, held_out[first], n_folds, seed
    )
    return ProteinProbes(
        target=target,
        left_out=left_out,
        rows=rows,
        cluster=dense,
        fold=fold,
        held_out=held_out,
        scores=_score_rows(scored, lone, held_out, first),
        ranked=ranked,
        penalty=penalty,
        n_with_homologue=int((source >= 0).sum()),
    )


def _among(homologues: np.ndarray, rows: np.ndarray, n_proteins: int) -> np.ndarray:
    """Pairs of proteins that take part, by their places among these."""
    place = np.full(n_proteins, -1)
    place[rows] = np.arange(len(rows))
    pairs = place[np.asarray(homologues, dtype=np.int64).reshape(-1, 2)]
    return pairs[(pairs >= 0).all(1)]


def _score_rows(
    scored: HeldOutProteins,
    lone: HeldOutProteins | None,
    held_out: Mapping[str, HeldOut],
    first: str,
) -> pd.DataFrame:
    """One row for each input and metric."""
    values = {name: scored.scores(found) for name, found in held_out.items()}
    of_lone = {name: lone.scores(found) for name, found in held_out.items()} if lone else {}
    rows = []
    for name, own in values.items():
        for number, metric in enumerate(scored.metrics):
            row: dict[str, object] = {"inputs": name, "metric": metric, "value": own[0, number]}
            row["low"], row["high"] = scored.interval(own[:, number])
            ahead = values[first][:, number] - own[:, number]
            row["ahead"] = ahead[0]
            row["ahead_low"], row["ahead_high"] = scored.difference_interval(ahead)
            if name == first:
                row |= dict.fromkeys(("ahead", "ahead_low", "ahead_high"), np.nan)
            row |= dict.fromkeys(("lone_value", "lone_low", "lone_high"), np.nan)
            if lone:
                only = of_lone[name][:, number]
                row["lone_value"], (row["lone_low"], row["lone_high"]) = (
                    only[0],
                    lone.interval(only),
                )
            rows.append(row)
    return pd.DataFrame(rows)
