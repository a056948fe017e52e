"""Write where features are on in proteins of the run, as FORMAT.

A segment is a run of residues at which a feature is above its threshold. It has the feature's
concept and label and the activation at its peak. Coordinates are positions in
the protein. For proteins that are not in the run, use protsae explain.

examples:
  protsae export FORMAT --features 6/topk/246 --output signal.FORMAT
  protsae export FORMAT --saes 6/topk --only above --proteins P06654 P03023 --output two.FORMAT
"""

import argparse

from protsae.errors import UserError
from protsae.features.protein_segments import LEVELS
from protsae.stages.exporting.exported_segments import segment_lines
from protsae.stages.run_object.open_run import read_run

TOLD = {
    "gff3": "active segments of features on proteins",
    "bed": "the same as BED",
}


def add_arguments(parser: argparse.ArgumentParser, name: str) -> None:
    """Declare the command line."""
    add = parser.add_argument
    add("--features", nargs="+", default=[], metavar="FEATURE", help="names, such as 6/topk/246")
    add("--saes", nargs="+", default=[], metavar="LAYER/SAE", help="SAEs (default: all but frozen)")
    add(
        "--only",
        choices=LEVELS,
        help="features to write: all, those with a concept, called for it (q ≤ 0.05), "
        "called for one that the sequence does not define (annotated, the default), or above all "
        "baselines",
    )
    add("--concept", help="only features with this concept")
    add("--proteins", nargs="+", default=[], metavar="ACCESSION", help="proteins (default: all)")


def write(args: argparse.Namespace) -> list[str]:
    """Write, and what to say.

    Raises
    ------
    UserError
        If features are both named and filtered.
    """
    by: dict[str, object] = {}
    if args.features:
        if args.saes or args.only or args.concept:
            raise UserError("--features names them; leave out --saes, --only and --concept")
    else:
        by = {"saes": args.saes, "level": args.only or "annotated", "concept": args.concept}
    writer = getattr(read_run(args.run).export, args.format)
    return segment_lines(writer(args.output, args.features, proteins=args.proteins, **by))
