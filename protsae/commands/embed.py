"""Activations of every layer asked for, for one shard of the proteins, through ESM-2.

example:
  protsae embed --proteins results/proteins/proteins.parquet --shard 0 --shards 2 \\
    --output results/activations/esm2_t6_8M_UR50D/shard-0000.h5 \\
    --model esm2_t6_8M_UR50D --layers 3 6
"""

import argparse

import numpy as np
import torch

from protsae import __version__
from protsae.config import EmbedSettings
from protsae.flags import add_flags, add_threads_flag, settings_from_flags
from protsae.io.activations import CacheSource, write_shard
from protsae.io.progress import progress
from protsae.io.proteins_table import read_split_proteins
from protsae.plm.embed import embed
from protsae.plm.load import load_esm, validate_layers
from protsae.sharding import add_shard_arguments, shard_proteins


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command line."""
    add_shard_arguments(parser)
    add_threads_flag(parser)
    add_flags(parser, EmbedSettings)


def run(args: argparse.Namespace) -> None:
    """Embed the shard's proteins."""
    torch.set_num_threads(args.threads)
    settings = settings_from_flags(EmbedSettings, args)
    proteins, protein_set = read_split_proteins(args.proteins)
    shard = shard_proteins(proteins, args.shard, args.shards)
    esm = load_esm(settings.model, settings.device)
    validate_layers(esm.model, settings.layers)

    lengths = shard["length"].tolist()
    first_row = np.cumsum(lengths) - np.asarray(lengths)
    source = CacheSource(
        esm.name, esm.weights_sha256, protein_set, settings.model_dump_json(), __version__
    )
    widths = dict.fromkeys(settings.layers, esm.model.embed_dim)
    pieces = embed(
        esm.model,
        shard["sequence"].tolist(),
        settings.layers,
        settings.context,
        settings.overlap,
        settings.tokens_per_batch,
    )
    with (
        write_shard(
            args.output, shard["accession"].tolist(), lengths, widths, settings.dtype, source
        ) as write,
        progress(sum(lengths), "embedding", "residues") as bar,
    ):
        for piece in pieces:
            for layer, rows in piece.rows.items():
                write(layer, int(first_row[piece.protein]) + piece.start, rows)
            bar.update(len(rows))
    n_j = sum(sequence.count("J") for sequence in shard["sequence"])
    print(
        f"{len(shard):,} proteins, {sum(lengths):,} residues, {len(settings.layers)} layers on "
        f"{esm.device}; {n_j:,} J read as X (ESM-2 has no J)"
    )
