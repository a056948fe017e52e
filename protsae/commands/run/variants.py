"""Score variants of a protein, and say which features of a run they change.

A variant is one residue replaced by another, as in A23V, or several, as in A23V:G40D. Its log-odds
are log p(new residue) - log p(residue that is there) by ESM-2, with the residue masked and without.
Several substitutions are scored as the sum over them. Features are those of the SAEs of a run or an
atlas, compared within ± 8 residues of the sites. Writes variants and variant_features, as .parquet
and .tsv.

examples:
  protsae variants --protein P0A7T7 --mutants R23A R23A:K29E
  protsae variants --fasta blat.fasta --table scan.csv --output scan
  protsae variants --sequence MKTAYIAKQRQISFVKSHFSRQ --all --esm esm2_t33_650M_UR50D
"""

import argparse

from protsae.config.flags import add_threads_flag, whole_number
from protsae.io.atomic import validate_output_folder
from protsae.screen.variant_lines import said_at_end, variant_lines
from protsae.stages.atlas.open_atlas import read_atlas
from protsae.stages.run_object.open_run import Run, read_run
from protsae.stages.scoring_variants.change_features import mutant_changes
from protsae.stages.scoring_variants.given_variants import given_mutants, one_protein
from protsae.stages.scoring_variants.open_scoring import scoring_alone, scoring_of
from protsae.stages.scoring_variants.score_mutants import scored_mutants, worst
from protsae.stages.scoring_variants.variant_files import SHOWN, write_variants


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command line."""
    protein = parser.add_mutually_exclusive_group(required=True)
    protein.add_argument("--fasta", metavar="FILE", help="a protein, plain or .gz; - for stdin")
    protein.add_argument("--sequence", metavar="LETTERS", help="a protein")
    protein.add_argument("--protein", "--accession", dest="accession", help="of the run")
    mutants = parser.add_mutually_exclusive_group(required=True)
    mutants.add_argument("--mutants", nargs="+", metavar="MUTANT", help="such as A23V A23V:G40D")
    mutants.add_argument("--table", metavar="FILE", help="one mutant per line, or a column mutant")
    mutants.add_argument("--all", action="store_true", help="all single substitutions")
    source = parser.add_mutually_exclusive_group()
    source.add_argument("--run", default="results", metavar="RESULTS", help="(%(default)s)")
    source.add_argument("--atlas", metavar="ATLAS", help="an atlas instead of a run")
    source.add_argument("--esm", metavar="MODEL", help="only an ESM-2: log-odds, no features")
    parser.add_argument("--model", help="path or name of the ESM-2, if it has moved")
    parser.add_argument("--layers", type=int, nargs="+", help="layers (default: all with SAEs)")
    parser.add_argument("--saes", nargs="+", help="names of SAEs (default: all)")
    often = "mutants whose features are computed, by rising masked log-odds (default: all; 100 of "
    parser.add_argument("--features", type=whole_number, metavar="N", help=f"{often}--all)")
    most = "features to write for each mutant (default: %(default)s)"
    parser.add_argument("--top", type=whole_number, default=20, metavar="N", help=most)
    parser.add_argument("--output", default="variants", metavar="DIR", help="(%(default)s)")
    add_threads_flag(parser)


def run(args: argparse.Namespace) -> None:
    """Score, then follow the features of the mutants that the model expects least."""
    validate_output_folder(args.output)
    source = None if args.esm else read_atlas(args.atlas) if args.atlas else read_run(args.run)
    of_run = source.protein if isinstance(source, Run) else None
    name, sequence = one_protein(args.sequence, args.fasta, args.accession, of_run)
    mutants = given_mutants(args.mutants, args.table, name, sequence)
    opened = (args.model, args.layers, args.saes, args.threads)
    own = scoring_of(source.explainer(*opened)) if source else scoring_alone(args.esm, args.threads)
    scores = scored_mutants(own.embedder, name, sequence, mutants)
    wanted = worst(scores, own.n_wanted(len(mutants), args.features, args.all))
    chosen = [mutants[i] for i in wanted]
    changes = mutant_changes(own.explainer, sequence, chosen) if own.explainer else ()
    about = {"stage": "variants", **own.made_from}
    written = write_variants(args.output, scores, changes, own.saes, args.top, about)
    print("\n".join(variant_lines(*written, SHOWN)))
    print("\n".join(said_at_end(args.output, written[0], len(wanted))))
