"""Trace a number that the model computes for a residue back to features, layer by layer.

The number is what --of says: a position for log p of the residue there, a variant such as A45V for
its log-odds, or CONCEPT@POSITION for the logit of the concept's linear probe. Each active feature
at each residue, and the error of each residue, gets its part by integrated gradients and by
gradient x activation. They sum to the number less that of a protein without features and errors.
Some are ablated one by one, and the screen says how well attributions rank what that does. Writes
attributions and attribution_checks, as .parquet and .tsv.

examples:
  protsae attribute --protein B5SY89 --of 12 --sae topk
  protsae attribute --protein B5SY89 --of L12P --of SIGNAL@12 --layers 2 4 --probe-layer 4
  protsae attribute --sequence MKTAYIAKQRQISFVKSHFSRQ --of K8E --output k8e
"""

import argparse

from protsae.config.flags import add_threads_flag, seed_number, whole_number
from protsae.io.atomic import validate_output_folder
from protsae.screen.interventions.attributed_lines import attributed_lines, said_at_end
from protsae.stages.attributing.attribute_outputs import attribute_outputs
from protsae.stages.attributing.attributed_layer import Amounts
from protsae.stages.attributing.attribution_files import write_attributed
from protsae.stages.attributing.concept_probe import probe_line
from protsae.stages.run_object.open_run import read_run
from protsae.stages.scoring_variants.given_variants import one_protein


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command line."""
    protein = parser.add_mutually_exclusive_group(required=True)
    protein.add_argument("--fasta", metavar="FILE", help="a protein, plain or .gz; - for stdin")
    protein.add_argument("--sequence", metavar="LETTERS", help="a protein")
    protein.add_argument("--protein", metavar="ACCESSION", help="a protein of the run")
    parser.add_argument(
        "--of", metavar="OUTPUT", action="append", required=True, help="number to trace; repeatable"
    )
    parser.add_argument("--run", default="results", metavar="RESULTS", help="(%(default)s)")
    parser.add_argument("--model", help="path or name of the ESM-2 (default: that of the run)")
    parser.add_argument("--layers", type=int, nargs="+", help="layers (default: all with SAEs)")
    parser.add_argument("--sae", metavar="NAME", help="name of the SAEs (default: the first)")
    reads = "layer that probes read (default: the last of --layers)"
    parser.add_argument("--probe-layer", type=int, metavar="N", help=reads)
    most = "top features at residues to write for each layer (default: %(default)s)"
    parser.add_argument("--top", type=whole_number, default=Amounts.n_rows, help=most)
    drawn = "features to ablate at random in each layer (default: %(default)s)"
    parser.add_argument("--ablations", type=whole_number, default=Amounts.n_sampled, help=drawn)
    parser.add_argument("--seed", type=seed_number, default=Amounts.seed, help="random seed")
    parser.add_argument(
        "--output", default="attribute", metavar="DIR", help="folder to write (%(default)s)"
    )
    add_threads_flag(parser)


def run(args: argparse.Namespace) -> None:
    """Attribute, write, say."""
    validate_output_folder(args.output)
    source = read_run(args.run)
    name, sequence = one_protein(args.sequence, args.fasta, args.protein, source.protein)
    opened = source.attribution(args.sae, args.layers, args.model, args.threads)
    amounts = Amounts(args.top, args.ablations, args.seed)
    found = attribute_outputs(opened, name, sequence, args.of, args.probe_layer, amounts)
    write_attributed(args.output, found, amounts, opened.made_from)
    for line in (
        *map(probe_line, found.probes),
        *attributed_lines(found.nodes, found.checks),
        *said_at_end(args.output),
    ):
        print(line)
