"""Say what is active in your proteins: which features of a run, where, and what they detect.

The proteins may be any; they need no annotations. Each goes through the model and the SAEs of the
run, and every feature is on above the threshold at which the run scored its concept. Writes
segments.parquet, segments.tsv and segments.gff3, the surest concepts first in each protein, and
prints those of features that are above all baselines.

examples:
  protsae explain --sequence MKTAYIAKQRQISFVKSHFSRQLEERLGLIEVQAPILSRVGDGTQDNLSGAEKAV
  protsae explain --run results --fasta proteins.fasta.gz --layers 6 --only called --output mine
"""

import argparse

from protsae.config.flags import add_threads_flag
from protsae.features.protein_segments import LEVELS, only
from protsae.one_line import note
from protsae.screen.explained_lines import NO_PROBABILITIES, protein_lines
from protsae.screen.wording import count
from protsae.stages.explaining.given_proteins import ALONE, checked_sequence, read_given
from protsae.stages.explaining.segment_files import open_segments
from protsae.stages.inputs.open_run import read_run


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command line."""
    given = parser.add_mutually_exclusive_group(required=True)
    given.add_argument("--fasta", metavar="FILE", help="proteins, plain or .gz; - for stdin")
    given.add_argument("--sequence", metavar="LETTERS", help="one protein")
    parser.add_argument(
        "--run", default="results", metavar="RESULTS", help="a finished run (default: %(default)s)"
    )
    parser.add_argument(
        "--model", help="path or name of its ESM-2 (default: as the run's config.yaml says)"
    )
    parser.add_argument("--layers", type=int, nargs="+", help="default: all of the model")
    parser.add_argument("--saes", nargs="+", help="names of SAEs (default: all)")
    parser.add_argument(
        "--only",
        choices=LEVELS,
        help="write only features that have a concept, are called for it (q ≤ 0.05), or are above "
        "all baselines (default: all features)",
    )
    parser.add_argument(
        "--output", default="explain", metavar="DIR", help="folder to write (default: %(default)s)"
    )
    add_threads_flag(parser)


def run(args: argparse.Namespace) -> None:
    """Explain one protein after another."""
    alone = [(ALONE, checked_sequence(args.sequence, "--sequence"))] if args.fasta is None else []
    explainer = read_run(args.run).explainer(args.model, args.layers, args.saes, args.threads)
    n_proteins = n_j = n_segments = 0
    with open_segments(args.output, {"stage": "explain", **explainer.made_from}) as writer:
        for name, sequence in alone or read_given(args.fasta):
            segments = explainer(name, sequence)
            print("\n".join(protein_lines(name, len(sequence), segments)), flush=True)
            kept = only(segments, args.only) if args.only else segments
            writer.append(name, len(sequence), kept)
            n_proteins += 1
            n_segments += len(kept)
            n_j += sequence.count("J")
    print(NO_PROBABILITIES)
    if n_j:
        print(note(f"{n_j:,} J read as X (ESM-2 has no J)"))
    what = f"{count(n_segments, 'segment')} of {count(n_proteins, 'protein')}"
    print(f"wrote {args.output}/segments.parquet, .tsv and .gff3: {what}")
