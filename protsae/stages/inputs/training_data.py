"""What the SAEs of a layer are trained on: batches of activations, or of whole proteins."""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from protsae.config.sae_settings import TrainSettings
from protsae.config.stage_settings import EmbedSettings, TrainerSettings
from protsae.io.hdf5.activation_cache import LayerCache
from protsae.io.hdf5.shuffling import shuffled_batches
from protsae.io.saes.sae_identity import train_set_sha256
from protsae.plm.end_to_end_training import Downstream, downstream_batches
from protsae.plm.esm2.forward import FusedEsm2
from protsae.sae.autoencoder import Batch
from protsae.sae.training.normalisation import Normalisation, measure_normalisation
from protsae.sae.training.step import products_dtype
from protsae.stages.inputs.models_of_activations import open_model

BLOCK_ROWS = 16384
"""Residues that mean and scale are measured on at a time."""


@dataclass(frozen=True)
class TrainingData:
    """What the SAEs of a layer are trained on.

    Attributes
    ----------
    cache : LayerCache
        Activations of the layer.
    proteins : DataFrame
        Rows of proteins.parquet: the train split.
    trainer : TrainerSettings
        Batches, device and precision.
    esm2 : FusedEsm2 or None
        For training end to end.
    """

    cache: LayerCache
    proteins: pd.DataFrame
    trainer: TrainerSettings
    esm2: FusedEsm2 | None = None

    @cached_property
    def normalisation(self) -> Normalisation:
        """Mean and scale of the activations; the first call reads them all."""
        blocks = self.cache.protein_blocks(self.accessions, BLOCK_ROWS)
        return measure_normalisation(rows for _, rows in blocks)

    @property
    def accessions(self) -> set[str]:
        """Of the train split."""
        return set(self.proteins["accession"])

    @property
    def identity(self) -> dict[str, Any]:
        """What two runs must share for their batches to be the same."""
        return {
            "trainer": self.trainer.model_dump(),
            "source": vars(self.cache.source),
            "layer": self.cache.layer,
            "proteins": train_set_sha256(self.accessions),
        }

    def rows(self, device: torch.device, skip: int) -> Iterator[Batch]:
        """Batches of cached residues from all shards."""
        dtype = products_dtype(self.trainer.precision, device)
        trainer = self.trainer
        for rows in shuffled_batches(
            self.cache, self.accessions, trainer.batch, trainer.buffer, trainer.seed, skip
        ):
            yield Batch.of(self._normalised(to_device(rows, device)), dtype)

    def whole_proteins(self, device: torch.device, skip: int) -> Iterator[Batch]:
        """Batches of proteins run through the model, with the divergence that they cause there.

        Products are in float32: batches differ in size, and for every size oneDNN would prepare
        and keep a kernel of bfloat16.
        """
        assert self.esm2 is not None
        embedding, sequences = embedding_of(self.cache), self.proteins["sequence"].tolist()
        for found in downstream_batches(
            *(self.esm2, self.cache.layer, sequences, self.trainer.batch),
            *(embedding.context, embedding.overlap, self.trainer.seed, skip),
        ):
            x_ND = self._normalised(found.x_ND)
            yield Batch.of(x_ND, divergence=self._through(found, device))

    def _through(self, found: Downstream, device: torch.device) -> Callable[[Tensor], Tensor]:
        mean_D, scale = self._mean_D(device), self.normalisation.scale
        return lambda rebuilt_ND: found.divergence(rebuilt_ND / scale + mean_D)

    def _normalised(self, x_ND: Tensor) -> Tensor:
        return (x_ND - self._mean_D(x_ND.device)) * self.normalisation.scale

    def _mean_D(self, device: torch.device) -> Tensor:
        return torch.from_numpy(self.normalisation.mean).float().to(device)


def open_training_data(
    cache: LayerCache,
    proteins: pd.DataFrame,
    variants: Mapping[str, TrainSettings],
    trainer: TrainerSettings,
    model: str | None = None,
) -> TrainingData:
    """What SAEs are trained on; with the model if any of them is trained end to end (``kl`` > 0).

    Parameters
    ----------
    cache : LayerCache
        Activations of the layer.
    proteins : DataFrame
        Rows of proteins.parquet: the train split.
    variants : mapping of str to TrainSettings
        The SAEs by name.
    model : str, optional
        Path or name of the ESM-2 of the activations.

    Raises
    ------
    UserError
        As `open_model`.
    """
    end_to_end = [name for name, settings in variants.items() if settings.kl > 0]
    esm2 = open_model(model, cache, end_to_end[0], trainer) if end_to_end else None
    return TrainingData(cache, proteins, trainer, esm2)


def embedding_of(cache: LayerCache) -> EmbedSettings:
    """How the activations were made."""
    return EmbedSettings.model_validate(json.loads(cache.source.settings))


def to_device(rows: np.ndarray, device: torch.device) -> Tensor:
    """Rows as a tensor there; from pinned memory, so that the copy runs beside what is queued."""
    x_ND = torch.from_numpy(rows)
    return x_ND.pin_memory().to(device, non_blocking=True) if device.type == "cuda" else x_ND
