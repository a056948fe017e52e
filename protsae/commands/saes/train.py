"""Train all sparse autoencoders of a layer, in one pass over activations of the train split.

Every batch is read and moved once and all SAEs take a step on it, each with the result that it has
on its own. Activations are centred and scaled to E|x|^2 = d_model; both are folded into the saved
weights. SAEs with kl > 0 are trained end to end, together, on whole proteins run through the model.
An interrupted run goes on from its last checkpoint.

example:
  protsae train --activations results/activations/esm2_t6_8M_UR50D/shard-*.h5 --layer 3 \\
    --proteins results/proteins/proteins.parquet \\
    --output results/sae/esm2_t6_8M_UR50D/layer-03 \\
    --saes '{topk: {architecture: topk, k: [16, 32]}, relu: {architecture: relu}}'
"""

import argparse
import json
import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from protsae import __version__
from protsae.config.flags import add_flags, add_threads_flag, settings_from_flags
from protsae.config.sae_settings import SaeVariants, TrainSettings
from protsae.config.settings import parse_settings
from protsae.config.stage_settings import EmbedSettings, StreamSettings
from protsae.config.yaml_text import parse_yaml
from protsae.device import find_device, free_memory, keep_freed_memory
from protsae.errors import UserError
from protsae.io.atomic import validate_writable
from protsae.io.hdf5.activation_cache import LayerCache
from protsae.io.hdf5.shuffling import shuffled_batches
from protsae.io.progress import print_beside, progress
from protsae.io.saes.checkpoints import read_checkpoint, write_checkpoint
from protsae.io.saes.sae_files import SaeSource, write_sae
from protsae.io.saes.sae_identity import train_set_sha256
from protsae.io.table_files.parquet import write_table
from protsae.io.table_files.proteins_table import read_split_proteins, study_stamp
from protsae.plm.end_to_end import Downstream, downstream_batches, downstream_bytes
from protsae.plm.esm2.forward import FusedEsm2
from protsae.plm.esm2.load import load_same_esm
from protsae.provenance import settings_sha256
from protsae.sae.architectures import build_sae
from protsae.sae.autoencoder import Batch
from protsae.sae.training.normalisation import Normalisation, fold_, measure_normalisation
from protsae.sae.training.step import SaeTraining, products_dtype, step_bytes, weights_bytes
from protsae.schema.training_table import TRAINING

BLOCK_ROWS = 16384
"""Residues that mean and scale are measured on at a time."""

LOGGED_ROWS = 100
"""Rows of the training curve."""

Curves = dict[str, list[dict[str, float]]]
"""Rows of the training curve of each SAE."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command line."""
    parser.add_argument("--activations", nargs="+", required=True, help="all shards of the model")
    parser.add_argument("--layer", type=int, required=True, help="layer to train on")
    parser.add_argument("--proteins", required=True, help="proteins.parquet, with the splits")
    parser.add_argument("--model", help="the ESM-2 of the activations, for SAEs with kl > 0")
    parser.add_argument(
        "--output", required=True, help="folder of the layer; each SAE gets one in it, by its name"
    )
    parser.add_argument(
        "--saes",
        required=True,
        metavar="YAML",
        help="SAEs by name, as under 'train' in config.yaml; lists stand for one SAE each",
    )
    add_threads_flag(parser)
    add_flags(parser, StreamSettings)


