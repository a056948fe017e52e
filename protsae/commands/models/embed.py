"""Run one shard of the proteins through ESM-2, and store the activations of chosen layers.

example:
  protsae embed --proteins results/proteins/proteins.parquet --shard 0 --shards 2 \\
    --output results/activations/esm2_t6_8M_UR50D/shard-0000.h5 \\
    --model esm2_t6_8M_UR50D --layers 3 6 \\
    --inside mlp_in=results/activations/esm2_t6_8M_UR50D-mlp_in/shard-0000.h5
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
from protsae.plm.esm2.load import load_esm, validate_layers
from protsae.proteins.shards import add_shard_arguments, shard_proteins
from protsae.stages.embed_proteins import (
    embed_shard,
    embedded_lines,
    inside_outputs,
    later_shards_note,
    make_embedder,
    with_named_precision,
)

NEUTRAL = {"device", "tokens_per_batch", "sites"}
"""Settings that change how fast the activations come and what else is kept, not what they are."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command line."""
    add_shard_arguments(parser)
    parser.add_argument(
        "--inside",
        nargs="+",
        default=[],
        metavar="SITE=FILE",
        help="also write a shard of a site inside blocks: attention, mlp_in, mlp_hidden or mlp_out",
    )
    add_threads_flag(parser)
    add_compression_flag(parser)
    add_flags(parser, EmbedSettings)


def run(args: argparse.Namespace) -> None:
    """Embed the shard's proteins."""
    settings = settings_from_flags(EmbedSettings, args)
    inside = inside_outputs(args.inside, settings.sites)
    proteins, protein_set = read_sequences(args.proteins)
    shard = shard_proteins(proteins, args.shard, args.shards)
    # With several GPUs in sight neighbouring shards take different ones.
    esm = load_esm(settings.model, settings.device, gpu=args.shard)
    validate_layers(esm.model, settings.layers)
    settings = with_named_precision(settings, esm.device, print)
    stated = settings.model_dump_json(exclude=NEUTRAL)
    source = CacheSource(esm.name, esm.weights_sha256, protein_set, stated, __version__)
    embedder = make_embedder(esm, settings, args.threads, [*inside])
    errors = embed_shard(embedder, shard, args.output, source, args.compression, inside=inside)
    later = later_shards_note(embedder, proteins, args.shard, args.shards, args.output)
    for line in [*embedded_lines(embedder, shard, settings, errors), *later]:
        print(line)
