"""Write activations of a feature on a protein structure, as FORMAT.

Each chain is mapped to a protein by sequence, as in protsae labels, and each residue gets the
activation at its position. "structure" copies the PDB or mmCIF file with activations in place
of B-factors (-1 where none is known); "defattr" writes an attribute of residues for ChimeraX, and
takes several features. Proteins come from the run, or from --fasta and through the model.

examples:
  protsae export structure --structure 1pga.cif --feature 6/topk/246 --output coloured.cif
  protsae export defattr --structure 1pga.cif --feature 6/topk/246 --output 1pga.defattr
  protsae export structure --structure mine.pdb --fasta mine.fasta --feature 6/topk/246 \\
    --output coloured.pdb
"""

import argparse

from protsae.stages.exporting.feature_on_structure import coloured_lines
from protsae.stages.run_object.open_run import read_run

TOLD = {
    "structure": "a PDB or mmCIF file with a feature as B-factor",
    "defattr": "features as attributes of residues, for ChimeraX",
}


def add_arguments(parser: argparse.ArgumentParser, name: str) -> None:
    """Declare the command line."""
    add = parser.add_argument
    add("--structure", required=True, metavar="FILE", help="PDB or mmCIF, plain or .gz")
    several = {"nargs": "+"} if name == "defattr" else {}
    add("--feature", required=True, metavar="FEATURE", help="name, such as 6/topk/246", **several)
    add("--chains", nargs="+", default=[], metavar="CHAIN", help="chains (default: all)")
    of = parser.add_mutually_exclusive_group()
    of.add_argument("--protein", metavar="ACCESSION", help="match only this protein")
    of.add_argument("--fasta", metavar="FILE", help="proteins in place of the run's")
    if name == "structure":
        add("--percent", action="store_true", help="write percent of the largest on test")


def write(args: argparse.Namespace) -> list[str]:
    """Write, and what to say."""
    export = read_run(args.run).export
    choice = {"chains": tuple(args.chains), "protein": args.protein, "fasta": args.fasta}
    given = args.structure, args.output, args.feature
    if args.format == "defattr":
        return coloured_lines(export.defattr(*given, **choice))
    return coloured_lines(export.structure(*given, args.percent, **choice), args.percent)
