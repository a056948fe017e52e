"""Probes on any residue features: the train sample, held-out blocks, and their scores."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

import numpy as np
import pandas as pd

from protsae.association.pairs.layer_data import Concepts
from protsae.association.scoring.metrics import ratio
from protsae.config.stage_settings import ProbeSettings
from protsae.detectors.activations import ReadBlocks
from protsae.references.blosum_windows import N_LETTERS, blosum_windows, window_types
from protsae.references.linear_probe import control_types, fit_probes
from protsae.references.probe_scores import Block, score_probes

CONTROL_FLANK = 1
"""Residues on each side that make up a type of the control task.

With 0, amino acids would be the types, and as the layers of a language model tell amino acids
apart, random sets of them are learned perfectly (test F1 of 0.998 to 1 on layer 6 of the default
run).
"""


@dataclass(frozen=True, eq=False)
class Residues:
    """Features and labels of the residues of a protein set, by split.

    Parameters
    ----------
    read : ReadBlocks
    proteins : DataFrame
        Columns accession, sequence, length, cluster, split.
    concepts : Concepts
    settings : ProbeSettings
    """

    read: ReadBlocks
    proteins: pd.DataFrame
    concepts: Concepts
    settings: ProbeSettings

    def train_sample(self) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """Rows, labels, known and window types of some residues of train.

        At most ``settings.train_residues``.

        Drawn from all of its proteins; in the order of the table of proteins, so that shards
        change nothing.
        """
        train = self._of("train")
        places = drawn_places(train["length"], self.settings.train_residues, self.settings.seed)
        found: dict[str, tuple[np.ndarray, ...]] = {}
        for names, rows in self.read(set(places), self.settings.batch):
            arrays = (rows, *self.labels(names), self._types(names))
            cuts = np.cumsum(train.loc[names, "length"])[:-1]
            for name, *parts in zip(names, *(np.split(a, cuts) for a in arrays), strict=True):
                found[name] = tuple(part[places[name]] for part in parts)
        x, labels, known, types = map(
            np.concatenate, zip(*(found[name] for name in places), strict=True)
        )
        return x, labels, known, types

    def blocks(self, control: np.ndarray | None, split: str) -> Iterator[Block]:
        """All residues of a split.

        Parameters
        ----------
        control : ndarray of bool, shape (n_types, n_concepts), optional
            Which window types have each control label; these labels follow the concepts'.
        """
        table = self._of(split)
        code, _ = pd.factorize(table["cluster"])
        cluster = dict(zip(table.index, code.tolist(), strict=True))
        for names, rows in self.read(set(cluster), self.settings.batch):
            labels, known = self.labels(names)
            if control is not None:
                labels = np.hstack([labels, control[self._types(names)]])
                known = np.hstack([known, known])
            lengths = table.loc[names, "length"].to_numpy()
            yield Block(rows, labels, known, np.repeat([cluster[name] for name in names], lengths))

    def labels(self, names: list[str]) -> tuple[np.ndarray, np.ndarray]:
        """Labels, and where they are known: bool, shape (n_residues, n_concepts)."""
        labels = self.concepts.labels(names).toarray() > 0
        return labels, self.concepts.known(names)[:, self.concepts.known_column]

    def probe_rows(self, with_control: bool) -> pd.DataFrame:
        """Scores of probes fitted to the train sample, as `score_probes` gives them.

        One row for each concept, then, if asked for, one for each concept's control task.
        """
        x, labels, known, types = self.train_sample()
        control = None
        if with_control:
            rates = ratio((labels & known).sum(0), known.sum(0))
            control = control_types(self._type_sizes(), rates, self.settings.seed)
            labels, known = np.hstack([labels, control[types]]), np.hstack([known, known])
        probes = fit_probes(x, labels, known, self.settings.penalties)
        return score_probes(
            probes,
            partial(self.blocks, control),
            self.n_test_clusters,
        )

    @property
    def n_test_clusters(self) -> int:
        """Homology clusters in test."""
        return int(self._of("test")["cluster"].nunique())

    def _of(self, split: str) -> pd.DataFrame:
        """The proteins of a split, by accession."""
        return self.proteins[self.proteins["split"] == split].set_index("accession")

    def _types(self, names: list[str]) -> np.ndarray:
        sequences = self.proteins.set_index("accession").loc[names, "sequence"]
        return window_types(sequences.tolist(), CONTROL_FLANK)

    def _type_sizes(self) -> np.ndarray:
        """Residues of each window type, in all splits: types are chosen before any label is."""
        types = window_types(self.proteins["sequence"].tolist(), CONTROL_FLANK)
        return np.bincount(types, minlength=N_LETTERS ** (2 * CONTROL_FLANK + 1))


def drawn_places(length: pd.Series, most: int, seed: int) -> dict[str, np.ndarray]:
    """Residues drawn at random from all of some proteins, at most ``most``.

    Parameters
    ----------
    length : Series of int
        By accession.

    Returns
    -------
    dict
        For each protein the places drawn in it, from 0, ascending.

    Examples
    --------
    >>> drawn_places(pd.Series({"P1": 2, "P2": 1}), most=5, seed=0)
    {'P1': array([0, 1]), 'P2': array([0])}
    """
    ends = np.cumsum(length.to_numpy())
    rng = np.random.default_rng(seed)
    drawn = np.sort(rng.choice(int(ends[-1]), min(most, int(ends[-1])), replace=False))
    own = np.split(drawn, np.searchsorted(drawn, ends[:-1]))
    return dict(zip(length.index, map(np.subtract, own, ends - length), strict=True))


def protein_blocks(proteins: pd.DataFrame, max_rows: int) -> Iterator[pd.DataFrame]:
    """Whole proteins, in blocks that start within ``max_rows`` residues of each other."""
    block = (proteins["length"].cumsum() - proteins["length"]) // max_rows
    for _, part in proteins.groupby(block):
        yield part


def blosum_reader(proteins: pd.DataFrame, flank: int) -> ReadBlocks:
    """BLOSUM62 windows of any of the proteins."""

    def read(names: set[str], max_rows: int) -> Iterator[tuple[list[str], np.ndarray]]:
        for part in protein_blocks(proteins[proteins["accession"].isin(names)], max_rows):
            rows = blosum_windows(part["sequence"].tolist(), flank)
            yield part["accession"].tolist(), rows

    return read
