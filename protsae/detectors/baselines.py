"""Detectors that cost no training: coordinates, components, a random dictionary, neurons."""

from collections.abc import Callable

import numpy as np
import torch
from scipy import sparse

from protsae.config.reserved_names import COORDINATES, PCA, RANDOM
from protsae.detectors.activations import Encode, Encoded, ReadBlocks, signed, sparse_rows
from protsae.sae.evaluation.decoder_similarity import random_directions
from protsae.sae.evaluation.reconstruction import (
    Moments,
    measure_moments,
    principal_components,
)
from protsae.sae.sparse.largest import largest_in_rows

BLOCK_ROWS = 16384
"""Residues read at a time for moments."""


def baseline_detectors(
    blocks: ReadBlocks, train: set[str], d_model: int, width: int, k: int, seed: int
) -> dict[str, Encoded]:
    """The baselines of a layer, computed from its activations as they are read.

    Parameters
    ----------
    blocks : ReadBlocks
        Activations of the layer by whole proteins, such as ``LayerCache.protein_blocks``.
    train : set of str
        Accessions that mean and principal components are measured on.
    d_model : int
    width, k : int
        Directions of the random dictionary, and how many of them each residue keeps.
    seed : int
        Of the random directions.

    Returns
    -------
    dict
        By `COORDINATES`, `PCA` and `RANDOM`. Coordinates and components are centred on the mean of
        ``train`` and come twice, once for each sign (`signed`): 2 d_model detectors.
    """
    moments = layer_moments(blocks, train, d_model)
    mean = moments.mean.astype(np.float32)
    directions = random_directions(width, d_model, seed).double().T.contiguous()
    centre = torch.from_numpy(mean).double()

    def on_directions(rows: np.ndarray) -> torch.Tensor:
        return (torch.from_numpy(rows).double() - centre) @ directions

    return {
        COORDINATES: Encoded(blocks, lambda rows: rows - mean, 2 * d_model, signed),
        PCA: Encoded(blocks, on_components(moments), 2 * d_model, signed),
        RANDOM: Encoded(blocks, largest(on_directions, width, k), width),
    }


def layer_moments(blocks: ReadBlocks, train: set[str], d_model: int) -> Moments:
    """Moments of a layer's activations in the proteins of ``train``."""
    return measure_moments((rows for _, rows in blocks(train, BLOCK_ROWS)), d_model)


def on_components(moments: Moments) -> Callable[[np.ndarray], np.ndarray]:
    """Rows (n, d_model), centred, on the principal components of these moments: float32.

    The products are in float64, for the reason that `encoder` has.
    """
    components = principal_components(moments)

    def project(rows: np.ndarray) -> np.ndarray:
        projected: np.ndarray = ((rows - moments.mean) @ components).astype(np.float32)
        return projected

    return project


def neurons(blocks: ReadBlocks, weight: np.ndarray, bias: np.ndarray) -> Encoded:
    """The neurons of a layer's MLP, computed from what the MLP reads.

        a = max(GELU(W x + b), 0), of which GELU(z) = z P(Z <= z), Z standard normal

    A neuron is active where its pre-activation is positive, which for GELU is where its output is.
    Below 0 GELU is never less than -0.17: a neuron that is off, and no second detector. So there is
    one detector a neuron, as there is one a feature.

    Parameters
    ----------
    blocks : ReadBlocks
        What the MLP reads, after its layer norm, by whole proteins: (n, d_model).
    weight, bias : ndarray, float32, shapes (n_neurons, d_model) and (n_neurons,)
        Of the MLP's first linear map.

    References
    ----------
    Hendrycks and Gimpel 2016, arXiv:1606.08415 (GELU); Bills et al. 2023, "Language models can
    explain neurons in language models" (positive activations of neurons).

    Examples
    --------
    >>> rows = np.array([[1.0], [-1.0]], np.float32)
    >>> weight, bias = np.array([[1.0], [-2.0]], np.float32), np.zeros(2, np.float32)
    >>> [(_, codes)] = neurons(lambda *_: [(["P1"], rows)], weight, bias).blocks({"P1"}, 2)
    >>> codes.toarray().astype(float).round(3).tolist()
    [[0.841, 0.0], [0.0, 1.954]]
    """
    # In float64, for the reason that `encoder` has.
    up, shift = torch.from_numpy(weight).double().T.contiguous(), torch.from_numpy(bias).double()

    def encode(rows: np.ndarray) -> sparse.csr_array:
        hidden = torch.nn.functional.gelu(torch.from_numpy(rows).double() @ up + shift)
        return sparse_rows(hidden.clamp_min(0).float().numpy())

    return Encoded(blocks, encode, len(bias))


def largest(project: Callable[[np.ndarray], torch.Tensor], n_features: int, k: int) -> Encode:
    """Of each residue the k largest of a projection to ``n_features``, if positive."""

    def encode(rows: np.ndarray) -> sparse.csr_array:
        projected = project(rows)
        support = largest_in_rows(projected, k)
        values = projected[support.rows, support.features].float().numpy()
        column, ends = support.features.numpy(), support.row_offsets.numpy()
        return sparse.csr_array(
            (values, column.astype(np.int32), ends.astype(np.int32)), shape=(len(rows), n_features)
        )

    return encode
