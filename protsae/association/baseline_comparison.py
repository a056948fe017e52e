"""Every feature beside all its baselines, from counts by homology cluster."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from protsae.association.frozen_saes import is_frozen
from protsae.association.joined_baselines import best_per_concept
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

_LAYER = ["model", "layer"]
_DETECTOR = [*_LAYER, "variant", "feature"]

OfLayer = Callable[[Any, Any], pd.DataFrame]
"""Model and layer to the counts by cluster of its detectors: model, layer, variant, feature,
concept, cluster, tp, on. Of every feature's concept, and of the best detectors."""


def compare_features(
    features: pd.DataFrame,
    associations: pd.DataFrame,
    frozen: pd.Series,
    cluster_counts: OfLayer,
    rule_counts: pd.DataFrame,
    related: Collection[str] = (),
    table: Sequence[str] = ("features",),
) -> pd.DataFrame:
    """``COLUMNS`` for each feature, empty where it has no concept.

    A feature is compared with the best detector of each baseline for its concept, by F1 on valid:
    coordinates, principal components, the random dictionary, neurons and frozen SAEs of its layer,
    detectors on one-hot sequences and on the permuted model (of any layer), the rule on the
    sequence, and being on everywhere. Features of frozen SAEs, of one-hot sequences and of the
    permuted model are not compared with their own kind.

    Counts by cluster are held of one layer at a time, beside those of the best detectors that serve
    all layers.

    Parameters
    ----------
    features, associations : DataFrame
        As in docs/tables.md; only features with q <= 0.05 get a verdict. Those of concepts that the
        sequence defines are corrected apart from the others. For features, pairs with ``freeze``
        may stand.
    frozen : Series of bool
        Which of the associations are of SAEs with a frozen part.
    cluster_counts : callable
        `OfLayer`; asked for layers of the features, and of one-hot and permuted detectors.
    rule_counts : DataFrame
        concept, cluster, tp, on, positives, known: of the rule for each concept.
    related : collection of str
        Clusters of test with a protein that has a relative in train: left out of
        ``f1_without_relatives``; ``n_clusters_without_relatives`` are left that have the concept.
    table : sequence of str
        The table of each feature, or of all: verdicts are corrected within each.
    """
    named = features[features["concept"].notna()]
    best = _best_baselines(associations, frozen)
    everywhere = _counts_of(best[best["baseline"].isin((ONE_HOT, PERMUTED))], cluster_counts)
    rules = _by_concept(rule_counts)
    parts = []
    for (model, layer), of_layer in named.groupby(_LAYER, sort=False, observed=True):
        serve = best[_serve(best, str(model), layer)]
        found = {**everywhere, (model, layer): _by_concept(cluster_counts(model, layer))}
        for concept, members in of_layer.groupby("concept", sort=False, observed=True):
            own = [rows[concept] for rows in found.values() if concept in rows]
            counts = ConceptCounts.of(own, rules[concept])
            others = serve[serve["concept"] == concept]
            parts.append(_compared(members, others, counts, related))
    empty = pd.DataFrame(index=features.index, columns=list(COLUMNS))
    if not parts:
        return empty
    compared = pd.concat(parts).loc[named.index]
    called = (named["q_value"] <= CALLED_Q).to_numpy(dtype=bool, na_value=False)
    p_values = compared["p_above"].to_numpy(), compared["p_below"].to_numpy()
    defined = pd.Series(are_defined_by_sequence(named["concept_type"]), index=named.index)
    of_table = pd.Series(np.broadcast_to(table, len(features)), index=features.index)
    group = named.groupby([defined, of_table.loc[named.index]]).ngroup().to_numpy()
    verdict = verdicts(*p_values, called, group)
    return compared.join(verdict.set_index(compared.index))[list(COLUMNS)].reindex(features.index)


def _by_concept(rows: pd.DataFrame) -> dict[Any, pd.DataFrame]:
    return dict(list(rows.groupby("concept", sort=False, observed=True)))


def _best_baselines(associations: pd.DataFrame, frozen: pd.Series) -> pd.DataFrame:
    """The best detectors of each concept, and of what ``baseline`` each is the best."""
    variant = associations["variant"]
    permuted = associations["model"].map(is_permuted).astype(bool)
    best = {
        **{
            name: best_per_concept(associations[variant == v], _LAYER)
            for v, name in OF_LAYER.items()
        },
        FROZEN: best_per_concept(associations[frozen], _LAYER),
        ONE_HOT: best_per_concept(associations[associations["model"] == ONEHOT]),
        PERMUTED: best_per_concept(associations[permuted]),
    }
    return pd.concat([rows.assign(baseline=name) for name, rows in best.items()])