def run(args: argparse.Namespace) -> None:
    """Measure, train, fold, save."""
    torch.set_num_threads(args.threads)
    keep_freed_memory()
    stream = settings_from_flags(StreamSettings, args)
    variants = parse_variants(args.saes)
    for name in variants:
        validate_writable(Path(args.output) / name)
    proteins, protein_set = read_split_proteins(args.proteins)
    cache = LayerCache(args.activations, args.layer, protein_set)
    stamp = {
        **vars(cache.source),
        **study_stamp(proteins, protein_set),
        "layer": args.layer,
    }
    train_proteins = proteins[proteins["split"] == "train"]
    train = set(train_proteins["accession"])
    end_to_end = [name for name, settings in variants.items() if settings.kl > 0]
    esm2 = open_model(args, cache, end_to_end[0], stream) if end_to_end else None
    trainings = build_trainings(variants, cache, stream, esm2)
    normalisation = measure_normalisation(
        rows for _, rows in cache.protein_blocks(train, BLOCK_ROWS)
    )
    folder = Path(args.output)
    data = TrainingData(cache, train_proteins, normalisation, stream, esm2)
    groups = {
        "on-activations": {n: t for n, t in trainings.items() if n not in end_to_end},
        "end-to-end": {n: trainings[n] for n in end_to_end},
    }
    checkpoints = {kind: folder / f".{kind}.safetensors" for kind in groups}
    curves: Curves = {}
    for kind, group in groups.items():
        curves |= fit(group, data, checkpoints[kind]) if group else {}
    for name, training in trainings.items():
        sae, settings = training.sae.cpu(), variants[name]
        fold_(sae, normalisation)
        source = SaeSource(
            architecture=settings.architecture,
            k=getattr(sae, "k", None),
            model=cache.source.model,
            weights_sha256=cache.source.weights_sha256,
            layer=args.layer,
            protein_set_sha256=cache.source.protein_set_sha256,
            train_set_sha256=train_set_sha256(train),
            n_residues=normalisation.n_residues,
            normalisation={
                "scale": normalisation.scale,
                "mean_norm": float(np.linalg.norm(normalisation.mean)),
            },
            settings={
                **settings.model_dump(),
                "stream": stream.model_dump(),
                "residues": int(training.n_residues),
            },
            code_version=__version__,
        )
        curve = pd.DataFrame(curves[name])
        write_table(
            folder / name / "training.parquet",
            curve,
            TRAINING,
            {"stage": "train", **stamp, "variant": name},
        )
        write_sae(folder / name, sae.state_dict(), source)
        last = curve.iloc[-1]
        print(
            f"{cache.source.model} layer {args.layer}, {name}: {sae.n_features} features, "
            f"FVU {last.fvu:.3f}, L0 {last.l0:.1f}, dead {last.dead_fraction:.1%} at the end"
        )
    for checkpoint in checkpoints.values():
        checkpoint.unlink(missing_ok=True)


def parse_variants(text: str) -> dict[str, TrainSettings]:
    """The SAEs of ``--saes``, lists expanded.

    Raises
    ------
    UserError
        If it is no YAML, or names an unknown setting or a value out of range.
    """
    return parse_settings(SaeVariants, {"train": parse_yaml(text, "--saes")}, "--saes").train


def open_model(
    args: argparse.Namespace, cache: LayerCache, name: str, stream: StreamSettings
) -> FusedEsm2:
    """The model that the activations come from, for SAEs that are trained end to end.

    Raises
    ------
    UserError
        If no model is given, one-hot sequences have none, or it is another one.
    """
    if not cache.source.weights_sha256:
        raise UserError(
            f"train.{name}.kl: {cache.source.model} is no model with predictions; set onehot: "
            "false, or kl to 0"
        )
    if not args.model:
        raise UserError(f"--model: give the ESM-2 that {name} is trained through; found none")
    model = load_same_esm(args.model, stream.device, cache.source.weights_sha256).model
    return FusedEsm2(model.requires_grad_(False))


