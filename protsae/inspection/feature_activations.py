"""The stored activations of an SAE's features, protein by protein, or pooled over proteins."""

from collections.abc import Iterator, Mapping
from typing import Literal

import numpy as np
import pandas as pd
from scipy import sparse

from protsae.errors import UserError
from protsae.io.hdf5.code_cache import StoredCodes
from protsae.statistics import ragged

Pool = Literal["max", "mean", "share"]
POOLS = ("max", "mean", "share")

ROWS = 20_000
"""Residues whose activations are held at a time: memory, not results."""


class FeatureActivations(Mapping[str, sparse.csr_array]):
    """Activations of an SAE's features by protein, read from disk one protein at a time.

    A mapping of accessions to csr_array, float32, shape (n_residues, n_features), in the order of
    the protein table.

    Attributes
    ----------
    n_features : int
    """

    def __init__(self, stored: StoredCodes):
        self._stored = stored
        self._accessions = dict.fromkeys(stored.index.proteins["accession"])
        self.n_features = stored.n_features

    def __getitem__(self, accession: str) -> sparse.csr_array:
        if accession not in self._accessions:
            raise KeyError(accession)
        [(_, rows)] = self._stored.blocks({accession}, 1)
        return rows

    def __iter__(self) -> Iterator[str]:
        return iter(self._accessions)

    def __len__(self) -> int:
        return len(self._accessions)

    def blocks(
        self, accessions: set[str] | None = None
    ) -> Iterator[tuple[list[str], sparse.csr_array]]:
        """Whole proteins at a time, at most `ROWS` residues or one protein.

        Parameters
        ----------
        accessions : set of str, optional
            Default: all.

        Yields
        ------
        (accessions, activations)
            Residues of these proteins one after another: float32, shape (n_residues, n_features).
        """
        return self._stored.blocks(set(self) if accessions is None else accessions, ROWS)

    def pooled(self, pool: Pool = "max") -> pd.DataFrame:
        """One number per protein and feature, over the residues of the protein.

        Blocks of at most `ROWS` residues, or one protein, are held beside the result.

        Parameters
        ----------
        pool : {"max", "mean", "share"}
            As `pooled_rows`.

        Returns
        -------
        DataFrame
            float32, shape (n_proteins, n_features); the index is the accession, in the order of the
            protein table, columns are features. It takes 4 bytes for each number.

        Raises
        ------
        UserError
            If there is no such ``pool``.
        """
        table = np.empty((len(self), self.n_features), np.float32)
        first = 0
        for rows in self.pooled_blocks(pool):
            table[first : first + len(rows)] = rows
            first += len(rows)
        return pd.DataFrame(table, index=pd.Index(self._accessions, name="accession"))

    def pooled_blocks(self, pool: Pool = "max") -> Iterator[np.ndarray]:
        """The rows of `pooled`, some proteins at a time.

        Raises
        ------
        UserError
            If there is no such ``pool``.
        """
        if pool not in POOLS:
            raise UserError(f"pool={pool!r}: expected one of {', '.join(POOLS)}")
        lengths = self._stored.index.lengths()
        for accessions, rows in self.blocks():
            own = np.array([lengths[accession] for accession in accessions])
            yield pooled_rows(rows, own, pool)


def pooled_rows(codes: sparse.csr_array, lengths: np.ndarray, pool: Pool) -> np.ndarray:
    """Activations of proteins, each pooled over its residues.

    ``max``: max_i z_ij, the largest activation of feature j. ``mean``: sum_i z_ij / L, over all L
    residues of the protein. ``share``: the share of its residues at which the feature is active,
    z_ij > 0.

    Parameters
    ----------
    codes : csr_array, shape (n_residues, n_features)
        Proteins one after another; none negative.
    lengths : ndarray of int, shape (n_proteins,)
        Residues of each, at least 1.
    pool : {"max", "mean", "share"}

    Returns
    -------
    ndarray of float32, shape (n_proteins, n_features)
        Sums are in float64, residue by residue, so that they are the same on every processor.

    Examples
    --------
    >>> codes = sparse.csr_array(np.array([[0, 3], [0, 1], [2, 0]], np.float32))
    >>> for pool in POOLS:
    ...     print(pool, pooled_rows(codes, np.array([2, 1]), pool).tolist())
    max [[0.0, 3.0], [2.0, 0.0]]
    mean [[0.0, 2.0], [2.0, 0.0]]
    share [[0.0, 1.0], [1.0, 0.0]]
    """
    n_proteins, n_features = len(lengths), codes.shape[1]
    protein = np.repeat(ragged.groups(lengths), np.diff(codes.indptr))
    place = protein * n_features + codes.indices
    found = np.zeros(n_proteins * n_features)
    if pool == "max":
        np.maximum.at(found, place, codes.data.astype(np.float64))
    else:
        np.add.at(found, place, codes.data.astype(np.float64) if pool == "mean" else codes.data > 0)
    table = found.reshape(n_proteins, n_features)
    if pool != "max":
        table /= lengths[:, None]
    return table.astype(np.float32)
