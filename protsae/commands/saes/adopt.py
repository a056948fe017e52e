"""Take in an SAE of another program, so that evaluate and annotate score it like our own.

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

from protsae import __version__
from protsae.errors import UserError
from protsae.io.foreign_saes.any_program import read_foreign_sae
from protsae.io.hdf5.activation_cache import LayerCache
from protsae.io.saes.sae_files import SaeSource, write_sae
from protsae.io.saes.sae_identity import UNKNOWN
from protsae.io.table_files.proteins_table import read_split_proteins
from protsae.sae.architectures import restore_sae
from protsae.sae.evaluation.sanity_check import trial_problem


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
    _, protein_set = read_split_proteins(args.proteins)
    cache = LayerCache(args.activations, args.layer, protein_set)
    n_features, d_model = weights["W_dec"].shape
    if d_model != cache.d_model:
        raise UserError(
            f"{args.sae}: an SAE of {d_model} inputs; expected {cache.d_model}, the width of layer "
            f"{args.layer} of {cache.source.model}; give the activations that it was trained on"
        )
    problem = trial_problem(restore_sae(architecture, k, weights))
    if problem:
        raise UserError(
            f"{args.sae}: {problem}; expected an SAE that computes; look whether its files are "
            "those that it was trained into"
        )
    source = SaeSource(
        architecture=architecture,
        k=k,
        model=cache.source.model,
        weights_sha256=cache.source.weights_sha256,
        layer=args.layer,
        protein_set_sha256=cache.source.protein_set_sha256,
        train_set_sha256=UNKNOWN,
        n_residues=0,
        normalisation={},
        settings={},
        code_version=__version__,
    )
    write_sae(args.output, weights, source)
    print(f"wrote {args.output}: {architecture}, {n_features:,} features")