def _counts_of(
    detectors: pd.DataFrame, cluster_counts: OfLayer
) -> dict[tuple[Any, ...], dict[Any, pd.DataFrame]]:
    """Counts of these detectors at these concepts, by layer and concept."""
    keys = [*_DETECTOR, "concept"]
    return {
        layer: _by_concept(cluster_counts(*layer).merge(wanted[keys], on=keys))
        for layer, wanted in detectors.groupby(_LAYER, sort=False, observed=True)
    }


def _compared(
    features: pd.DataFrame,
    best: pd.DataFrame,
    counts: "ConceptCounts",
    related: Collection[str],
) -> pd.DataFrame:
    """`compare` for the features of one concept in a layer, with the best baseline's name."""
    unrelated = ~counts.clusters.isin(list(related))
    parts = []
    for frozen, members in features.groupby(is_frozen(features), sort=False):
        others = best[best["baseline"] != FROZEN] if frozen else best
        names = np.array([ALWAYS_ON, RULE, *others["baseline"]], dtype=object)
        baselines = CountsByCluster.beside([counts.always_on, counts.rule, counts.take(others)])
        own = counts.take(members)
        compared = compare(own, baselines, counts.positives)
        f1 = 2 * baselines.tp.sum(0) / np.maximum(baselines.on.sum(0) + counts.positives.sum(), 1)
        other = compared["other"].to_numpy()
        named = compared.assign(
            f1_without_relatives=counts.f1(own, unrelated),
            n_clusters_without_relatives=int((counts.positives[unrelated] > 0).sum()),
            best_baseline=names[other],
            best_baseline_f1=f1[other],
        )
        parts.append(named.set_index(members.index))
    return pd.concat(parts)


def _serve(best: pd.DataFrame, model: str, layer: object) -> np.ndarray:
    """Which of the best detectors features of this model and layer are compared with."""
    name, own_model = best["baseline"].to_numpy(), (best["model"] == model).to_numpy()
    of_layer = np.isin(name, [*OF_LAYER.values(), FROZEN])
    own_layer = own_model & (best["layer"] == layer).to_numpy()
    own_kind = (name == PERMUTED) & is_permuted(model)
    serve: np.ndarray = np.where(of_layer, own_layer, ~own_model) & ~own_kind
    return serve


@dataclass(frozen=True, eq=False)
class ConceptCounts:
    """Of one concept: counts by cluster of its detectors.

    Attributes
    ----------
    column : dict
        Columns of ``counts`` by model, layer, variant and feature.
    clusters : Index of str
        The homology clusters of test: rows of all counts.
    positives : ndarray of int, shape (n_clusters,)
    """

    column: dict[tuple[object, ...], int]
    clusters: pd.Index
    counts: CountsByCluster
    positives: np.ndarray
    rule: CountsByCluster
    always_on: CountsByCluster

    @classmethod
    def of(cls, counts: Sequence[pd.DataFrame], rule: pd.DataFrame) -> "ConceptCounts":
        """From the rows of one concept, in parts; no detector is in two of them."""
        clusters = pd.Index(rule["cluster"].astype(object))
        parts = [CountsByCluster(*np.zeros((2, len(clusters), 0), np.int64))]
        detectors: list[tuple[object, ...]] = []
        for rows in counts:
            detector = rows["feature"].to_numpy()
            for name in (*_LAYER, "variant"):
                code, named = pd.factorize(rows[name])
                detector = detector * len(named) + code
            _, first, column = np.unique(detector, return_index=True, return_inverse=True)
            code, named = pd.factorize(rows["cluster"])
            row = clusters.get_indexer(pd.Index(named, dtype=object))[code]
            tp, on = np.zeros((2, len(clusters), len(first)), np.int64)
            tp[row, column], on[row, column] = rows["tp"], rows["on"]
            parts.append(CountsByCluster(tp, on))
            detectors += _keys(rows.iloc[first])
        columns = {detector: column for column, detector in enumerate(detectors)}
        positives, known = rule["positives"].to_numpy(), rule["known"].to_numpy()
        of_rule = CountsByCluster(rule[["tp"]].to_numpy(), rule[["on"]].to_numpy())
        everywhere = CountsByCluster(positives[:, None], known[:, None])
        return cls(columns, clusters, CountsByCluster.beside(parts), positives, of_rule, everywhere)

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
        column = np.array([self.column.get(key, -1) for key in _keys(rows)], dtype=np.int64)
        counted = column >= 0
        assert (rows["f1"].to_numpy()[~counted] == 0).all(), "no counts by cluster of a detector"
        shape = len(self.positives), len(column)
        tp, on = np.zeros(shape, np.int64), np.zeros(shape, np.int64)
        tp[:, counted] = self.counts.tp[:, column[counted]]
        on[:, counted] = self.counts.on[:, column[counted]]
        return CountsByCluster(tp, on)


def _keys(rows: pd.DataFrame) -> list[tuple[object, ...]]:
    """Model, layer, variant and feature of each row."""
    return list(zip(*(rows[name].tolist() for name in _DETECTOR), strict=True))
