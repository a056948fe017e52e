"""K-sparse probes on several sets of detectors of a layer, scored and compared on test."""

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
from scipy import sparse

from protsae.association.pairs.layer_data import Layer
from protsae.association.scoring.metrics import always_on_f1, ratio
from protsae.association.verdicts import CountsByCluster, compare, verdicts
from protsae.config.stage_settings import ProbeSettings
from protsae.detectors.activations import Codes
from protsae.references.probe_scores import Block, ClusterCounts, LogitCounts, score_on_test
from protsae.references.residue_data import Residues, drawn_places
from protsae.sparse_probes.column_probes import SparseProbes, TrainRows, fit_sparse_probes
from protsae.sparse_probes.forward_selection import NONE
from protsae.statistics import ragged

NEARLY_ALL = 0.9
"""Share of the linear probe's F1 on valid, above being always on, that a probe needs to count as
telling the concept."""

COMPARED = (
    *("best_baseline", "best_baseline_f1", "f1_difference", "f1_difference_low"),
    *("f1_difference_high", "verdict_p_value", "verdict_q_value", "verdict"),
)
"""Columns of an SAE beside its baselines."""


def probe_sets(
    layer: Layer,
    sets: Mapping[str, Codes],
    concepts: np.ndarray,
    sizes: Sequence[int],
    linear: pd.DataFrame,
    baselines: Mapping[str, Sequence[str]],
    names: Mapping[str, Sequence[str]] | None = None,
) -> pd.DataFrame:
    """For each set and concept, probes on the best k detectors.

    Detectors are chosen and probes fitted on residues drawn from train (``train_residues`` of the
    layer's settings), thresholds are chosen by F1 on valid, and all scores are of test, with
    intervals over homology clusters.

    Parameters
    ----------
    layer : Layer
    sets : mapping of name to Codes
        Detectors; they may be dense and have values below 0.
    concepts : ndarray of int
        Columns of the layer's labels that are probed.
    sizes : sequence of int
        The ks, ascending.
    linear : DataFrame
        Columns valid_f1, f1 and f1_low of the probe on all coordinates, a row for each of
        ``concepts``.
    baselines : mapping of name to sequence of name
        Sets that others are compared with, by the set that is.
    names : mapping of name to sequence of str, optional
        Of the detectors of some sets; the others' have numbers.

    Returns
    -------
    DataFrame
        Columns as of `sparse_probes` in docs/tables.md but for model, layer and the concept's name:
        ``concept`` is its number. By set, concept and k.
    """
    data = _Data(layer, np.asarray(concepts))
    sizes = tuple(sorted(sizes))
    named = names or {}
    found = {name: _scored(data, codes, sizes, named.get(name)) for name, codes in sets.items()}
    parts = []
    for name, (rows, counts) in found.items():
        others = {other: found[other] for other in baselines.get(name, ()) if other in found}
        compared = _compared(rows, counts, others)
        parts.append(_beside(pd.concat([rows, compared], axis=1), linear).assign(variant=name))
    joined = pd.concat(parts, ignore_index=True)
    return joined.sort_values(
        ["variant", "concept", "k"],
        key=lambda column: column.map(list(sets).index) if column.name == "variant" else column,
        ignore_index=True,
    )


class _Data:
    """Residues of a layer with the labels of the concepts that are probed."""

    def __init__(self, layer: Layer, concepts: np.ndarray):
        self.layer, self.concepts = layer, concepts
        self.known_column = np.asarray(layer.concepts.known_column)[concepts]
        self.n_clusters = layer.of_split("test")["cluster"].nunique()

    def train_sample(self, codes: Codes) -> TrainRows:
        """Residues drawn from all of train, the same for every set; relatives share a weight."""
        train = self.layer.of_split("train").set_index("accession")
        settings = self.layer.settings
        places = drawn_places(train["length"], settings.train_residues, settings.seed)
        number = pd.Series(pd.factorize(train["cluster"])[0], train.index)
        parts: list[tuple[Any, ...]] = []
        for names, rows in codes.blocks(set(places), settings.batch):
            drawn = [places[name] for name in names]
            first = ragged.starts(train.loc[names, "length"].to_numpy())
            mine = np.concatenate([begin + own for begin, own in zip(first, drawn, strict=True)])
            labels = sparse.csr_array(self.layer.concepts.labels(names))[mine]
            known = self.layer.concepts.known(names)[mine]
            cluster = np.repeat(number[names].to_numpy(), [len(own) for own in drawn])
            parts.append((rows[mine], labels[:, self.concepts].toarray() > 0, known, cluster))
        of_blocks = [rows for rows, *_ in parts]
        is_sparse = sparse.issparse(of_blocks[0])
        x = sparse.csr_array(sparse.vstack(of_blocks)) if is_sparse else np.concatenate(of_blocks)
        labels, known, cluster = (np.concatenate([part[i] for part in parts]) for i in (1, 2, 3))
        weight = 1 / np.bincount(number)[cluster]
        return TrainRows(x, labels, known, self.known_column, cluster, weight)

    def blocks(self, codes: Codes, split: str, times: int) -> Iterator[Block]:
        """All residues of a split, labels ``times`` over, as there are probes of each concept."""
        own = self.layer.settings
        settings = ProbeSettings(batch=own.batch, seed=own.seed)
        residues = Residues(codes.blocks, self.layer.proteins, self.layer.concepts, settings)
        for block in residues.blocks(None, split):
            labels, known = (
                np.tile(every[:, self.concepts], (1, times))
                for every in (block.labels, block.known)
            )
            yield Block(block.rows, labels, known, block.cluster)


