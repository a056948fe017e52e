"""What probes of proteins read: pooled features, and what is simpler."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from protsae.inspection.feature_activations import FeatureActivations, Pool
from protsae.io.hdf5.activation_cache import LayerCache
from protsae.proteins.composition import composition

FEATURES, EMBEDDINGS, RANGES, COMPOSITION = "features", "embeddings", "ranges", "composition"
POOLS: tuple[Pool, ...] = ("max", "mean", "share")
ROWS = 20_000
"""Residues whose activations are held at a time."""


@dataclass(frozen=True, eq=False)
class PooledInputs:
    """What probes read, one row a protein, in the order of the protein table.

    Attributes
    ----------
    x : dict of str to ndarray, shape (n_proteins, n_columns)
        ``features``: activations of the SAE's features, pooled. ``embeddings``: mean layer
        activations. ``ranges``: mean, largest and smallest of each coordinate. ``composition``:
        share of each amino acid, and log length.
    columns : DataFrame
        feature and pool of each column of ``features``.
    """

    x: dict[str, np.ndarray]
    columns: pd.DataFrame


def pool_inputs(
    proteins: pd.DataFrame, codes: FeatureActivations, cache: LayerCache
) -> PooledInputs:
    """Everything that is read of the proteins, from stored codes and activations.

    Parameters
    ----------
    proteins : DataFrame
        The table ``proteins``.
    """
    order = proteins["accession"]
    blocks = [codes.pooled(pool).loc[order].to_numpy() for pool in POOLS]
    features = np.arange(codes.n_features)
    columns = [pd.DataFrame({"feature": features, "pool": pool}) for pool in POOLS]
    means, largest, smallest = pool_coordinates(proteins, cache)
    lengths = proteins["sequence"].str.len().to_numpy(np.float64)
    x = {
        FEATURES: np.hstack(blocks),
        EMBEDDINGS: means,
        RANGES: np.hstack([means, largest, smallest]),
        COMPOSITION: np.column_stack([composition(proteins["sequence"]), np.log(lengths)]),
    }
    return PooledInputs(x, pd.concat(columns, ignore_index=True))


def pool_coordinates(
    proteins: pd.DataFrame, cache: LayerCache
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Mean, largest and smallest layer activations of each protein.

    Returns
    -------
    means, largest, smallest : ndarray, float64, shape (n_proteins, d_model)
    """
    row = {accession: i for i, accession in enumerate(proteins["accession"])}
    lengths = proteins["sequence"].str.len().to_numpy()
    pooled = np.empty((3, len(row), cache.d_model))
    for accessions, rows in cache.protein_blocks(set(row), ROWS):
        own = np.array([row[accession] for accession in accessions])
        starts = np.cumsum(lengths[own]) - lengths[own]
        exact = rows.astype(np.float64)
        pooled[0, own] = np.add.reduceat(exact, starts, axis=0) / lengths[own, None]
        pooled[1, own] = np.maximum.reduceat(exact, starts, axis=0)
        pooled[2, own] = np.minimum.reduceat(exact, starts, axis=0)
    return pooled[0], pooled[1], pooled[2]


def find_homologues(proteins: pd.DataFrame, evalue: float, threads: int = 1) -> np.ndarray:
    """Pairs of proteins that MMseqs2 aligns, the best first for each: int, shape (n_pairs, 2).

    As many as a search by default, and the largest homology cluster beside them: relatives of a
    protein's own cluster, which never count, leave room for others.
    """
    from protsae.io.mmseqs import MOST_HITS, search  # an extra, which all else does without

    sequences = proteins["sequence"].tolist()
    most = MOST_HITS + int(proteins["cluster"].value_counts().max())
    hits = search(sequences, sequences, evalue, threads, most)
    pairs = [(hit.query, hit.target) for hit in hits if hit.query != hit.target]
    return np.array(pairs, dtype=np.int64).reshape(-1, 2)
