"""Write activations of an SAE's features as .h5ad, which AnnData reads and scanpy clusters.

Rows are proteins, with the run's annotation and the number of residues that have each concept;
values are pooled over the residues of each. With --of residues, rows are residues; memory does not
grow with their number, and anndata.read_h5ad(PATH, backed="r") opens the file. Columns are
features, with what the run knows of each. Needs AnnData: pip install 'protsae[anndata]'.

examples:
  protsae export anndata --sae 6/topk --pool mean --output features.h5ad
  protsae export anndata --sae 6/topk --of residues --concepts SIGNAL --output residues.h5ad
"""

import argparse

from protsae.errors import UserError
from protsae.inspection.feature_activations import POOLS
from protsae.stages.exporting.chosen_features import parse_sae_name
from protsae.stages.exporting.exported_matrices import exported_lines
from protsae.stages.run_object.open_run import read_run

TOLD = {"anndata": "proteins (or residues) x features, for scanpy"}


def add_arguments(parser: argparse.ArgumentParser, name: str) -> None:
    """Declare the command line."""
    add = parser.add_argument
    add("--sae", required=True, metavar="LAYER/SAE", help="SAE: 6/topk or onehot/0/topk")
    add("--of", choices=("proteins", "residues"), default="proteins", help="rows (%(default)s)")
    add("--pool", choices=POOLS, help="largest, mean, or share of active residues (max)")
    add("--concepts", nargs="+", default=[], metavar="CONCEPT", help="columns for --of residues")


def write(args: argparse.Namespace) -> list[str]:
    """Write, and what to say.

    Raises
    ------
    UserError
        If a flag is of the other rows.
    """
    own = read_run(args.run)
    model, layer, variant = parse_sae_name(args.sae, own.results, own.config)
    if args.of == "residues":
        if args.pool:
            raise UserError("--pool is of proteins; leave it out, or leave out --of residues")
        done = own.export.anndata_residues(args.output, layer, variant, args.concepts, model)
    else:
        if args.concepts:
            raise UserError("--concepts is of residues; proteins have all concepts as columns")
        done = own.export.anndata(args.output, layer, variant, args.pool or "max", model)
    return exported_lines(done)
