"""Activations of every layer asked for, for one shard of the proteins, through ESM-2.

example:
  protsae embed --proteins results/proteins/proteins.parquet --shard 0 --shards 2 \\
    --output results/activations/esm2_t6_8M_UR50D/shard-0000.h5 \\
    --model esm2_t6_8M_UR50D --layers 3 6
"""

import argparse
import sys

import numpy as np
import pandas as pd
import torch

from protsae import __version__
from protsae.config.flags import (
    add_compression_flag,
    add_flags,
    add_threads_flag,
    settings_from_flags,
)
from protsae.config.stage_settings import EmbedSettings
from protsae.io.hdf5.activation_cache import LayerFormat, write_shard
from protsae.io.hdf5.shard_index import CacheSource
from protsae.io.progress import progress
from protsae.io.table_files.proteins_table import read_split_proteins
from protsae.plm.embedding import Embedder, precision_errors, token_budget
from protsae.plm.esm2.forward import FusedEsm2
from protsae.plm.esm2.load import LoadedEsm, load_esm, validate_layers
from protsae.plm.precision import Float16Error
from protsae.proteins.shards import add_shard_arguments, shard_proteins
from protsae.statistics import ragged

NEUTRAL = {"device", "tokens_per_batch"}
"""Settings that change how fast the activations come, not what they are."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command line."""
    add_shard_arguments(parser)
    add_threads_flag(parser)
    add_compression_flag(parser)
    add_flags(parser, EmbedSettings)


def run(args: argparse.Namespace) -> None:
    """Embed the shard's proteins."""
    settings = settings_from_flags(EmbedSettings, args)
    proteins, protein_set = read_split_proteins(args.proteins)
    shard = shard_proteins(proteins, args.shard, args.shards)
    # With several GPUs in sight neighbouring shards take different ones.
    esm = load_esm(settings.model, settings.device, gpu=args.shard)
    validate_layers(esm.model, settings.layers)
    source = CacheSource(
        esm.name,
        esm.weights_sha256,
        protein_set,
        settings.model_dump_json(exclude=NEUTRAL),
        __version__,
    )
    embedder = make_embedder(esm, settings, args.threads)
    while True:
        try:
            embed_shard(embedder, shard, args, source)
            break
        except Float16Error as error:
            print(f"{error}; storing it in float32, from the start", file=sys.stderr)
            embedder.dtypes[error.layer] = torch.float32

    n_j = sum(sequence.count("J") for sequence in shard["sequence"])
    print(
        f"{len(shard):,} proteins, {shard['length'].sum():,} residues, {len(settings.layers)} "
        f"layers in {settings.precision} on {esm.device}; {n_j:,} J read as X (ESM-2 has no J)"
    )
    if embedder.out_of_memory:
        print(
            f"the GPU's memory ran out {embedder.out_of_memory} times; it ended with "
            f"{embedder.tokens_per_batch:,} tokens in a batch (embed.tokens_per_batch)"
        )


def make_embedder(esm: LoadedEsm, settings: EmbedSettings, threads: int) -> Embedder:
    """The embedder that these settings ask for, and torch's threads as it wants them."""
    precision = getattr(torch, settings.precision)
    on_gpu = esm.device.type == "cuda"
    # On a GPU two workers: one computes while the other copies.
    workers = 2 if on_gpu else threads
    torch.set_num_threads(threads if on_gpu else 1)
    if precision == torch.float64:
        esm.model.double()
    return Embedder(
        FusedEsm2(esm.model, precision),
        dict.fromkeys(settings.layers, getattr(torch, settings.dtype)),
        settings.context,
        settings.overlap,
        settings.tokens_per_batch
        or token_budget(esm.model, len(settings.layers), precision, workers),
        workers,
    )


def embed_shard(
    embedder: Embedder, shard: pd.DataFrame, args: argparse.Namespace, source: CacheSource
) -> None:
    """Write one shard, with each layer's measured error of precision and storage."""
    lengths = shard["length"].tolist()
    first_row = ragged.starts(np.asarray(lengths))
    formats = {
        layer: LayerFormat(embedder.esm2.d_model, str(dtype).removeprefix("torch."))
        for layer, dtype in embedder.dtypes.items()
    }
    sequences = shard["sequence"].tolist()
    with (
        write_shard(
            args.output, shard["accession"].tolist(), lengths, formats, source, args.compression
        ) as writer,
        progress(sum(lengths), "embedding", "residues") as bar,
    ):
        for piece in embedder(sequences):
            for layer, rows in piece.rows.items():
                writer.write(layer, int(first_row[piece.protein]) + piece.start, rows)
            bar.update(len(rows))
        for layer, error in precision_errors(embedder, sequences).items():
            writer.note(layer, "relative_error", error)
