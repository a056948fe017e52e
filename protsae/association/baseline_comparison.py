"""Every feature beside all its baselines, from counts by homology cluster."""

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
import pandas as pd

from protsae.association.frozen_saes import is_frozen, of_frozen
from protsae.association.run_tables import best_per_concept
from protsae.association.scoring.metrics import CALLED_Q, f1_score
from protsae.association.verdicts import CountsByCluster, compare, verdicts
from protsae.concepts.concept import are_defined_by_sequence
from protsae.config.reserved_names import COORDINATES, MLP, ONEHOT, PCA, RANDOM, is_permuted

OF_LAYER = {
    **{COORDINATES: "coordinate", PCA: "principal component", RANDOM: "random dictionary"},
    MLP: "neuron",
}
"""Sets of detectors of a feature's own layer, and what one of them is called."""

FROZEN = "frozen SAE"
"""The SAEs with a frozen part on a feature's own layer; together they are one baseline."""

ONE_HOT, PERMUTED, RULE, ALWAYS_ON = "one-hot sequence", "permuted model", "rule", "always on"
"""Baselines that serve all layers."""

COLUMNS = (
    *("f1_without_relatives", "n_clusters_without_relatives"),
    *("best_baseline", "best_baseline_f1"),
    *("f1_difference", "f1_difference_low", "f1_difference_high"),
    *("verdict_p_value", "verdict_q_value", "verdict"),
)

_DETECTOR = ["model", "layer", "variant", "feature"]


def compare_features(
    features: pd.DataFrame,
    associations: pd.DataFrame,
    cluster_counts: pd.DataFrame,
    rule_counts: pd.DataFrame,
    related: Collection[str] = (),
) -> pd.DataFrame:
    """``COLUMNS`` for each feature, empty where it has no concept.

    A feature is compared with the best detector of each baseline for its concept, by F1 on valid:
    coordinates, principal components, the random dictionary, neurons and frozen SAEs of its layer,
    detectors on one-hot sequences and on the permuted model (of any layer), the rule on the
    sequence, and being on everywhere. Features of frozen SAEs, of one-hot sequences and of the
    permuted model are not compared with their own kind.

    Parameters
    ----------
    features, associations : DataFrame
        As in docs/tables.md; only features with q <= 0.05 get a verdict. Which SAEs are frozen, the
        column ``freeze`` of features says. Those of concepts that the
        sequence defines are corrected apart from the others.
    cluster_counts : DataFrame
        model, layer, variant, feature, concept, cluster, tp, on: of every feature's concept, and
        of the best detectors.
    rule_counts : DataFrame
        concept, cluster, tp, on, positives, known: of the rule for each concept.
    related : collection of str
        Clusters of test with a protein that has a relative in train: left out of
        ``f1_without_relatives``; ``n_clusters_without_relatives`` are left that have the concept.
    """
    named = features[features["concept"].notna()]
    best = {
        **{
            name: best_per_concept(
                associations[associations["variant"] == variant], ["model", "layer"]
            )
            for variant, name in OF_LAYER.items()
        },
        FROZEN: best_per_concept(
            associations[of_frozen(associations, features)], ["model", "layer"]
        ),
        ONE_HOT: best_per_concept(associations[associations["model"] == ONEHOT]),
        PERMUTED: best_per_concept(
            associations[associations["model"].map(is_permuted).astype(bool)]
        ),
    }
    of_concept = dict(list(cluster_counts.groupby("concept", sort=False, observed=True)))
    rules = dict(list(rule_counts.groupby("concept", sort=False, observed=True)))
    found = [
        _compared(
            members,
            {name: rows[rows["concept"] == concept] for name, rows in best.items()},
            ConceptCounts.of(of_concept[concept], rules[concept]),
            related,
        )
        for concept, members in named.groupby("concept", sort=False)
    ]
    empty = pd.DataFrame(index=features.index, columns=list(COLUMNS))
    if not found:
        return empty
    compared = pd.concat(found).loc[named.index]
    called = (named["q_value"] <= CALLED_Q).to_numpy(dtype=bool, na_value=False)
    p_values = compared["p_above"].to_numpy(), compared["p_below"].to_numpy()
    verdict = verdicts(*p_values, called, are_defined_by_sequence(named["concept_type"]))
    return compared.join(verdict.set_index(compared.index))[list(COLUMNS)].reindex(features.index)


