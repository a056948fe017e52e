"""How well an SAE rebuilds activations and how sparsely, summed over a stream of residues."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import torch

from protsae.sae.autoencoder import Sae


@dataclass(frozen=True)
class Moments:
    """Sums that give mean and scatter of activations.

    Attributes
    ----------
    n_residues : int
    total : ndarray, dtype=float64, shape=(d_model,)
        sum x.
    products : ndarray, dtype=float64, shape=(d_model, d_model)
        sum x x^T.
    """

    n_residues: int
    total: np.ndarray
    products: np.ndarray

    @property
    def mean(self) -> np.ndarray:
        """Mean activation, shape (d_model,)."""
        return self.total / self.n_residues

    def scatter(self, centre: np.ndarray) -> np.ndarray:
        """sum (x - centre)(x - centre)^T, shape (d_model, d_model)."""
        cross = np.outer(self.total, centre)
        return self.products - cross - cross.T + self.n_residues * np.outer(centre, centre)


def measure_moments(blocks: Iterable[np.ndarray], d_model: int) -> Moments:
    """Moments of rows that come in blocks, shape (n, d_model) each."""
    n_residues, total, products = 0, np.zeros(d_model), np.zeros((d_model, d_model))
    for rows in blocks:
        exact = rows.astype(np.float64)
        n_residues += len(rows)
        total += exact.sum(0)
        products += exact.T @ exact
    return Moments(n_residues, total, products)


def principal_components(moments: Moments) -> np.ndarray:
    """Unit directions of falling variance, float64, shape (d_model, n_components), as columns.

    Of a direction and its opposite the one whose largest entry is positive.
    """
    _, vectors = np.linalg.eigh(moments.scatter(moments.mean))
    largest = np.take_along_axis(vectors, np.abs(vectors).argmax(0)[None], axis=0)
    return (vectors * np.where(largest < 0, -1, 1))[:, ::-1]


class PcaBaseline:
    """What principal components of train leave of test variance, for every number of them.

    Parameters
    ----------
    train, test : Moments
        Components and the point they are taken about come from train, the variance from test.
    """

    def __init__(self, train: Moments, test: Moments):
        self._components = principal_components(train)
        self._mean = train.mean
        about_train = test.scatter(train.mean)
        explained = np.einsum("dc,de,ec->c", self._components, about_train, self._components)
        self._about_train = float(np.trace(about_train))
        self._variance = float(np.trace(test.scatter(test.mean)))
        self._same = np.cumsum(explained)
        self._own = np.zeros(len(explained))

    def update(self, rows: np.ndarray) -> None:
        """Add test residues, shape (n, d_model), to what ``sparse_fvu`` is counted on."""
        squares = np.square((rows - self._mean) @ self._components)
        squares.sort(axis=1)
        self._own += np.cumsum(squares[:, ::-1].sum(0))

    def fvu(self, n_components: int) -> float:
        """With the first components, the same for every residue: PCA at equal rank.

        sum |(I - V V^T)(x - mean_train)|^2 / sum |x - mean_test|^2 over test.
        """
        return self._left(self._same[n_components - 1])

    def sparse_fvu(self, n_components: int) -> float:
        """With each residue's own largest coefficients: PCA at equal L0.

        Of a basis these are the best code with so many non-zeros. Residues must have been added.
        """
        return self._left(self._own[n_components - 1])

    def _left(self, explained: float) -> float:
        return max(self._about_train - float(explained), 0.0) / self._variance


class Reconstruction:
    """Sums over residues, kept by homology cluster so that they can be resampled.

    Parameters
    ----------
    sae : Sae
    centre : ndarray, shape (d_model,)
        Mean activation of the data; variance is counted about it.
    n_clusters : int
    """

    def __init__(self, sae: Sae, centre: np.ndarray, n_clusters: int):
        self.sae = sae
        self._exact = sae.in_float64()
        self._centre = torch.from_numpy(centre).float()
        self.n_residues = np.zeros(n_clusters)
        self.error = np.zeros(n_clusters)
        self.variance = np.zeros(n_clusters)
        self.active = np.zeros(n_clusters)
        self.fired = np.zeros(sae.n_features, dtype=np.int64)

    @torch.no_grad()
    def update(self, rows: np.ndarray, cluster: np.ndarray) -> None:
        """Add residues: float32, shape (n, d_model), and the cluster number of each, shape (n,)."""
        x_ND = torch.from_numpy(rows)
        f_NF = self._exact.encode(x_ND.double()).float()
        active_NF = f_NF > 0
        n_clusters = len(self.n_residues)
        for sums, values in (
            (self.n_residues, torch.ones(len(x_ND))),
            (self.error, (x_ND - self.sae.decode(f_NF)).square().sum(1)),
            (self.variance, (x_ND - self._centre).square().sum(1)),
            (self.active, active_NF.sum(1)),
        ):
            sums += np.bincount(cluster, weights=values.numpy(), minlength=n_clusters)
        self.fired += active_NF.sum(0).numpy()

    @property
    def l0(self) -> float:
        """Mean number of active features per residue."""
        return float(self.active.sum() / self.n_residues.sum())

    @property
    def fvu(self) -> float:
        """sum |x - x_hat|^2 / sum |x - mean|^2."""
        return float(self.error.sum() / self.variance.sum())

    @property
    def density(self) -> np.ndarray:
        """Fraction of residues on which each feature is active, shape (n_features,)."""
        return self.fired / self.n_residues.sum()


DENSE = 0.1
"""Density above which a feature is called dense."""


def encoder_decoder_cosine(sae: Sae) -> np.ndarray:
    """cos(W_enc[:, i], W_dec[i]) of each feature, shape (n_features,)."""
    cosine = torch.nn.functional.cosine_similarity(sae.W_enc.T, sae.W_dec, dim=1)
    return cosine.detach().numpy()


def density_histogram(density: np.ndarray) -> dict[str, list[float]]:
    """Counts of live features by log10 of their density, in steps of a quarter from -6 to 0."""
    edges = np.arange(-6, 0.01, 0.25)
    live = density[density > 0]
    counts, _ = np.histogram(np.clip(np.log10(live), -6, 0), edges)
    return {"log10_edges": edges.tolist(), "counts": counts.tolist()}
