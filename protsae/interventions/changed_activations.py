"""What a variant changes near its sites: the activations of features, and the layers' own.

A variant's sequence goes through the model as the protein's does. At the residues within ± 8 of the
sites its activations are compared with the protein's, residue by residue.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch

from protsae.interventions.neighbourhoods import neighbourhood, window_parts
from protsae.plm.embedding import Embedder
from protsae.plm.esm2.places import layer_of
from protsae.proteins.substitutions import Mutant

Rows = dict[int, np.ndarray]
"""Layer activations of some residues by layer, float32, shape (n_residues, d_model)."""


@dataclass(frozen=True)
class Nearby:
    """Layer activations near the sites of a variant, without it and with it.

    Attributes
    ----------
    mutant : Mutant
    residues : int64, shape (n,)
        0-based.
    wild_type, changed : dict of int to ndarray
        By layer, float32, shape (n, d_model).
    """

    mutant: Mutant
    residues: np.ndarray
    wild_type: Rows
    changed: Rows


def nearby_activations(
    embedder: Embedder,
    sequence: str,
    wild_type: Rows,
    mutants: Sequence[Mutant],
    together: int = 256,
) -> Iterator[Nearby]:
    """Layer activations within ± 8 residues of the sites of each mutant, in their order.

    Only the windows of a long protein that hold these residues are computed.

    Parameters
    ----------
    embedder : Embedder
        In float32 (`in_float32`).
    wild_type : dict of int to ndarray
        Activations of all residues of the protein (`layer_rows`).
    together : int
        Mutants whose activations are held at a time; forward passes are batched by the embedder.
    """
    for first in range(0, len(mutants), together):
        chosen = mutants[first : first + together]
        near = [neighbourhood(mutant, len(sequence)) for mutant in chosen]
        changed = _changed(embedder, sequence, chosen, near)
        for mutant, residues, rows in zip(chosen, near, changed, strict=True):
            own = {layer: found[residues] for layer, found in wild_type.items()}
            yield Nearby(mutant, residues, own, rows)


def in_float32(embedder: Embedder) -> Embedder:
    """The same model, with activations in float32: rounding to float16 would count as a change."""
    return replace(embedder, dtypes=dict.fromkeys(embedder.dtypes, torch.float32))


def layer_rows(embedder: Embedder, sequence: str) -> Rows:
    """Activations of all residues of a protein by layer, in float32."""
    shape = (len(sequence), embedder.esm2.d_model)
    found = {layer_of(place): np.empty(shape, np.float32) for place in embedder.dtypes}
    for piece in embedder([sequence]):
        for place, rows in piece.rows.items():
            found[layer_of(place)][piece.start : piece.start + len(rows)] = rows
    return found


def _changed(
    embedder: Embedder, sequence: str, mutants: Sequence[Mutant], near: Sequence[np.ndarray]
) -> list[Rows]:
    """Of each mutant the rows of these residues. A window by itself is as good as in its protein.

    Whole rows of all sequences are never held at once: each piece is cut as soon as it is there.
    """
    size = len(sequence), embedder.context, embedder.overlap
    parts = [window_parts(residues, *size) for residues in near]
    owners = [(i, part) for i, own in enumerate(parts) for part in own]
    mutated = [mutant.sequence(sequence) for mutant in mutants]
    pieces = [mutated[i][part.window.start : part.window.stop] for i, part in owners]
    layers = [layer_of(place) for place in embedder.dtypes]
    shape = embedder.esm2.d_model
    found = [
        {layer: np.empty((len(residues), shape), np.float32) for layer in layers}
        for residues in near
    ]
    for piece in embedder(pieces):
        owner, part = owners[piece.protein]
        at = np.searchsorted(near[owner], part.residues)
        for place, rows in piece.rows.items():
            found[owner][layer_of(place)][at] = rows[part.rows]
    return found


@dataclass(frozen=True)
class FeatureChanges:
    """How an SAE's features change near the sites of a variant.

    Attributes
    ----------
    wild_type, changed : float32, shape (n_residues, n_features)
        Activations without the variant and with it.
    total : float64, shape (n_features,)
        Sum over the residues of |changed - wild_type| / max_activation: 1 is as much as if the
        feature rose from 0 to the largest activation that it has on test, at one residue. 0 where
        a feature is active nowhere on test: it has no unit.
    """

    wild_type: np.ndarray
    changed: np.ndarray
    total: np.ndarray

    @property
    def n_lost(self) -> int:
        """Features that are active at one of the residues without the variant, at none with it."""
        return int(((self.wild_type > 0).any(0) & ~(self.changed > 0).any(0)).sum())

    @property
    def n_gained(self) -> int:
        """Features that are active at one of the residues with the variant, at none without."""
        return int((~(self.wild_type > 0).any(0) & (self.changed > 0).any(0)).sum())


def feature_changes(
    wild_type: np.ndarray, changed: np.ndarray, max_activation: np.ndarray
) -> FeatureChanges:
    """Changes of features from their activations at the same residues.

    Parameters
    ----------
    wild_type, changed : float32, shape (n_residues, n_features)
    max_activation : float64, shape (n_features,)
        Largest activation of each feature on the run's test set.

    Examples
    --------
    >>> without, with_it = np.array([[2.0, 0.0], [0.0, 1.0]]), np.array([[0.0, 0.0], [1.0, 1.0]])
    >>> found = feature_changes(without, with_it, np.array([4.0, 0.0]))
    >>> found.total.tolist(), found.n_lost, found.n_gained
    ([0.75, 0.0], 0, 0)
    """
    size = np.abs(changed.astype(np.float64) - wild_type).sum(0)
    total = np.divide(size, max_activation, out=np.zeros_like(size), where=max_activation > 0)
    return FeatureChanges(wild_type, changed, total)


def layer_change(nearby: Nearby, norms: Mapping[int, float]) -> float:
    """How far the layers' activations move: what a score on features has to beat.

    Mean over the layers of the sum over the residues of ||changed - wild type|| / norm.

    Parameters
    ----------
    norms : mapping of int to float
        Mean Euclidean norm of a residue's activations in the protein, by layer.

    Examples
    --------
    >>> near = Nearby(Mutant(()), np.array([0]), {1: np.zeros((1, 2))}, {1: np.array([[3.0, 4.0]])})
    >>> layer_change(near, {1: 10.0})
    0.5
    """
    sums = [
        np.linalg.norm(nearby.changed[layer].astype(np.float64) - own, axis=1).sum() / norms[layer]
        for layer, own in nearby.wild_type.items()
    ]
    return float(np.mean(sums))


def mean_norms(rows: Rows) -> dict[int, float]:
    """Mean Euclidean norm of a residue's activations by layer.

    Examples
    --------
    >>> mean_norms({3: np.array([[3.0, 4.0], [0.0, 1.0]])})
    {3: 3.0}
    """
    return {
        layer: float(np.linalg.norm(found.astype(np.float64), axis=1).mean())
        for layer, found in rows.items()
    }
