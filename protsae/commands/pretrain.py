"""Train a small ESM-2 on a file of proteins by masked-language modelling.

Whole homology clusters are held out; their perplexity is printed beside those of residue
frequencies (unigram) and of the two neighbours of a residue (3-gram). An interrupted run goes on
from its last checkpoint.

example:
  protsae pretrain --input sequences.fasta.gz --output model/esm2_t6_mine.pt
"""

import argparse
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch

from protsae.config import PretrainSettings
from protsae.errors import UserError
from protsae.flags import add_flags, add_threads_flag, settings_from_flags
from protsae.io.atomic import atomic_path
from protsae.io.checkpoints import read_checkpoint, write_checkpoint
from protsae.io.json_files import write_json
from protsae.io.mmseqs import cluster_sequences
from protsae.io.protein_files import read_proteins
from protsae.plm import pretrain
from protsae.plm.store import save_esm
from protsae.plm.tokens import CLS, EOS, PAD, tokenise
from protsae.provenance import file_sha256, settings_sha256

SHORTEST = 30


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command line."""
    parser.add_argument("--input", required=True, help="FASTA or UniProt JSON or text; .gz or not")
    parser.add_argument("--output", required=True, help="esm2_*.pt to write, in fair-esm's layout")
    add_threads_flag(parser)
    add_flags(parser, PretrainSettings)


def run(args: argparse.Namespace) -> None:
    """Train, checkpoint, report."""
    torch.set_num_threads(args.threads)
    settings = settings_from_flags(PretrainSettings, args)
    output = Path(args.output)
    if not (output.name.startswith("esm2") and output.suffix == ".pt"):
        raise UserError(
            f"--output {output}: fair-esm recognises an ESM-2 by its file name; expected esm2*.pt"
        )
    sequences, dropped = read_training_sequences(args.input)
    held_out = held_out_clusters(sequences, settings, args.threads)
    tokens = [tokenise(sequence).astype(np.uint8) for sequence in sequences]
    train = [t for t, out in zip(tokens, held_out, strict=True) if not out]
    valid = [t for t, out in zip(tokens, held_out, strict=True) if out]
    if not train:
        raise UserError(
            f"{args.input}: nothing left to train on: {len(valid)} sequences in the homology "
            "clusters held out; give more diverse sequences or a smaller valid"
        )
    unigram = pretrain.unigram_loss(train, valid)
    neighbours = pretrain.neighbour_loss(train, valid)
    print(
        f"{len(train):,} sequences to train on, {len(valid):,} held out, {dropped:,} dropped "
        f"(shorter than {SHORTEST} or with characters that are no letters); "
        f"perplexity of residue frequencies {pretrain.perplexity(unigram):.2f}, "
        f"of neighbours {pretrain.perplexity(neighbours):.2f}",
        file=sys.stderr,
    )

    state = pretrain.start(settings)
    checkpoint = output.with_suffix(".checkpoint.safetensors")
    input_sha256 = file_sha256(args.input)
    identity = settings_sha256({**settings.model_dump(), "input": input_sha256})
    progress = read_checkpoint(checkpoint, identity, {"model": (state.model, state.optimiser)})
    curve: list[dict[str, Any]] = progress["curve"] if progress else []
    state.step = progress["step"] if progress else 0
    fit(state, train, valid, settings, (checkpoint, identity), curve)

    save_esm(state.model, output)
    with atomic_path(output.with_suffix(".curve.tsv")) as temporary:
        pd.DataFrame(curve).to_csv(temporary, sep="\t", index=False, float_format="%.4f")
    write_json(
        output.with_suffix(".json"),
        {
            "settings": settings.model_dump(),
            "input_sha256": input_sha256,
            "weights_sha256": file_sha256(output),
            "sequences": {"train": len(train), "valid": len(valid), "dropped": dropped},
            "residues_seen": curve[-1]["residues"],
            "perplexity": {
                "unigram": round(pretrain.perplexity(unigram), 3),
                "neighbours": round(pretrain.perplexity(neighbours), 3),
                "model": round(pretrain.perplexity(curve[-1]["valid_loss"]), 3),
            },
        },
    )
    checkpoint.unlink(missing_ok=True)
    print(f"wrote {output}")


def read_training_sequences(path: str) -> tuple[list[str], int]:
    """Sequences of letters A-Z of at least ``SHORTEST`` residues, and how many were left out."""
    every = [protein.sequence.upper() for protein in read_proteins(path)]
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
    checkpoint: tuple[Path, str],
    curve: list[dict[str, Any]],
) -> None:
    """Run the remaining steps; appends to ``curve`` and writes a checkpoint at every validation."""
    residues = curve[-1]["residues"] if curve else 0
    losses: list[float] = []
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
                "train_loss": float(np.mean(losses)),
                "valid_loss": valid_loss,
            }
        )
        losses.clear()
        trained = {"model": (state.model, state.optimiser)}
        write_checkpoint(*checkpoint, trained, {"step": state.step, "curve": curve})
        pace = (time.monotonic() - began) / (state.step - first)
        print(
            f"step {state.step}/{settings.steps}: {residues / 1e6:.1f} M residues, valid "
            f"perplexity {pretrain.perplexity(valid_loss):.2f}, "
            f"{pace * (settings.steps - state.step) / 60:.0f} min left",
            file=sys.stderr,
            flush=True,
        )
