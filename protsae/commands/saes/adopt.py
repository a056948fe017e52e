"""Import an SAE of another program, so that evaluate and annotate score it like protsae's own.

Folders of SAELens (versions 3 to 6), sparsify, dictionary_learning and InterPLM are read. What they
do beside the weights is folded in where this is exact; an SAE that cannot be had exactly, or has
tensors that would not be used, is refused. It is run on made-up residues before it is written.

The SAE has to belong to the activations given. Its size is checked, and its layer if the folder
names one; which weights it was trained on, and which proteins, no such folder says. If the SAE has
seen proteins of test, its scores are too good; evaluate and annotate say that this is not known.

example:
  protsae adopt --sae downloads/layer-3 --layer 3 \\
    --activations results/activations/esm2_t6_8M_UR50D/shard-*.h5 \\
    --proteins results/proteins/proteins.parquet \\
    --output results/sae/esm2_t6_8M_UR50D/layer-03/theirs
"""

import argparse
from pathlib import Path

from protsae.errors import UserError
from protsae.io.foreign_saes.any_program import read_foreign_sae
from protsae.io.hdf5.activation_cache import LayerCache
from protsae.io.saes.sae_files import write_sae
from protsae.stages.inputs.adopted_sae import adopted_source
from protsae.stages.inputs.studied_proteins import read_study


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command line."""
    parser.add_argument("--sae", required=True, help="folder with weights and their configuration")
    parser.add_argument("--layer", type=int, required=True, help="layer that it was trained on")
    parser.add_argument("--activations", nargs="+", required=True, help="all shards of the model")
    parser.add_argument("--proteins", required=True, help="proteins.parquet, with the splits")
    parser.add_argument("--output", required=True, help="folder to write the SAE into")


def run(args: argparse.Namespace) -> None:
    """Read, check, try, write."""
    architecture, k, weights = read_foreign_sae(args.sae, args.layer)
    if Path(args.output).resolve() == Path(args.sae).resolve():
        raise UserError(
            f"{args.output}: the folder of --sae, whose files would be overwritten; expected "
            "another; give another --output"
        )
    study = read_study(args.proteins)
    cache = LayerCache(args.activations, args.layer, study.protein_set)
    write_sae(args.output, weights, adopted_source(args.sae, architecture, k, weights, cache))
    print(f"wrote {args.output}: {architecture}, {weights['W_dec'].shape[0]:,} features")
