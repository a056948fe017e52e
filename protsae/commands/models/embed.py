"""Activations of every layer asked for, for one shard of the proteins, through ESM-2.

example:
  protsae embed --proteins results/proteins/proteins.parquet --shard 0 --shards 2 \\
    --output results/activations/esm2_t6_8M_UR50D/shard-0000.h5 \\
    --model esm2_t6_8M_UR50D --layers 3 6
"""

import argparse

from protsae import __version__
from protsae.config.flags import (
    add_compression_flag,
    add_flags,
    add_threads_flag,
    settings_from_flags,
)
from protsae.config.stage_settings import EmbedSettings
from protsae.io.hdf5.shard_index import CacheSource
from protsae.io.table_files.proteins_table import read_sequences
from protsae.one_line import note
from protsae.plm.esm2.load import load_esm, validate_layers
from protsae.proteins.shards import add_shard_arguments, shard_proteins
from protsae.stages.embed_proteins import embed_shard, make_embedder, with_named_precision

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
    proteins, protein_set = read_sequences(args.proteins)
    shard = shard_proteins(proteins, args.shard, args.shards)
    # With several GPUs in sight neighbouring shards take different ones.
    esm = load_esm(settings.model, settings.device, gpu=args.shard)
    validate_layers(esm.model, settings.layers)
    settings = with_named_precision(settings, esm.device, print)
    source = CacheSource(
        esm.name,
        esm.weights_sha256,
        protein_set,
        settings.model_dump_json(exclude=NEUTRAL),
        __version__,
    )
    embedder = make_embedder(esm, settings, args.threads)
    embed_shard(embedder, shard, args.output, source, args.compression)
    n_j = sum(sequence.count("J") for sequence in shard["sequence"])
    print(
        f"{len(shard):,} proteins, {shard['length'].sum():,} residues, {len(settings.layers)} "
        f"layers in {settings.precision} on {esm.device}"
    )
    if n_j:
        print(note(f"{n_j:,} J read as X (ESM-2 has no J)"))
    if embedder.out_of_memory:
        text = (
            f"the GPU's memory ran out {embedder.out_of_memory} times; it ended with "
            f"{embedder.tokens_per_batch:,} tokens in a batch (embed.tokens_per_batch)"
        )
        print(note(text))