def build_trainings(
    variants: Mapping[str, TrainSettings],
    cache: LayerCache,
    stream: StreamSettings,
    esm2: FusedEsm2 | None,
) -> dict[str, SaeTraining]:
    """Untrained SAEs on their device, if there is memory for all of them; says how much.

    Raises
    ------
    UserError
        If a size is impossible or the memory does not suffice.
    """
    device = find_device(stream.device)
    dtype = products_dtype(stream.precision, device)
    saes = {}
    for name, settings in variants.items():
        try:
            saes[name] = build_sae(settings, cache.d_model)
        except ValueError as error:
            raise UserError(f"train.{name}: {error}") from None
    widths = [sae.n_features for sae in saes.values()]
    # One SAE at a time holds the features of a batch; the weights of all stay.
    needed = sum(map(weights_bytes, saes.values()))
    if esm2:
        n_residues = stream.batch + embedding_of(cache).context
        needed += step_bytes(max(widths), n_residues, torch.float32)
        needed += downstream_bytes(esm2, cache.layer, n_residues)
    else:
        needed += step_bytes(max(widths), stream.batch, dtype)
    free = free_memory(device)
    figures = f"{needed / 1e9:.2f} GB on {device.type}, {free / 1e9:.2f} GB are free"
    if needed > free:
        raise UserError(
            f"train: {len(saes)} SAEs of up to {max(widths):,} features need {figures}; train "
            "fewer at a time, or lower width or stream.batch"
        )
    print(
        f"training {len(saes)} SAEs of up to {max(widths):,} features: {figures}; products in "
        f"{str(dtype).removeprefix('torch.')}"
    )
    return {name: SaeTraining(sae.to(device), variants[name]) for name, sae in saes.items()}


def embedding_of(cache: LayerCache) -> EmbedSettings:
    """How the activations were made."""
    return EmbedSettings.model_validate(json.loads(cache.source.settings))


@dataclass(frozen=True)
class TrainingData:
    """What the SAEs of a layer are trained on.

    Attributes
    ----------
    proteins : DataFrame
        Of the train split.
    esm2 : FusedEsm2 or None
        For training end to end.
    """

    cache: LayerCache
    proteins: pd.DataFrame
    normalisation: Normalisation
    stream: StreamSettings
    esm2: FusedEsm2 | None

    @property
    def accessions(self) -> set[str]:
        """Of the train split."""
        return set(self.proteins["accession"])

    @property
    def identity(self) -> dict[str, Any]:
        """What two runs must share for their batches to be the same."""
        return {
            "stream": self.stream.model_dump(),
            "source": vars(self.cache.source),
            "layer": self.cache.layer,
            "proteins": train_set_sha256(self.accessions),
        }

    def rows(self, device: torch.device, skip: int) -> Iterator[Batch]:
        """Batches of cached residues from all shards."""
        dtype = products_dtype(self.stream.precision, device)
        stream = self.stream
        for rows in shuffled_batches(
            self.cache, self.accessions, stream.batch, stream.buffer, stream.seed, skip
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
            *(self.esm2, self.cache.layer, sequences, self.stream.batch),
            *(embedding.context, embedding.overlap, self.stream.seed, skip),
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


def fit(trainings: Mapping[str, SaeTraining], data: TrainingData, checkpoint: Path) -> Curves:
    """Train all in place, all end to end or none; returns their curves.

    A curve has up to about ``LOGGED_ROWS`` steps.
    """
    device = next(iter(trainings.values())).idle_F.device
    # A checkpoint of other settings, activations, proteins or arithmetic is not ours to go on from.
    identity = settings_sha256(
        {
            "code": __version__,
            "arithmetic": f"{device.type} {products_dtype(data.stream.precision, device)}",
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
        if (step + 1) % data.stream.checkpoint_every == 0 and step + 1 < steps.stop:
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
            lr = training.optimiser.param_groups[0]["lr"]
            stats = asdict(training.measure(batch, taken))
            if not (math.isfinite(stats["loss"]) and math.isfinite(stats["mse"])):
                raise Diverged(
                    f"{name}: training diverged: at step {step + 1:,} of {settings.steps:,} the "
                    f"loss is {stats['loss']}; nothing is written; lower train.{name}.lr (now "
                    f"{settings.lr:g})"
                )
            curves[name].append({"step": step + 1, **stats, "lr": lr})


def to_device(rows: np.ndarray, device: torch.device) -> Tensor:
    """Rows as a tensor there; from pinned memory, so that the copy runs beside what is queued."""
    x_ND = torch.from_numpy(rows)
    return x_ND.pin_memory().to(device, non_blocking=True) if device.type == "cuda" else x_ND
