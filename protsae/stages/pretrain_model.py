"""Training a small ESM-2: which sequences, on which it is validated, and the loop itself."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from protsae.config.stage_settings import PretrainSettings
from protsae.errors import UserError
from protsae.io.mmseqs import cluster_sequences
from protsae.io.progress import print_beside
from protsae.io.protein_files.any_format import read_proteins
from protsae.io.saes.checkpoints import read_checkpoint, write_checkpoint
from protsae.plm.esm2 import pretraining as pretrain
from protsae.plm.esm2.tokens import CLS, EOS, PAD, tokenise
from protsae.proteins.filters import clean_sequence
from protsae.provenance import file_sha256, settings_sha256

SHORTEST = 30


@dataclass(frozen=True)
class Checkpoint:
    """Where a run is saved, and the checksums of the files that it was made from.

    Attributes
    ----------
    path : Path
    digests : dict of str to str
        A checkpoint of other files is not resumed.
    """

    path: Path
    digests: dict[str, str]

    @classmethod
    def of(cls, output: Path, **files: str | None) -> "Checkpoint":
        """Beside the model; files by their names, None where there is none."""
        digests = {f"{name}_sha256": file_sha256(path) for name, path in files.items() if path}
        return cls(output.with_suffix(".checkpoint.safetensors"), digests)


def read_parts(
    path: str, held_out_path: str | None, settings: PretrainSettings, threads: int
) -> tuple[list[np.ndarray], list[np.ndarray], int]:
    """Token numbers, uint8, of the sequences to train on and to validate on; how many were dropped.

    Raises
    ------
    UserError
        If no sequence is left to train on.
    """
    sequences, dropped = read_training_sequences(path)
    if held_out_path:
        held_out, dropped_there = read_training_sequences(held_out_path)
        return _tokens(sequences), _tokens(held_out), dropped + dropped_there
    out = held_out_clusters(sequences, settings, threads)
    train = [sequence for sequence, is_out in zip(sequences, out, strict=True) if not is_out]
    valid = [sequence for sequence, is_out in zip(sequences, out, strict=True) if is_out]
    if not train:
        raise UserError(
            f"{path}: nothing left to train on: {len(valid)} sequences in the homology "
            "clusters held out; give more diverse sequences or a smaller valid"
        )
    return _tokens(train), _tokens(valid), dropped


def _tokens(sequences: list[str]) -> list[np.ndarray]:
    return [tokenise(sequence).astype(np.uint8) for sequence in sequences]


def resume(
    state: pretrain.Pretraining,
    settings: PretrainSettings,
    checkpoint: Checkpoint,
) -> list[dict[str, Any]]:
    """Take up the checkpoint of an interrupted run, if there is one; returns its curve.

    Raises
    ------
    UserError
        If the checkpoint has taken more steps at the full learning rate than this run has.
    """
    trained = {"model": (state.model, state.optimiser)}
    last = pretrain.decay_start(settings)
    path, digests = checkpoint.path, checkpoint.digests
    progress = read_checkpoint(path, identity(settings, digests, 0), trained, print_beside)
    if progress and progress["step"] > last:
        raise UserError(
            f"{path}: has taken {progress['step']:,} steps at the full learning rate; this "
            f"run takes {last:,} before its decay; raise steps, lower decay_steps, or delete it"
        )
    progress = progress or read_checkpoint(
        path, identity(settings, digests, settings.steps), trained, print_beside
    )
    state.step = progress["step"] if progress else 0
    return progress["curve"] if progress else []


def identity(settings: PretrainSettings, digests: dict[str, str], step: int) -> str:
    """Digest of all that a checkpoint of ``step`` depends on.

    The length of the run is part of it only where the learning rate has begun to fall.
    """
    undecayed = step <= pretrain.decay_start(settings)
    left_out = {"device", "steps", "decay_steps"} if undecayed else {"device"}
    return settings_sha256({**settings.model_dump(exclude=left_out), **digests})


def read_training_sequences(path: str) -> tuple[list[str], int]:
    """Sequences of letters A-Z of at least ``SHORTEST`` residues, and how many were left out."""
    every = [clean_sequence(protein.sequence)[0] for protein in read_proteins(path)]
    kept = [s for s in every if len(s) >= SHORTEST and s.isascii() and s.isalpha()]
    if not kept:
        raise UserError(f"{path}: no usable sequence among {len(every)} records")
    return kept, len(every) - len(kept)


def held_out_clusters(sequences: list[str], settings: PretrainSettings, threads: int) -> np.ndarray:
    """True for sequences of the clusters held out: about ``valid`` of all, drawn by seed."""
    cluster = cluster_sequences(
        sequences, identity=0.3, coverage=0.8, cascade=True, threads=threads
    )
    clusters, sizes = np.unique(cluster, return_counts=True)
    order = np.random.default_rng(settings.seed).permutation(len(clusters))
    wanted = settings.valid * len(sequences)
    chosen = clusters[order[: int(np.searchsorted(np.cumsum(sizes[order]), wanted)) + 1]]
    return np.isin(cluster, chosen)


def fit(
    state: pretrain.Pretraining,
    train: list[np.ndarray],
    valid: list[np.ndarray],
    settings: PretrainSettings,
    checkpoint: Checkpoint,
    curve: list[dict[str, Any]],
    tell: Callable[[str], None] = print_beside,
) -> None:
    """Run the remaining steps; appends to ``curve`` and writes a checkpoint at every validation."""
    residues = curve[-1]["residues"] if curve else 0
    losses: list[torch.Tensor] = []
    began = time.monotonic()
    first = state.step
    for rows in pretrain.batch_stream(train, settings, skip=state.step):
        if state.step >= settings.steps:
            break
        losses.append(pretrain.train_step(state, rows, settings))
        residues += int(np.isin(rows, (CLS, EOS, PAD), invert=True).sum())
        if state.step % settings.evaluate_every and state.step != settings.steps:
            continue
        valid_loss = pretrain.validation_loss(state.model, valid, settings)
        curve.append(
            {
                "step": state.step,
                "residues": residues,
                "train_loss": float(torch.stack(losses).mean()),
                "valid_loss": valid_loss,
            }
        )
        losses.clear()
        write_checkpoint(
            checkpoint.path,
            identity(settings, checkpoint.digests, state.step),
            {"model": (state.model, state.optimiser)},
            {"step": state.step, "curve": curve},
        )
        pace = (time.monotonic() - began) / (state.step - first)
        tell(
            f"step {state.step}/{settings.steps}: {residues / 1e6:.1f} M residues, valid "
            f"perplexity {pretrain.perplexity(valid_loss):.2f}, "
            f"{pace * (settings.steps - state.step) / 60:.0f} min left"
        )
