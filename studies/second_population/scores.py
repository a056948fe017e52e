"""What a run claims of its detectors beside what is found on other proteins: arrays and tables."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import sparse

from protsae.association.baseline_comparison import ALWAYS_ON, RULE
from protsae.association.scoring.base_rate_adjustment import f1_at_base_rate, false_positive_rate
from protsae.association.scoring.metrics import f1_score, ratio
from protsae.association.scoring.rank_scores import rank_scores
from protsae.association.verdicts import CountsByCluster, compare, verdicts
from protsae.config.reserved_names import DETECTORS, ONEHOT, is_permuted
from protsae.statistics.cluster_intervals import f1_interval, group_sums
from studies.findings.tables import PERMUTED, SAE, set_names

INTERVAL = ("f1_low", "f1_high")
CLAIMED = ("f1", *INTERVAL, "recall", "false_positive_rate", "auroc", "base_rate", "n_clusters")
"""What the run says of a detector on its test."""


def chosen_detectors(
    pairs: pd.DataFrame, concepts: Sequence[str], variant: str, frozen: Collection[str] = ()
) -> pd.DataFrame:
    """For each concept and set of detectors the one with the highest F1 on valid, of all layers.

    Parameters
    ----------
    pairs : DataFrame
        associations.parquet.
    variant : str
        The SAE that is shown.
    frozen : collection of str
        Names of the frozen SAEs.

    Returns
    -------
    DataFrame
        set (SAE, a baseline's name, or that of the permuted model: the best of all its detectors),
        concept, model, layer, variant, feature, threshold, and ``CLAIMED``.
    """
    kept = pairs["concept"].isin(concepts) & pairs["variant"].isin([variant, *frozen, *DETECTORS])
    pairs = pairs[kept & (pairs["model"] != ONEHOT)]
    own = set_names(pairs["variant"], frozen)
    sets = np.where(pairs["model"].map(is_permuted), PERMUTED, own)
    ranked = pairs.assign(set=sets).sort_values("valid_f1", ascending=False, kind="stable")
    best = ranked.drop_duplicates(["concept", "set"])
    columns = ["set", "concept", "model", "layer", "variant", "feature", "threshold", *CLAIMED]
    return best[columns].reset_index(drop=True)


def claimed_rules(rules: pd.DataFrame, counts: pd.DataFrame) -> pd.DataFrame:
    """Rule of each concept, and ``CLAIMED`` of it but AUROC, which a yes or no does not have.

    Parameters
    ----------
    rules, counts : DataFrame
        rules.parquet and rule_counts.parquet.

    Examples
    --------
    >>> rules = pd.DataFrame({"concept": ["SIGNAL"], "rule": ["residue C"], "f1": [0.5]})
    >>> rules = rules.assign(f1_low=0.4, f1_high=0.6, recall=0.6, base_rate=0.2, n_clusters=11)
    >>> counts = {"concept": ["SIGNAL"] * 2, "tp": [2, 1], "on": [4, 3], "positives": [3, 2]}
    >>> found = claimed_rules(rules, pd.DataFrame(counts | {"known": [10, 15]}))
    >>> found["false_positive_rate"].tolist()
    [0.2]
    """
    totals = counts.groupby("concept")[["tp", "on", "positives", "known"]].sum()
    tp, on, positives, known = totals.loc[rules["concept"]].to_numpy().T
    table = rules.assign(
        set=RULE,
        auroc=np.nan,
        false_positive_rate=false_positive_rate(tp, on, positives, known),
    )
    return table[["set", "concept", "rule", *CLAIMED]]


@dataclass(frozen=True, eq=False)
class Residues:
    """Residues of the second population.

    Attributes
    ----------
    labels : ndarray of bool, shape (n_residues, n_concepts)
    known : ndarray of bool, shape (n_residues,)
    cluster : ndarray of int, shape (n_residues,)
        Homology cluster, from 0.
    concepts : sequence of str
    """

    labels: np.ndarray
    known: np.ndarray
    cluster: np.ndarray
    concepts: Sequence[str]

    def of_known(self) -> "Residues":
        """Only residues of which it is known what they have."""
        known = self.known
        return Residues(self.labels[known], known[known], self.cluster[known], self.concepts)


def found_rows(
    claimed: pd.DataFrame, activations: np.ndarray, thresholds: np.ndarray, residues: Residues
) -> pd.DataFrame:
    """Claimed and found beside one another, a row for each detector; verdicts on the SAE features.

    Parameters
    ----------
    claimed : DataFrame
        set, concept, and ``CLAIMED``.
    activations : ndarray, shape (n_residues, n_detectors)
        A detector is on above its threshold.
    thresholds : ndarray, shape (n_detectors,)
    residues : Residues

    Returns
    -------
    DataFrame
        ``claimed`` with claimed_* for each of its scores; claimed_f1_here, the F1 that its recall
        and false-positive rate give at the base rate here; found_* beside; on rows of SAE features
        f1_difference with its interval to the best of the other detectors, of the rule and of being
        always on (best_other), by `compare`, and verdict_p_value, verdict_q_value and verdict over
        all rows given.
    """
    known = residues.known
    activations, residues = activations[known], residues.of_known()
    n_clusters = int(residues.cluster.max()) + 1
    column = np.array([list(residues.concepts).index(name) for name in claimed["concept"]])
    on = activations > thresholds
    labels = residues.labels[:, column]
    by_cluster = [
        group_sums(counted.astype(np.int64), residues.cluster, n_clusters)
        for counted in (on & labels, on, labels)
    ]
    tp, fires, positives = (counts.sum(0) for counts in by_cluster)
    low, high = f1_interval(*by_cluster)
    pair = np.arange(len(claimed))
    # Ranks of yes and no would be no AUROC of a rule that a claim could stand beside.
    area = rank_scores(
        sparse.csc_array(activations), sparse.csc_array(labels), pair, pair, residues.cluster
    )[:, 1:]
    area[(claimed["set"] == RULE).to_numpy()] = np.nan
    rates = false_positive_rate(tp, fires, positives, np.array(len(labels)))
    base_rate = positives / len(labels)
    table = claimed.rename(columns={name: f"claimed_{name}" for name in CLAIMED})
    table = table.assign(
        claimed_f1_here=f1_at_base_rate(
            claimed["recall"].to_numpy(), claimed["false_positive_rate"].to_numpy(), base_rate
        ),
        found_f1=f1_score(tp, fires, positives),
        found_f1_low=low,
        found_f1_high=high,
        found_recall=ratio(tp, positives),
        found_false_positive_rate=rates,
        found_auroc=area[:, 0],
        found_auroc_low=area[:, 1],
        found_auroc_high=area[:, 2],
        found_base_rate=base_rate,
        found_n_clusters=(by_cluster[2] > 0).sum(0),
    )
    everywhere = np.bincount(residues.cluster, minlength=n_clusters)
    return table.join(_compared(table, by_cluster[0], by_cluster[1], by_cluster[2], everywhere))


def _compared(
    table: pd.DataFrame, tp: np.ndarray, on: np.ndarray, positives: np.ndarray, known: np.ndarray
) -> pd.DataFrame:
    """Differences of SAE features, in their rows, to the best of all others of their concept."""
    rows = []
    for place in np.flatnonzero(table["set"] == SAE):
        others = np.flatnonzero(
            (table["concept"] == table["concept"][place]) & (table.index != place)
        )
        always = CountsByCluster(positives[:, [place]], known[:, None])
        rivals = CountsByCluster.beside([CountsByCluster(tp[:, others], on[:, others]), always])
        own = CountsByCluster(tp[:, [place]], on[:, [place]])
        found = compare(own, rivals, positives[:, place])
        names = [*table["set"].iloc[others], ALWAYS_ON]
        rows.append(found.assign(best_other=names[found["other"][0]]).set_axis([place]))
    if not rows:
        return pd.DataFrame(index=table.index)
    found = pd.concat(rows)
    return found.drop(columns="other")


def with_verdicts(table: pd.DataFrame) -> pd.DataFrame:
    """verdict_p_value, verdict_q_value and verdict in place of p_above and p_below."""
    tested = (table["set"] == SAE).to_numpy()
    decided = verdicts(table["p_above"].to_numpy(), table["p_below"].to_numpy(), tested)
    return table.drop(columns=["p_above", "p_below"]).join(decided.set_index(table.index))
