"""Streaming over one layer's residues, encoded by a set of detectors."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import sparse

from protsae.association.counts import KnownCounts
from protsae.association.examples import TopProteins
from protsae.association.instances import InstanceCounts
from protsae.concepts.labels import PropertyTable
from protsae.config import AnnotateSettings

Encode = Callable[[np.ndarray], np.ndarray]
"""Activations of residues (n, d_model) to detectors (n, n_features), float32, none negative."""

ReadBlocks = Callable[[set[str], int], Iterator[tuple[list[str], np.ndarray]]]
"""Accessions wanted and most rows at a time, to blocks of whole proteins and their activations."""

HELD_VALUES = 50_000_000
"""Activations of test residues held at a time, 8 bytes each: memory, not results."""


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

    def each(self, encode: Encode, names: set[str]) -> Iterator[tuple[str, np.ndarray]]:
        """Each of these proteins with its encoded residues, float32, (n_residues, n_features)."""
        for proteins, rows in self.blocks(names):
            parts = np.split(encode(rows), np.cumsum(proteins["length"])[:-1])
            yield from zip(proteins["accession"], parts, strict=True)

    def train_sample(self, encode: Encode) -> sparse.csc_array:
        """Activations of whole proteins of train, ``settings.sample`` residues or a few more.

        Thresholds come from it.
        """
        settings = self.settings
        train = self.proteins[self.proteins["split"] == "train"].sample(
            frac=1, random_state=settings.seed
        )
        enough = train[train["length"].cumsum().shift(fill_value=0) < settings.sample]
        sample = [
            sparse.csr_array(encode(rows)) for _, rows in self.blocks(set(enough["accession"]))
        ]
        return sparse.csc_array(sparse.vstack(sample))

    def counts(
        self,
        encode: Encode,
        thresholds: np.ndarray,
        split: str,
        instances: InstanceCounts | None = None,
    ) -> KnownCounts:
        """How often every detector is on where every property holds; adds to ``instances``, too."""
        counts = KnownCounts(thresholds, self.properties.known_column)
        for proteins, rows in self.blocks(self.names(split)):
            names, lengths = proteins["accession"].tolist(), proteins["length"].to_numpy()
            labels, known = self.properties.labels(names), self.properties.known(names)
            passed = counts.update(sparse.csr_array(encode(rows)), labels, known)
            if instances is not None:
                spans = self.properties.instances(names)
                before = (np.cumsum(lengths) - lengths)[spans.protein] - 1
                stretch = before + spans.start, before + spans.end
                instances.update_passed(passed, spans.column, *stretch)
        return counts

    def columns(
        self, encode: Encode, split: str, features: np.ndarray, n_active: np.ndarray
    ) -> Iterator[tuple[np.ndarray, sparse.csc_array]]:
        """Activations of all residues of a split, some features at a time.

        As many features as ``HELD_VALUES`` allows, at least one; the residues are encoded anew for
        each group. Proteins come in the order of ``blocks``.

        Parameters
        ----------
        features : ndarray of int
            Those wanted, ascending.
        n_active : ndarray of int, shape (n_features,)
            Residues on which each is active.

        Yields
        ------
        features, activations : ndarray of int, csc_array of shape (n_residues, n_in_group)
        """
        if not len(features):
            return
        group = np.cumsum(n_active[features]) // HELD_VALUES
        for members in np.split(features, np.flatnonzero(np.diff(group)) + 1):
            parts = [
                sparse.csc_array(encode(rows)[:, members])
                for _, rows in self.blocks(self.names(split))
            ]
            yield members, sparse.csc_array(sparse.vstack(parts))


def signed(project: Encode) -> Encode:
    """Both signs of a projection: max(y, 0) beside max(-y, 0).

    Detector i < n is direction i, detector n + i its negative.

    Examples
    --------
    >>> signed(lambda x: x - 1)(np.array([[3, 0]], np.float32)).tolist()
    [[2.0, 0.0, 0.0, 1.0]]
    """

    def encode(rows: np.ndarray) -> np.ndarray:
        projected = project(rows)
        return np.maximum(np.hstack([projected, -projected]), 0)

    return encode


def top_proteins(layer: Layer, encode: Encode, n_features: int) -> TopProteins:
    """Strongest proteins of every feature, from all splits."""
    top = TopProteins(n_features, layer.settings.examples)
    for accession, activations in layer.each(encode, set(layer.proteins["accession"])):
        top.update(accession, activations)
    return top
