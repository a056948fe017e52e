"""Residues that the methods are fitted on and judged on, and what each method reads of them."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TypeAlias

import numpy as np
import pandas as pd
from scipy import sparse

from protsae.config.reserved_names import MLP_IN, site_name
from protsae.detectors.activations import Encoded
from protsae.detectors.encoding import encoder
from protsae.io.hdf5.activation_cache import LayerCache
from protsae.io.saes.sae_files import read_sae
from protsae.run.layout import shard_names
from protsae.sae.architectures import restore_sae
from protsae.sparse_probes.sequence_columns import SequenceColumns
from protsae.stages.inputs.mlp_neurons import open_neurons
from protsae.stages.inputs.models_of_activations import model_path
from protsae.stages.neighbouring.related_run import RelatedRun

BLOCK_ROWS = 8192
Rows: TypeAlias = np.ndarray | sparse.csr_array
Blocks = Iterator[tuple[list[str], Rows]]
Read = Callable[[set[str]], Blocks]
"""Accessions to blocks of whole proteins, with what a method reads of their residues."""


@dataclass(frozen=True, eq=False)
class Reader:
    """What a method reads: rows that are stored, and what is computed from them.

    Attributes
    ----------
    stored : function of accessions and most rows to blocks
    encode : function of rows to rows
    """

    stored: Callable[[set[str], int], Blocks]
    encode: Callable[[np.ndarray], Rows]

    def __call__(self, names: set[str]) -> Blocks:
        """As of `Read`."""
        for found, rows in self.stored(names, BLOCK_ROWS):
            yield found, self.encode(rows)


@dataclass(frozen=True, eq=False)
class Drawn:
    """One protein of each homology cluster, and the labels of two concepts.

    Attributes
    ----------
    run : RelatedRun
    layer : int
    concepts : sequence of str
    proteins : DataFrame
        Those drawn; ``number`` counts the clusters of each split from 0.
    train_rows : int
        Residues of train that are drawn for fitting.
    seed : int
    """

    run: RelatedRun
    layer: int
    concepts: Sequence[str]
    proteins: pd.DataFrame
    train_rows: int
    seed: int

    @classmethod
    def of(
        cls,
        run: RelatedRun,
        layer: int,
        concepts: Sequence[str],
        most: int,
        train_rows: int,
        seed: int = 0,
    ) -> "Drawn":
        """Draw at most ``most`` clusters of valid and of test, and three times as many of train."""
        proteins = run.study.proteins
        single = proteins.sample(frac=1, random_state=seed).drop_duplicates("cluster")
        parts = [
            rows.head(3 * most if split == "train" else most)
            for split, rows in single.groupby("split")
        ]
        kept = pd.concat(parts).sort_index()
        number = kept.groupby("split")["cluster"].transform(lambda names: pd.factorize(names)[0])
        return cls(run, layer, concepts, kept.assign(number=number), train_rows, seed)

    def of_split(self, split: str) -> pd.DataFrame:
        """Its proteins, by accession."""
        return self.proteins[self.proteins["split"] == split].set_index("accession")

    @cached_property
    def cache(self) -> LayerCache:
        """Activations of the layer."""
        return self._cache(self.run.model)

    def _cache(self, folder: str) -> LayerCache:
        return LayerCache(self._shards(folder), self.layer, self.run.study.protein_set)

    def _shards(self, folder: str) -> list[str]:
        shards = [f"shard-{shard}.h5" for shard in shard_names(self.run.config)]
        return [str(self.run.results / "activations" / folder / shard) for shard in shards]

    @property
    def coordinates(self) -> Reader:
        """Activations, float32, (n_residues, d_model)."""
        return Reader(self.cache.protein_blocks, lambda rows: rows)

    @property
    def neurons(self) -> Reader:
        """Hidden units of the MLP in the block before the layer, where they are positive."""
        shards = self._shards(site_name(self.run.model, MLP_IN))
        model = model_path(self.run.config.embed.model, self.run.results)
        codes = open_neurons(shards, model, self.cache, self.run.study.order)
        assert isinstance(codes, Encoded)
        encode = codes.encode
        return Reader(codes.read, lambda rows: sparse.csr_array(encode(rows)).toarray())

    def features(self, variant: str) -> Reader:
        """Features of an SAE of the layer, such as ``topk`` or ``topk/seed-1``."""
        weights, source = read_sae(self.run.sae_folder(self.run.model, self.layer, variant))
        encode = encoder(restore_sae(source.architecture, source.k, weights))
        return Reader(self.cache.protein_blocks, lambda rows: sparse.csr_array(encode(rows)))

    @property
    def sequence(self) -> Reader:
        """What the sequence alone says of each residue (`sequence_columns`)."""
        return Reader(SequenceColumns(self.proteins).blocks, lambda rows: rows)

    def labels(self, names: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
        """Labels, and where they are known: bool, shape (n_residues, n_concepts)."""
        table = self.run.concepts
        columns = [[c.name for c in table.concepts].index(name) for name in self.concepts]
        labels = sparse.csc_array(table.labels(names))[:, columns].toarray() > 0
        known = table.known(names)[:, np.asarray(table.known_column)[columns]]
        return labels & known, known

    def train_sample(self, read: Reader) -> tuple[Rows, np.ndarray, np.ndarray, np.ndarray]:
        """Rows drawn from all proteins of train, the same for every method.

        Returns
        -------
        rows, labels, known, cluster
        """
        table = self.of_split("train")
        rng = np.random.default_rng(self.seed)
        share = min(1.0, self.train_rows / table["length"].sum())
        kept = {name: np.flatnonzero(rng.random(n) < share) for name, n in table["length"].items()}
        found: dict[str, tuple[Rows, np.ndarray, np.ndarray]] = {}
        for names, rows in read.stored(set(table.index), BLOCK_ROWS):
            ends = np.cumsum(table.loc[names, "length"])
            labels, known = self.labels(names)
            for name, end in zip(names, ends, strict=True):
                own = end - table.loc[name, "length"] + kept[name]
                found[name] = read.encode(rows[own]), labels[own], known[own]
        parts = [found[name] for name in table.index]
        of_rows = [part[0] for part in parts]
        is_sparse = sparse.issparse(of_rows[0])
        cluster = np.repeat(table["number"].to_numpy(), [len(kept[name]) for name in table.index])
        return (
            sparse.csr_array(sparse.vstack(of_rows)) if is_sparse else np.concatenate(of_rows),
            np.concatenate([part[1] for part in parts]),
            np.concatenate([part[2] for part in parts]),
            cluster,
        )