def _compared(
    features: pd.DataFrame,
    best: dict[str, pd.DataFrame],
    counts: "ConceptCounts",
    related: Collection[str],
) -> pd.DataFrame:
    """`compare` for the features of one concept, layer by layer, with the best baseline's name."""
    unrelated = ~counts.clusters.isin(list(related))
    parts = []
    kinds = [features["model"], features["layer"], is_frozen(features)]
    for (model, layer, frozen), members in features.groupby(kinds, sort=False):
        names, baselines = [ALWAYS_ON, RULE], [counts.always_on, counts.rule]
        for name, rows in best.items():
            if name == FROZEN and frozen:
                continue
            if name in (*OF_LAYER.values(), FROZEN):
                rows = rows[(rows["model"] == model) & (rows["layer"] == layer)]
            elif (rows["model"] == model).any() or (name == PERMUTED and is_permuted(str(model))):
                continue
            if len(rows):
                names.append(name)
                baselines.append(counts.take(rows))
        others = CountsByCluster.beside(baselines)
        own = counts.take(members)
        compared = compare(own, others, counts.positives)
        f1 = 2 * others.tp.sum(0) / np.maximum(others.on.sum(0) + counts.positives.sum(), 1)
        other = compared["other"].to_numpy()
        named = compared.assign(
            f1_without_relatives=counts.f1(own, unrelated),
            n_clusters_without_relatives=int((counts.positives[unrelated] > 0).sum()),
            best_baseline=np.array(names)[other],
            best_baseline_f1=f1[other],
        )
        parts.append(named.set_index(members.index))
    return pd.concat(parts)


@dataclass(frozen=True, eq=False)
class ConceptCounts:
    """Of one concept: counts by cluster of its detectors.

    Attributes
    ----------
    detectors : MultiIndex
        model, layer, variant, feature of the columns of ``counts``.
    clusters : Index of str
        The homology clusters of test: rows of all counts.
    positives : ndarray of int, shape (n_clusters,)
    """

    detectors: pd.MultiIndex
    clusters: pd.Index
    counts: CountsByCluster
    positives: np.ndarray
    rule: CountsByCluster
    always_on: CountsByCluster

    @classmethod
    def of(cls, counts: pd.DataFrame, rule: pd.DataFrame) -> "ConceptCounts":
        """From the rows of one concept."""
        clusters = pd.Index(rule["cluster"].astype(object))
        row = clusters.get_indexer(counts["cluster"].astype(object))
        every = pd.MultiIndex.from_frame(counts[_DETECTOR])
        detectors = pd.MultiIndex.from_tuples(every.unique(), names=_DETECTOR)
        column = detectors.get_indexer(every)
        positives, known = rule["positives"].to_numpy(), rule["known"].to_numpy()
        tp, on = np.zeros((2, len(clusters), len(detectors)), dtype=np.int64)
        tp[row, column], on[row, column] = counts["tp"], counts["on"]
        of_rule = CountsByCluster(rule[["tp"]].to_numpy(), rule[["on"]].to_numpy())
        everywhere = CountsByCluster(positives[:, None], known[:, None])
        return cls(detectors, clusters, CountsByCluster(tp, on), positives, of_rule, everywhere)

    def f1(self, counts: CountsByCluster, clusters: np.ndarray) -> np.ndarray:
        """F1 of detectors over these clusters, a mask; NaN where none of them has the concept."""
        n_positives = self.positives[clusters].sum()
        if not n_positives:
            return np.full(counts.tp.shape[1], np.nan)
        found: np.ndarray = f1_score(
            counts.tp[clusters].sum(0), counts.on[clusters].sum(0), n_positives
        )
        return found

    def take(self, rows: pd.DataFrame) -> CountsByCluster:
        """Of these detectors; one without counts is on nowhere in test."""
        column = self.detectors.get_indexer(pd.MultiIndex.from_frame(rows[_DETECTOR]))
        counted = column >= 0
        assert (rows["f1"].to_numpy()[~counted] == 0).all(), "no counts by cluster of a detector"
        shape = len(self.positives), len(column)
        tp, on = np.zeros(shape, np.int64), np.zeros(shape, np.int64)
        tp[:, counted] = self.counts.tp[:, column[counted]]
        on[:, counted] = self.counts.on[:, column[counted]]
        return CountsByCluster(tp, on)
