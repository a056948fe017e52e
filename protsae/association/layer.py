"""Streaming over one layer's residues: detectors scored against properties, strongest proteins."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import sparse

from protsae.association.annotation import PairScores, score_pairs
from protsae.association.counts import MatchCounts
from protsae.association.examples import TopProteins
from protsae.association.thresholds import positive_quantiles
from protsae.concepts.labels import PropertyTable
from protsae.config import AnnotateSettings

Encode = Callable[[np.ndarray], np.ndarray]
"""Activations of residues (n, d_model) to detectors (n, n_features), float32, none negative."""

ReadBlocks = Callable[[set[str], int], Iterator[tuple[list[str], np.ndarray]]]
"""Accessions wanted and most rows at a time, to blocks of whole proteins and their activations."""


@dataclass(frozen=True)
class Layer:
    """One layer's activations, its proteins and what is known of their residues."""

    read: ReadBlocks
    proteins: pd.DataFrame
    properties: PropertyTable
    settings: AnnotateSettings

    def names(self, split: str) -> set[str]:
        """Accessions of a split."""
        return set(self.proteins.loc[self.proteins["split"] == split, "accession"])

    def blocks(self, names: set[str]) -> Iterator[tuple[pd.DataFrame, np.ndarray]]:
        """Whole proteins at a time: their rows of the protein table, and their activations."""
        table = self.proteins.set_index("accession", drop=False)
        for accessions, rows in self.read(names, self.settings.batch):
            yield table.loc[accessions], rows

    def each(self, encode: Encode) -> Iterator[tuple[str, np.ndarray]]:
        """Every protein with its encoded residues, float32, shape (n_residues, n_features)."""
        for proteins, rows in self.blocks(set(self.proteins["accession"])):
            parts = np.split(encode(rows), np.cumsum(proteins["length"])[:-1])
            yield from zip(proteins["accession"], parts, strict=True)


def signed_neurons(mean: np.ndarray) -> Encode:
    """Single neurons, both signs: max(x - mean, 0) beside max(mean - x, 0).

    Detector i < d_model is neuron i, detector d_model + i its negative.

    Examples
    --------
    >>> signed_neurons(np.array([1.0, 1.0], np.float32))(np.array([[3, 0]], np.float32)).tolist()
    [[2.0, 0.0, 0.0, 1.0]]
    """

    def encode(rows: np.ndarray) -> np.ndarray:
        centred = rows - mean
        return np.maximum(np.hstack([centred, -centred]), 0)

    return encode


def score_detectors(layer: Layer, encode: Encode) -> tuple[PairScores, np.ndarray]:
    """Scores of all pairs of property and detector, and the thresholds tried."""
    settings = layer.settings
    train = layer.proteins[layer.proteins["split"] == "train"].sample(
        frac=1, random_state=settings.seed
    )
    enough = train[train["length"].cumsum().shift(fill_value=0) < settings.sample]
    sample = [sparse.csr_array(encode(rows)) for _, rows in layer.blocks(set(enough["accession"]))]
    thresholds = positive_quantiles(sparse.csc_array(sparse.vstack(sample)), settings.quantiles)
    counts = {}
    for split in ("valid", "test"):
        counts[split] = MatchCounts(thresholds, len(layer.properties.properties))
        for proteins, rows in layer.blocks(layer.names(split)):
            labels = layer.properties.labels(proteins["accession"].tolist())
            counts[split].update(sparse.csr_array(encode(rows)), labels)
    return score_pairs(counts["valid"], counts["test"]), thresholds


def top_proteins(layer: Layer, encode: Encode, n_features: int) -> TopProteins:
    """Strongest proteins of every feature, from all splits."""
    top = TopProteins(n_features, layer.settings.examples)
    for accession, activations in layer.each(encode):
        top.update(accession, activations)
    return top
