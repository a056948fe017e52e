"""What the SAEs of a layer are trained on: batches of activations, or of whole proteins."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from protsae.config.sae_settings import TrainSettings
from protsae.config.stage_settings import EmbedSettings, TrainerSettings
from protsae.device import products_dtype
from protsae.errors import UserError
from protsae.io.hdf5.activation_cache import LayerCache
from protsae.io.hdf5.shuffling import residues_drawn, shuffled_batches
from protsae.io.saes.sae_identity import train_set_sha256
from protsae.io.table_files.proteins_table import read_further_proteins
from protsae.plm.end_to_end_training import (
    Downstream,
    downstream_batches,
    downstream_residues_drawn,
)
from protsae.plm.esm2.forward import FusedEsm2
from protsae.provenance import protein_set_sha256
from protsae.sae.autoencoder import Batch
from protsae.sae.training.normalisation import Normalisation, measure_normalisation
from protsae.stages.inputs.models_of_activations import open_model
from protsae.stages.inputs.studied_proteins import Study

BLOCK_ROWS = 16384
"""Residues that mean and scale are measured on at a time."""


@dataclass(frozen=True)
class TrainingData:
    """What the SAEs of a layer are trained on.

    Attributes
    ----------
    cache : LayerCache
        Activations of the layer, of further proteins, too.
    proteins : DataFrame
        Rows of proteins.parquet: the train split.
    trainer : TrainerSettings
        Batches, device and precision.
    esm2 : FusedEsm2 or None
        For training end to end.
    further : DataFrame or None
        Rows of further.parquet, to train on as well.
    """

    cache: LayerCache
    proteins: pd.DataFrame
    trainer: TrainerSettings
    esm2: FusedEsm2 | None = None
    further: pd.DataFrame | None = None

    @cached_property
    def normalisation(self) -> Normalisation:
        """Mean and scale of the activations; the first call reads them all."""
        blocks = self.cache.protein_blocks(self.trained_on, BLOCK_ROWS)
        return measure_normalisation(rows for _, rows in blocks)

    @property
    def accessions(self) -> set[str]:
        """Of the train split."""
        return set(self.proteins["accession"])

    @property
    def trained_on(self) -> set[str]:
        """Accessions of the train split and of further proteins."""
        further = () if self.further is None else self.further["accession"]
        return self.accessions.union(further)

    @property
    def identity(self) -> dict[str, Any]:
        """What two runs must share for their batches to be the same."""
        return {
            "trainer": self.trainer.model_dump(),
            "source": vars(self.cache.source),
            "layer": self.cache.layer,
            "proteins": train_set_sha256(self.accessions),
            **({} if self.further is None else {"further": self.further_set_sha256}),
        }

    @property
    def further_set_sha256(self) -> str:
        """Checksum of the further proteins."""
        assert self.further is not None
        return protein_set_sha256(self.further["accession"], self.further["sequence"])

    def rows(self, device: torch.device, skip: int) -> Iterator[Batch]:
        """Batches of cached residues from all shards."""
        dtype = products_dtype(self.trainer.precision, device)
        trainer = self.trainer
        for rows in shuffled_batches(
            self.cache, self.trained_on, trainer.batch, trainer.buffer, trainer.seed, skip
        ):
            yield Batch.of(self._normalised(to_device(rows, device)), dtype)

    def whole_proteins(self, device: torch.device, skip: int) -> Iterator[Batch]:
        """Batches of proteins run through the model, with the divergence that they cause there.

        Products are in float32: batches differ in size, and for every size oneDNN would prepare
        and keep a kernel of bfloat16.
        """
        assert self.esm2 is not None
        embedding = embedding_of(self.cache)
        for found in downstream_batches(
            *(self.esm2, self.cache.layer, self._sequences, self.trainer.batch),
            *(embedding.context, embedding.overlap, self.trainer.seed, skip),
        ):
            x_ND = self._normalised(found.x_ND)
            yield Batch.of(x_ND, divergence=self._through(found, device))

    def further_residues(self, settings: TrainSettings) -> int:
        """How many of the residues that an SAE is trained on are of further proteins."""
        if self.further is None:
            return 0
        further, trainer = set(self.further["accession"]), self.trainer
        if not settings.kl:
            return residues_drawn(
                *(self.cache, self.trained_on, further),
                *(trainer.batch, trainer.buffer, trainer.seed, settings.steps),
            )
        embedding, lengths = embedding_of(self.cache), list(map(len, self._sequences))
        return downstream_residues_drawn(
            *(lengths, np.arange(len(lengths)) >= len(self.proteins)),
            *(trainer.batch, embedding.context, embedding.overlap, trainer.seed, settings.steps),
        )

    @property
    def _sequences(self) -> list[str]:
        """Of the train split, then of further proteins."""
        further = [] if self.further is None else self.further["sequence"].tolist()
        return [*self.proteins["sequence"], *further]

    def _through(self, found: Downstream, device: torch.device) -> Callable[[Tensor], Tensor]:
        mean_D, scale = self._mean_D(device), self.normalisation.scale
        return lambda rebuilt_ND: found.divergence(rebuilt_ND / scale + mean_D)

    def _normalised(self, x_ND: Tensor) -> Tensor:
        return (x_ND - self._mean_D(x_ND.device)) * self.normalisation.scale

    def _mean_D(self, device: torch.device) -> Tensor:
        return torch.from_numpy(self.normalisation.mean).float().to(device)


@dataclass(frozen=True)
class Further:
    """Proteins to train on beside the train split.

    Attributes
    ----------
    proteins : DataFrame
        Rows of further.parquet.
    cache : LayerCache
        Their activations.
    """

    proteins: pd.DataFrame
    cache: LayerCache


def open_further(
    proteins: str | None, shards: Sequence[str] | None, cache: LayerCache, study: Study
) -> Further | None:
    """Open further proteins and the shards of their activations; None if there are none.

    Parameters
    ----------
    proteins : str, optional
        Path of further.parquet.
    cache : LayerCache
        Activations of the study's proteins, of the same layer.

    Raises
    ------
    UserError
        If no shards are given, the table was made for another split, or as of `LayerCache`.
    """
    if not proteins:
        return None
    if not shards:
        raise UserError("--further-activations: give the shards of the further proteins")
    rows, protein_set = read_further_proteins(proteins, study.stamp())
    return Further(rows, LayerCache(shards, cache.layer, protein_set))


def open_training_data(
    cache: LayerCache,
    proteins: pd.DataFrame,
    variants: Mapping[str, TrainSettings],
    trainer: TrainerSettings,
    model: str | None = None,
    further: Further | None = None,
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
    further : Further, optional
        To train on as well.

    Raises
    ------
    UserError
        As `open_model`, and if the further activations were made otherwise than the others.
    """
    if further:
        cache = cache.followed_by(further.cache)
    end_to_end = [name for name, settings in variants.items() if settings.kl > 0]
    esm2 = open_model(model, cache, end_to_end[0], trainer) if end_to_end else None
    return TrainingData(cache, proteins, trainer, esm2, further.proteins if further else None)


def embedding_of(cache: LayerCache) -> EmbedSettings:
    """How the activations were made."""
    return EmbedSettings.model_validate(json.loads(cache.source.settings))


def to_device(rows: np.ndarray, device: torch.device) -> Tensor:
    """Rows as a tensor there; from pinned memory, so that the copy runs beside what is queued."""
    x_ND = torch.from_numpy(rows)
    return x_ND.pin_memory().to(device, non_blocking=True) if device.type == "cuda" else x_ND
