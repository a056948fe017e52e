"""Change features inside the model, and see what it then predicts, residue by residue.

An edit is FEATURE:ACTION[=AMOUNT][@WHERE]. FEATURE is a name as protsae show takes it, with further
features of its SAE after commas; or a coordinate of a layer, 6/coordinate/17; or a direction in a
file (.npy or text), 6/direction=helix.npy, which is divided by its norm. ACTION: ablate (to 0),
clamp (to an amount), scale (by a factor), add. AMOUNT: an activation, or 2q0.9, 2 x the 0.9
quantile of the feature's positive activations on train. WHERE: residues, "active", or a concept in
proteins of the run; all residues by default. Edits act together, in the order given; all that the
SAE does not explain stays as it is. Writes edited.parquet and edited.tsv, a row for each residue.

examples:
  protsae intervene --protein B5SY89 --edit 4/topk/246:ablate
  protsae intervene --fasta mine.fasta --edit 6/topk/246,17:scale=0.5 --edit 3/topk/17:add=4@active
  protsae intervene --sequence MKTAYIAKQRQISFVKSHF --edit 6/topk/246:clamp=2q0.9@10-15,18
  protsae intervene --protein B5SY89 --edit 6/direction=helix.npy:add=1.5@10-20
"""

import argparse
from pathlib import Path

from protsae.config.flags import add_protein_flags, add_threads_flag
from protsae.io.atomic import validate_output_folder
from protsae.io.table_files.growing_tables import growing_table
from protsae.proteins.alphabet import STANDARD
from protsae.schema.interventions.edited_predictions_table import EDITED
from protsae.screen.interventions.intervened_lines import intervened_lines, said_at_end
from protsae.stages.intervening.intervened_proteins import chosen_proteins, intervened
from protsae.stages.run_object.open_run import read_run


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command line."""
    given = add_protein_flags(parser)
    given.add_argument("--protein", metavar="ACCESSION", nargs="+", help="proteins of the run")
    parser.add_argument(
        "--edit", metavar="EDIT", action="append", required=True, help="edit to make; repeatable"
    )
    parser.add_argument("--run", default="results", metavar="RESULTS", help="(%(default)s)")
    parser.add_argument("--model", help="path or name of the ESM-2 (default: that of the run)")
    parser.add_argument(
        "--unmasked",
        action="store_true",
        help="predict from the whole sequence (default: a residue is masked when it is predicted)",
    )
    parser.add_argument(
        "--output", default="intervene", metavar="DIR", help="folder to write (%(default)s)"
    )
    add_threads_flag(parser)


def run(args: argparse.Namespace) -> None:
    """Edit one protein after another."""
    validate_output_folder(args.output)
    opened = read_run(args.run).edits(args.edit, args.model, args.threads)
    proteins = chosen_proteins(opened, args.protein, args.sequence, args.fasta)
    about = {"stage": "intervene", "is_masked": not args.unmasked, **opened.made_from}
    n_proteins = 0
    with growing_table(Path(args.output), EDITED, about) as writer:
        for name, sequence in proteins:
            found = intervened(opened, name, sequence, not args.unmasked)
            said = intervened_lines(name, found.table, found.change, STANDARD, not args.unmasked)
            print("\n".join(said), flush=True)
            writer.append(found.table)
            n_proteins += 1
    print("\n".join(said_at_end(args.output, n_proteins, opened.is_last_layer)))
