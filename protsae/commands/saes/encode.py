"""Encode one shard: the sparse activations of a layer's SAEs at every residue (its codes).

Everything that is later said of a feature is computed from them. A row is a residue; anndata reads
them, too (docs/tables.md).

example:
  protsae encode --sae results/sae/esm2_t6_8M_UR50D/layer-03/topk \\
    --activations results/activations/esm2_t6_8M_UR50D/shard-0000.h5 \\
    --proteins results/proteins/proteins.parquet \\
    --output results/codes/esm2_t6_8M_UR50D/layer-03/shard-0000.h5
"""

import argparse

import torch

from protsae.config.flags import add_threads_flag
from protsae.detectors.activations import Encoded
from protsae.detectors.encoding import sparse_encoder
from protsae.io.hdf5.code_cache import write_codes
from protsae.io.progress import progress
from protsae.stages.inputs.open_saes import open_saes
from protsae.stages.inputs.studied_proteins import read_study

BLOCK_ROWS = 8192
"""Residues held at a time: memory, not results."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command line."""
    parser.add_argument("--sae", nargs="+", required=True, help="folders of the layer's SAEs")
    parser.add_argument("--activations", required=True, help="a shard of the model's activations")
    parser.add_argument("--proteins", required=True, help="proteins.parquet, with the splits")
    parser.add_argument("--output", required=True, help="HDF5 file to write")
    add_threads_flag(parser)


def run(args: argparse.Namespace) -> None:
    """Encode the shard, protein by protein."""
    torch.set_num_threads(args.threads)
    study = read_study(args.proteins)
    cache, found = open_saes(args.sae, [args.activations], study.protein_set, study.names("train"))
    table = cache.index.proteins
    with write_codes(
        args.output,
        table["accession"].tolist(),
        table["length"].tolist(),
        {variant: trained.sae.n_features for variant, trained in found.items()},
        {variant: trained.sha256 for variant, trained in found.items()},
        cache.source,
    ) as writer:
        n_stored = dict.fromkeys(found, 0)
        for variant, trained in progress(found.items(), "encoding", "SAEs"):
            sae = trained.sae
            codes = Encoded(cache.protein_blocks, sparse_encoder(sae), sae.n_features)
            for _, block in codes.blocks(set(table["accession"]), BLOCK_ROWS):
                writer.append(variant, block)
                n_stored[variant] += block.nnz
    n_residues = int(table["length"].sum())
    for variant, number in n_stored.items():
        print(f"{variant}: {n_residues:,} residues, {number / n_residues:.1f} features active each")
