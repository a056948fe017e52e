"""Write labels of residues from structures, in the format of concepts.labels.

Reads PDB and mmCIF files, finds the protein of each chain by its sequence, and writes for each
protein secondary structure (DSSP: helix, strand, other) and solvent accessibility (buried,
exposed) of the chain with the most resolved residues. What is not resolved stays unknown. Needs
MDTraj: in protsae's folder, pip install -e '.[structure]'.

example:
  protsae labels --structures structures --proteins results/proteins/proteins.parquet \\
    --output structure.jsonl.gz
"""

import argparse
import importlib.util

from protsae.errors import UserError
from protsae.io.protein_files.residue_labels import write_labels
from protsae.io.table_files.proteins_table import read_protein_set
from protsae.stages.label_structures import HEADERS, SETS, label_structures


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command line."""
    parser.add_argument("--structures", required=True, metavar="DIR", help="PDB and mmCIF files")
    parser.add_argument("--proteins", required=True, help="proteins.parquet")
    parser.add_argument("--output", required=True, help="labels, .jsonl or .jsonl.gz")


def run(args: argparse.Namespace) -> None:
    """Label the chains, choose one for each protein, write.

    Raises
    ------
    UserError
        Without MDTraj, if no file can be read, or if no chain is one of the proteins.
    """
    if importlib.util.find_spec("mdtraj") is None:
        raise UserError(
            "structures need MDTraj; in protsae's folder: pip install -e '.[structure]'"
        )
    table, _ = read_protein_set(args.proteins)
    proteins = dict(zip(table["accession"], table["sequence"], strict=True))
    found = label_structures(args.structures, proteins, print)
    if not found.records:
        raise UserError(
            f"{args.structures}: none of {found.n_chains} chains is one of the proteins of "
            f"{args.proteins}"
        )
    write_labels(args.output, HEADERS, found.records)
    print(f"{len(found.records) // len(SETS)} of {len(proteins):,} proteins have a structure")
    if found.n_unread:
        print(f"{found.n_unread} of {found.n_files} files left out: they cannot be read")
    for reason, n in found.left_out.items():
        print(f"{n} left out: {reason}")
