"""Write one-hot codes of a shard's sequences, x in {0, 1}^(26 x T), as layer 0 of model 'onehot'.

example:
  protsae onehot --proteins results/proteins/proteins.parquet --shard 0 --shards 2 \\
    --output results/activations/onehot/shard-0000.h5
"""

import argparse

import numpy as np

from protsae import __version__
from protsae.config.flags import add_compression_flag
from protsae.config.reserved_names import ONEHOT
from protsae.io.hdf5.activation_cache import LayerFormat, write_shard
from protsae.io.hdf5.shard_index import CacheSource
from protsae.io.table_files.proteins_table import read_sequences
from protsae.proteins.alphabet import LETTERS, one_hot
from protsae.proteins.shards import add_shard_arguments, shard_proteins


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command line."""
    add_shard_arguments(parser)
    add_compression_flag(parser)


def run(args: argparse.Namespace) -> None:
    """Encode the shard's proteins."""
    proteins, protein_set = read_sequences(args.proteins)
    shard = shard_proteins(proteins, args.shard, args.shards)
    source = CacheSource(ONEHOT, "", protein_set, "{}", __version__)
    lengths = shard["length"].tolist()
    layers = {0: LayerFormat(len(LETTERS), "float16")}
    with write_shard(
        args.output, shard["accession"].tolist(), lengths, layers, source, args.compression
    ) as writer:
        row = 0
        for sequence in shard["sequence"]:
            writer.write(0, row, one_hot(sequence, np.float16))
            row += len(sequence)
    print(f"{len(shard):,} proteins, {sum(lengths):,} residues")
