"""Coordinates of a run's layers, and directions in files, opened for edits."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from protsae.config.reserved_names import ONEHOT
from protsae.config.settings import Config
from protsae.errors import UserError
from protsae.interventions.intervention import plain_directions
from protsae.interventions.intervention_text import Along, DirectionFile, WrittenEdit
from protsae.io.direction_files import read_direction
from protsae.io.hdf5.activation_cache import LayerCache
from protsae.io.hdf5.shard_index import CacheSource
from protsae.one_line import cut
from protsae.plm.esm2.places import Place, named_place
from protsae.run.layout import model_name, shard_names
from protsae.run.run_places import layer_place
from protsae.stages.intervening.opened_edits import OpenedEdit


@dataclass(frozen=True)
class OpenedAlong:
    """Directions at one place of the model.

    Attributes
    ----------
    place : int or Inside
    rows_KD : ndarray
        Directions of any norm above 0, float64, shape (n_directions, d_model).
    source : CacheSource
        Of the activations of the layer.
    """

    place: Place
    rows_KD: np.ndarray
    source: CacheSource

    @property
    def sha256(self) -> str:
        """Of the directions."""
        return hashlib.sha256(self.rows_KD.astype("<f8").tobytes()).hexdigest()

    def edit(self, written: WrittenEdit, device: torch.device) -> OpenedEdit:
        """An edit along them."""
        # Numbers of a file may be such that their squares are beyond float32.
        rows_KD = self.rows_KD / np.abs(self.rows_KD).max(1, keepdims=True)
        directions = plain_directions(torch.from_numpy(rows_KD).float().to(device))
        amounts = (written.amount.number,) * len(rows_KD)
        return OpenedEdit(written, (), self.place, directions, amounts)


def open_along(along: Along, results: Path, config: Config, protein_set: str) -> OpenedAlong:
    """Coordinates or the direction of a file, checked to be of a layer of the run.

    Parameters
    ----------
    protein_set : str
        Checksum of the run's proteins.

    Raises
    ------
    UserError
        If the run has no such layer or the layer no such coordinate, the layer is of one-hot
        sequences, or as `read_direction`.
    """
    of_model, _, number = along.layer.rpartition("/")
    model, layer = of_model or model_name(config), int(number)
    if model == ONEHOT:
        raise UserError(
            f"--edit {cut(str(along), 80)}: one-hot sequences are no model with predictions; name "
            "a model's layer"
        )
    layer_place(results, config, layer, model)
    shards = [f"shard-{shard}.h5" for shard in shard_names(config)]
    paths = [results / "activations" / model / shard for shard in shards]
    cache = LayerCache(paths, layer, protein_set)
    return OpenedAlong(named_place(model, layer), _rows(along, cache.d_model), cache.source)


def _rows(along: Along, d_model: int) -> np.ndarray:
    """Directions as given, float64, shape (n_directions, d_model)."""
    where = f"--edit {cut(str(along), 80)}"
    if isinstance(along, DirectionFile):
        return read_direction(along.path, d_model, f"layer {along.layer}")[None]
    if beyond := [number for number in along.numbers if number >= d_model]:
        raise UserError(
            f"{where}: no coordinate {beyond[0]}; layer {along.layer} has coordinates 0 to "
            f"{d_model - 1}"
        )
    return np.eye(d_model)[list(along.numbers)]
