"""Train the SAEs of a layer together, in one pass: every SAE takes a step on each batch."""

import math
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch

from protsae import __version__
from protsae.config.sae_settings import TrainSettings
from protsae.device import find_device, free_memory, products_dtype, slow_precision
from protsae.errors import UserError
from protsae.io.progress import print_beside, progress
from protsae.io.saes.checkpoints import read_checkpoint, write_checkpoint
from protsae.io.saes.sae_files import SaeSource
from protsae.io.saes.sae_identity import train_set_sha256
from protsae.one_line import note
from protsae.plm.end_to_end_training import downstream_bytes
from protsae.provenance import settings_sha256
from protsae.sae.architectures import build_sae
from protsae.sae.autoencoder import Batch, Sae
from protsae.sae.training.normalisation import fold_
from protsae.sae.training.step import SaeTraining, schedule, step_bytes, weights_bytes
from protsae.stages.inputs.training_data import TrainingData, embedding_of

LOGGED_ROWS = 100
"""Rows of the training curve."""

Curves = dict[str, list[dict[str, float]]]
"""Rows of the training curve of each SAE."""


@dataclass(frozen=True)
class TrainedSae:
    """An SAE after training.

    Attributes
    ----------
    sae : Sae
        On the CPU, for activations as they are stored: centring and scale are in its weights.
    curve : DataFrame
        Columns of training.parquet but the variant: a row for each of up to about 100 steps.
    n_residues : int
        Residues that it was trained on, each as often as it came.
    """

    sae: Sae
    curve: pd.DataFrame
    n_residues: int

    def source(self, settings: TrainSettings, data: TrainingData) -> SaeSource:
        """The metadata of the SAE, for its protsae.json."""
        source = data.cache.source
        return SaeSource(
            architecture=settings.architecture,
            k=getattr(self.sae, "k", None),
            model=source.model,
            weights_sha256=source.weights_sha256,
            layer=data.cache.layer,
            protein_set_sha256=source.protein_set_sha256,
            train_set_sha256=train_set_sha256(data.accessions),
            n_residues=data.normalisation.n_residues,
            normalisation={
                "scale": data.normalisation.scale,
                "mean_norm": float(np.linalg.norm(data.normalisation.mean)),
            },
            settings={
                **settings.model_dump(),
                "trainer": data.trainer.model_dump(),
                "residues": self.n_residues,
            },
            code_version=__version__,
            further=self.further(settings, data),
        )

    def further(self, settings: TrainSettings, data: TrainingData) -> dict[str, Any] | None:
        """What it has seen of further proteins, for its protsae.json; None if it was given none."""
        if data.further is None:
            return None
        n_further = data.further_residues(settings)
        return {
            "protein_set_sha256": data.further_set_sha256,
            "train_residues": self.n_residues - n_further,
            "further_residues": n_further,
        }


def train_saes(
    variants: Mapping[str, TrainSettings],
    data: TrainingData,
    folder: Path,
    tell: Callable[[str], None] = print_beside,
) -> dict[str, TrainedSae]:
    """Train SAEs by name; each comes out as it does alone.

    All that are trained on activations take their steps together, then all that are trained end to
    end (``kl`` > 0). After a kill, the same call resumes from the last checkpoint.

    Parameters
    ----------
    variants : mapping of str to TrainSettings
    data : TrainingData
        With the model if any ``kl`` > 0.
    folder : Path
        Of the checkpoints, ``.on-activations.safetensors`` and ``.end-to-end.safetensors``; the
        caller removes them (`remove_checkpoints`) when the SAEs are written.
    tell : function of str, optional
        Gets a line on memory and precision. Progress is shown on stderr.

    Raises
    ------
    UserError
        If a size is impossible or memory does not suffice.
    Diverged
        If a loss is not finite.
    """
    trainings = build_trainings(variants, data, tell)
    curves: Curves = {}
    for kind, checkpoint in checkpoints(folder).items():
        group = {
            name: training
            for name, training in trainings.items()
            if (variants[name].kl > 0) == (kind == "end-to-end")
        }
        curves |= fit(group, data, checkpoint) if group else {}
    found = {}
    for name, training in trainings.items():
        sae = training.sae.cpu()
        fold_(sae, data.normalisation)
        found[name] = TrainedSae(sae, pd.DataFrame(curves[name]), int(training.n_residues))
    return found


def checkpoints(folder: Path) -> dict[str, Path]:
    """The checkpoint of each group of SAEs."""
    return {kind: folder / f".{kind}.safetensors" for kind in ("on-activations", "end-to-end")}