def _scored(
    data: _Data, codes: Codes, sizes: tuple[int, ...], names: Sequence[str] | None
) -> tuple[pd.DataFrame, ClusterCounts]:
    """Rows of the probes on a set, in the order of `SparseProbes`, and their counts."""
    probes = fit_sparse_probes(data.train_sample(codes), sizes)
    read = partial(data.blocks, codes, times=len(sizes))
    on_valid = LogitCounts(probes.low, probes.high)
    n_known, n_positive = np.zeros((2, len(probes.bias)), np.int64)
    for block in read("valid"):
        on_valid.update(probes.logits(block.rows), block.labels, block.known)
        n_known += block.known.sum(0)
        n_positive += (block.labels & block.known).sum(0)
    valid_f1, level = on_valid.best_threshold()
    scores, counts = score_on_test(probes, level, lambda: read("test"), data.n_clusters)
    n_concepts = len(data.concepts)
    rows = pd.DataFrame(
        {
            "concept": np.tile(data.concepts, len(sizes)),
            "k": np.repeat(sizes, n_concepts),
            "detectors": _names(probes, n_concepts, names),
            "threshold": level,
            "valid_f1": valid_f1,
            "valid_always_on_f1": always_on_f1(ratio(n_positive, n_known)),
        }
    )
    return rows.join(scores), counts


def _names(probes: SparseProbes, n_concepts: int, of_columns: Sequence[str] | None) -> list[str]:
    """The detectors of each probe, in the order in which they were chosen."""
    return [
        " ".join(
            str(column) if of_columns is None else of_columns[column]
            for column in probes.chosen[:size, concept]
            if column != NONE
        )
        for size in probes.sizes
        for concept in range(n_concepts)
    ]


def _compared(
    rows: pd.DataFrame,
    counts: ClusterCounts,
    others: Mapping[str, tuple[pd.DataFrame, ClusterCounts]],
) -> pd.DataFrame:
    """Each probe beside the best of the other sets' probes with at most as many detectors."""
    if not others:
        return pd.DataFrame(dict.fromkeys(COMPARED), index=rows.index)
    names = np.array(list(others))
    rivals = {name: _best_within(scores) for name, (scores, _) in others.items()}
    parts = []
    for probe in range(len(rows)):
        beside = [
            CountsByCluster(c.true_positives, c.on).of(rivals[name][[probe]])
            for name, (_, c) in others.items()
        ]
        own = CountsByCluster(counts.true_positives, counts.on).of(np.array([probe]))
        parts.append(compare(own, CountsByCluster.beside(beside), counts.positives[:, probe]))
    found = pd.concat(parts, ignore_index=True)
    rival, every = found["other"].to_numpy(), np.arange(len(rows))
    of_rivals = {
        name: np.stack([s[name].to_numpy()[rivals[other]] for other, (s, _) in others.items()])
        for name in ("f1", "f1_low")
    }
    better_low = np.where(
        found["f1_difference"] > 0, rows["f1_low"], of_rivals["f1_low"][rival, every]
    )
    tested = better_low > always_on_f1(rows["base_rate"].to_numpy())
    verdict = verdicts(
        found["p_above"].to_numpy(), found["p_below"].to_numpy(), tested, rows["k"].to_numpy()
    )
    return (
        found.drop(columns=["p_above", "p_below", "other"])
        .assign(best_baseline=names[rival], best_baseline_f1=of_rivals["f1"][rival, every])
        .join(verdict)
    )


def _best_within(scores: pd.DataFrame) -> np.ndarray:
    """For each probe the row of the one with at most as many detectors and the highest valid F1."""
    n_concepts = scores["concept"].nunique()
    valid_f1 = scores["valid_f1"].to_numpy().reshape(-1, n_concepts)
    place = np.stack([valid_f1[: n + 1].argmax(0) for n in range(len(valid_f1))])
    rows: np.ndarray = (place * n_concepts + np.arange(n_concepts)).ravel()
    return rows


def _beside(rows: pd.DataFrame, linear: pd.DataFrame) -> pd.DataFrame:
    """Each probe beside the linear probe of its concept on all coordinates.

    With ``share_of_probe``, (F1 - A) / (F1 of the linear probe - A), A that of being always on; and
    ``is_fewest``: 1 for the smallest k whose F1 on valid is that near to the linear probe's. Both
    only where the linear probe is surely better than being always on: else there is nothing to
    share, and on valid chance alone comes near it.
    """
    times = len(rows) // len(linear)
    probe_f1, probe_valid = (np.tile(linear[name], times) for name in ("f1", "valid_f1"))
    always = always_on_f1(rows["base_rate"].to_numpy())
    told = np.tile(linear["f1_low"], times) > always
    gain = rows["f1"] - always
    share = np.divide(gain, probe_f1 - always, out=np.full(len(rows), np.nan), where=told)
    base = rows["valid_always_on_f1"]
    enough = told & (probe_valid > base)
    enough &= rows["valid_f1"] - base >= NEARLY_ALL * (probe_valid - base)
    first = rows["k"].where(enough).groupby(rows["concept"]).transform("min")
    return rows.assign(
        always_on_f1=always,
        probe_f1=probe_f1,
        share_of_probe=share,
        is_fewest=np.where(told, (rows["k"] == first).astype(float), np.nan),
    ).drop(columns="valid_always_on_f1")
