"""Pairs of detector and property that valid has proposed, examined on test."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import sparse

from protsae.association.annotation import best_rows
from protsae.association.cluster_null import cluster_null
from protsae.association.codes import Codes
from protsae.association.layer import Layer
from protsae.association.nulls import benjamini_hochberg, shift_null
from protsae.association.position_matched import (
    ENDS,
    end_distances,
    position_matched_auroc,
    preferred_ends,
)
from protsae.association.propose import propose
from protsae.association.ranks import rank_scores
from protsae.association.runs import Runs
from protsae.association.scores import (
    always_on_f1,
    f1_score,
    reaches,
)
from protsae.association.thresholds import positive_quantiles
from protsae.resampling import (
    bootstrap_weights,
    effective_clusters,
    group_sums,
    share_interval,
)

OF_CLUSTERS = ("f1_low", "f1_high", "null_f1", "p_value", "family_p_value")
OF_RANKS = ("average_precision", "auroc", "auroc_low", "auroc_high")
POSITION_MATCHED = "position_matched_auroc"
"""Columns that need the activations themselves, not only counts."""

PERMUTATIONS, STOP_AFTER = 999, 20
"""Of the null within families: most of them, and exceedances after which p is known well enough."""

PAIRS_AT_ONCE = 500
"""Pairs whose counts by cluster are held at a time: memory, not results."""


@dataclass(frozen=True)
class HeldOut:
    """What does not depend on the detectors: labels and clusters of the test residues, in order.

    Attributes
    ----------
    lengths, family : ndarray of int, shape (n_proteins,)
        Residues, and number of the homology cluster, of each protein.
    cluster : ndarray of int, shape (n_residues,)
        That of each residue.
    labels : csc_array, shape (n_residues, n_properties)
    known : ndarray of bool, shape (n_residues, n_known_columns)
    label_runs : list of Runs
        Where each property holds.
    positives : ndarray of int, shape (n_clusters, n_properties)
        Residues with the property.
    preferred_end : ndarray of int, shape (n_properties,)
        Of each property, on train: `preferred_ends`.
    """

    lengths: np.ndarray
    family: np.ndarray
    cluster: np.ndarray
    labels: sparse.csc_array
    known: np.ndarray
    label_runs: list[Runs]
    positives: np.ndarray
    preferred_end: np.ndarray

    @classmethod
    def of(cls, layer: Layer) -> "HeldOut":
        """Once for all detectors of a layer."""
        proteins = layer.of_split("test")
        names, lengths = proteins["accession"].tolist(), proteins["length"].to_numpy()
        number, clusters = pd.factorize(proteins["cluster"])
        cluster = np.repeat(number, lengths)
        labels = sparse.csc_array(layer.properties.labels(names))
        labels.sort_indices()
        runs = [Runs.of_rows(_rows(labels, column), lengths) for column in range(labels.shape[1])]
        positives = group_sums(labels.astype(np.int64), cluster, len(clusters)).toarray()
        known = layer.properties.known(names)
        n_train = layer.of_split("train")["cluster"].nunique()
        ends = preferred_ends(layer.labelled("train"), layer.properties.known_column, n_train)
        return cls(lengths, number, cluster, labels, known, runs, positives, ends)

    @property
    def n_clusters(self) -> int:
        """Homology clusters of test."""
        return len(self.positives)


@dataclass(frozen=True)
class Examined:
    """What a set of detectors finds on test.

    Attributes
    ----------
    pairs : DataFrame
        One row per candidate pair, by feature and property; columns as in docs/tables.md.
    captured, capturing : ndarray of int, shape (n_resamplings,)
        Properties whose best detector `reaches` them, and detectors that reach any property, with
        clusters resampled.
    n_active : ndarray of int, shape (n_detectors,)
        Residues of test on which each is active.
    train_sample : csc_array, shape (n_residues, n_detectors)
        Activations that the thresholds come from.
    """

    pairs: pd.DataFrame
    captured: np.ndarray
    capturing: np.ndarray
    n_active: np.ndarray
    train_sample: sparse.csc_array

    @property
    def n_detectors(self) -> int:
        """Size of the set."""
        return int(self.train_sample.shape[1])


def examine(layer: Layer, split: HeldOut, codes: Codes) -> Examined:
    """Thresholds from train, pairs proposed by valid; their scores, intervals and null on test.

    Intervals are `share_interval` over homology clusters. p-values are of the shift null, q-values
    over all rows: the pairs were proposed on valid, so their number is all that has to be paid for.
    Best detectors of properties are chosen on valid, too.
    """
    sample = layer.train_sample(codes)
    proposed = propose(layer, codes, positive_quantiles(sample, layer.settings.quantiles))
    pairs, property_ = proposed.pairs, proposed.property_
    feature = pairs["feature"].to_numpy()
    n_clusters = (split.positives > 0).sum(0)[property_]
    effective = effective_clusters(split.positives)[property_]
    named_ends = np.array([*ENDS, None], dtype=object)  # the last also has the number NO_END
    pairs = pairs.assign(
        n_clusters=n_clusters,
        effective_clusters=effective,
        preferred_end=named_ends[split.preferred_end[property_]],
    )
    best = np.zeros(len(pairs), dtype=bool)
    best[best_rows(pd.factorize(pairs["property"])[0], pairs["valid_f1"].to_numpy())] = True
    leading = np.zeros(len(pairs), dtype=bool)
    leading[best_rows(feature, pairs["gain"].to_numpy())] = True
    weights = bootstrap_weights(split.n_clusters, layer.settings.bootstrap, layer.settings.seed)
    captured = np.zeros(len(weights), dtype=np.int64)
    capturing = np.zeros((codes.n_features, len(weights)), dtype=bool)
    known_column = layer.properties.known_column
    floor = always_on_f1(pairs["base_rate"].to_numpy())
    measured = pd.DataFrame(np.nan, pairs.index, [*OF_CLUSTERS, *OF_RANKS, POSITION_MATCHED])
    distances = end_distances(split.lengths)
    for held, activations in layer.columns(codes, "test", np.unique(feature), proposed.n_active):
        of_group = np.flatnonzero(np.isin(feature, held))
        # By property, whose rotations then are looked at once.
        of_group = of_group[np.argsort(property_[of_group], kind="stable")]
        column = np.searchsorted(held, feature)
        measured.loc[of_group, list(OF_RANKS)] = _rank_scores(
            split, activations, column[of_group], property_[of_group], known_column
        )
        measured.loc[of_group, POSITION_MATCHED] = position_matched_auroc(
            activations,
            split.labels,
            split.known,
            known_column,
            distances,
            column[of_group],
            property_[of_group],
            split.preferred_end,
        )
        for members in np.array_split(of_group, -(-len(of_group) // PAIRS_AT_ONCE)):
            found, sums = _examine(
                layer,
                split,
                activations,
                column[members],
                property_[members],
                pairs["threshold"].to_numpy()[members],
                leading[members],
            )
            measured.loc[members, list(OF_CLUSTERS)] = found
            drawn = f1_score(*(weights @ of_cluster for of_cluster in sums))
            reached = reaches(drawn, floor[members])
            captured += reached[:, best[members]].sum(1)
            np.logical_or.at(capturing, feature[members], reached.T)
    pairs = pairs.join(measured)
    pairs = pairs.assign(q_value=benjamini_hochberg(pairs["p_value"].to_numpy()))
    return Examined(pairs, captured, capturing.sum(0), proposed.n_active, sample)


def _examine(
    layer: Layer,
    split: HeldOut,
    activations: sparse.csc_array,
    feature: np.ndarray,
    property_: np.ndarray,
    threshold: np.ndarray,
    leading: np.ndarray,
) -> tuple[np.ndarray, tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """``OF_CLUSTERS``, a row per pair; and its true positives, on and positives by cluster.

    ``feature`` is a column of ``activations``; of a feature's pairs, the ``leading`` one is also
    tested within families.
    """
    known_column = layer.properties.known_column
    n_pairs = len(feature)
    tp, on = (np.zeros((split.n_clusters, n_pairs)) for _ in range(2))
    rows_on: list[np.ndarray] = [np.empty(0, np.int64)] * n_pairs
    has_property = np.zeros(len(split.cluster), dtype=bool)
    for pair in range(n_pairs):
        labelled = _rows(split.labels, property_[pair])
        has_property[labelled] = True
        column = slice(activations.indptr[feature[pair]], activations.indptr[feature[pair] + 1])
        rows = activations.indices[column][activations.data[column] > threshold[pair]]
        rows = rows[split.known[rows, known_column[property_[pair]]]]
        on[:, pair] = np.bincount(split.cluster[rows], minlength=split.n_clusters)
        hits = rows[has_property[rows]]
        tp[:, pair] = np.bincount(split.cluster[hits], minlength=split.n_clusters)
        has_property[labelled] = False
        rows_on[pair] = rows
    positives = split.positives[:, property_]
    null = shift_null(
        [Runs.of_rows(rows, split.lengths) for rows in rows_on],
        split.label_runs,
        np.stack([np.arange(n_pairs), property_], axis=1),
        split.lengths,
    )
    low, high = share_interval(2 * tp, on + positives)
    null_f1 = f1_score(null.expected, on.sum(0), positives.sum(0))
    family_p = np.full(n_pairs, np.nan)
    family_p[leading] = _family_null(
        split, rows_on, property_, np.flatnonzero(leading), layer.settings.seed
    )
    found = np.stack([low, high, null_f1, null.p_value, family_p], axis=1)
    return found, (tp, on, positives)


def _family_null(
    split: HeldOut, rows_on: list[np.ndarray], property_: np.ndarray, pairs: np.ndarray, seed: int
) -> np.ndarray:
    columns = np.unique(property_[pairs])
    return cluster_null(
        [rows_on[pair] for pair in pairs],
        [_rows(split.labels, column) for column in columns],
        np.stack([np.arange(len(pairs)), np.searchsorted(columns, property_[pairs])], axis=1),
        split.lengths,
        split.family,
        PERMUTATIONS,
        STOP_AFTER,
        seed,
    )


def _rank_scores(
    split: HeldOut,
    activations: sparse.csc_array,
    feature: np.ndarray,
    property_: np.ndarray,
    known_column: np.ndarray,
) -> np.ndarray:
    """``OF_RANKS``, a row per pair: each property over the residues where it is known."""
    found = np.empty((len(feature), len(OF_RANKS)))
    for column in np.unique(known_column[property_]):
        rows = split.known[:, column]
        mine = known_column[property_] == column
        everywhere = rows.all()
        found[mine] = rank_scores(
            activations if everywhere else sparse.csc_array(activations[rows]),
            split.labels if everywhere else sparse.csc_array(split.labels[rows]),
            feature[mine],
            property_[mine],
            split.cluster[rows],
        )
    return found


def _rows(labels: sparse.csc_array, column: int) -> np.ndarray:
    """Rows of a column, ascending."""
    return labels.indices[labels.indptr[column] : labels.indptr[column + 1]]