def remove_checkpoints(folder: Path) -> None:
    """Remove what `train_saes` would resume from."""
    for checkpoint in checkpoints(folder).values():
        checkpoint.unlink(missing_ok=True)


def build_trainings(
    variants: Mapping[str, TrainSettings], data: TrainingData, tell: Callable[[str], None]
) -> dict[str, SaeTraining]:
    """Untrained SAEs on their device, if there is memory for all of them; tells how much.

    Raises
    ------
    UserError
        If a size is impossible or the memory does not suffice.
    """
    cache, trainer = data.cache, data.trainer
    device = find_device(trainer.device)
    dtype = products_dtype(trainer.precision, device)
    if slow := slow_precision("trainer.precision", trainer.precision, device):
        tell(note(slow))
    saes = {}
    for name, settings in variants.items():
        try:
            saes[name] = build_sae(settings, cache.d_model)
        except ValueError as error:
            raise UserError(f"train.{name}: {error}") from None
    widths = [sae.n_features for sae in saes.values()]
    # One SAE at a time holds the features of a batch; the weights of all stay.
    needed = sum(map(weights_bytes, saes.values()))
    if data.esm2:
        n_residues = trainer.batch + embedding_of(cache).context
        needed += step_bytes(max(widths), n_residues, torch.float32)
        needed += downstream_bytes(data.esm2, cache.layer, n_residues)
    else:
        needed += step_bytes(max(widths), trainer.batch, dtype)
    free = free_memory(device)
    figures = f"{needed / 1e9:.2f} GB on {device.type}, {free / 1e9:.2f} GB are free"
    if needed > free:
        raise UserError(
            f"train: {len(saes)} SAEs of up to {max(widths):,} features need {figures}; train "
            "fewer at a time, or lower width or trainer.batch"
        )
    tell(
        f"training {len(saes)} SAEs of up to {max(widths):,} features: {figures}; products in "
        f"{str(dtype).removeprefix('torch.')}"
    )
    return {name: SaeTraining(sae.to(device), variants[name]) for name, sae in saes.items()}


def fit(trainings: Mapping[str, SaeTraining], data: TrainingData, checkpoint: Path) -> Curves:
    """Train all in place, all end to end or none; returns their curves.

    A curve has up to about ``LOGGED_ROWS`` steps.
    """
    device = next(iter(trainings.values())).idle_F.device
    # Training does not resume from other settings, activations, proteins or arithmetic.
    identity = settings_sha256(
        {
            "code": __version__,
            "arithmetic": f"{device.type} {products_dtype(data.trainer.precision, device)}",
            "saes": {name: t.settings.model_dump() for name, t in trainings.items()},
            **data.identity,
        }
    )
    trained = {name: (training, training.optimiser) for name, training in trainings.items()}
    found = read_checkpoint(checkpoint, identity, trained, print_beside) or {"step": 0}
    curves: Curves = found.get("curves") or {name: [] for name in trainings}

    end_to_end = any(training.settings.kl > 0 for training in trainings.values())
    batches = (data.whole_proteins if end_to_end else data.rows)(device, found["step"])
    steps = range(found["step"], max(t.settings.steps for t in trainings.values()))
    for step, batch in zip(progress(steps, "training", "steps"), batches, strict=False):
        try:
            take_steps(trainings, batch, step, curves)
        except Diverged:
            checkpoint.unlink(missing_ok=True)  # it may have the same in it
            raise
        if (step + 1) % data.trainer.checkpoint_every == 0 and step + 1 < steps.stop:
            write_checkpoint(checkpoint, identity, trained, {"step": step + 1, "curves": curves})
    return curves


class Diverged(UserError):
    """Training has led to weights that are not finite."""


def take_steps(
    trainings: Mapping[str, SaeTraining], batch: Batch, step: int, curves: Curves
) -> None:
    """One step of every SAE that is not done yet.

    Raises
    ------
    Diverged
        If a loss that is logged is not finite.
    """
    for name, training in trainings.items():
        settings = training.settings
        if step >= settings.steps:
            continue
        taken = training.step(batch, step)
        every = max(1, settings.steps // LOGGED_ROWS)
        if (step + 1) % every == 0 or step + 1 == settings.steps:
            lr, _ = schedule(step, settings)
            stats = asdict(training.measure(batch, taken))
            if not (math.isfinite(stats["loss"]) and math.isfinite(stats["mse"])):
                raise Diverged(
                    f"{name}: training diverged: at step {step + 1:,} of {settings.steps:,} the "
                    f"loss is {stats['loss']}; nothing is written; lower "
                    f"train.{name.split('/')[0]}.lr (now "
                    f"{settings.lr:g})"
                )
            curves[name].append({"step": step + 1, **stats, "lr": lr})
