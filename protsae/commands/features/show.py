"""Show a feature of a run on the terminal: what it detects, how surely, and where.

Prints its concept with F1, verdict and baselines; whether it recurs with other seeds; how active it
is; the amino acids that are enriched around its peaks; and examples at every strength, with those
in which it disagrees with the annotation. The name of a feature is LAYER/SAE/FEATURE, or
MODEL/LAYER/SAE/FEATURE for one-hot sequences and permuted models.

Any other words list the features of the run's model that detect a concept with all these words in
its name or synonyms, or that have them in their label; the beginning of a word is enough. Without
words, lists the concepts that features are called for. Called (q <= 0.05) means that a feature
detects a concept better than chance; it is a finding only if it is above all baselines, too.
docs/scores.md has more.

examples:
  protsae show signal peptide
  protsae show
  protsae show 6/topk/246
  protsae show onehot/0/topk/12 --run results
"""

import argparse
import shutil
import sys
from pathlib import Path

from protsae.inspection.feature_lines import WIDTH
from protsae.inspection.feature_name import parse_feature_name
from protsae.inspection.feature_search import is_search, run_lines
from protsae.inspection.run_feature import read_feature
from protsae.run.layout import model_name
from protsae.run.run_places import read_run_config


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command line."""
    parser.add_argument(
        "feature",
        nargs="*",
        metavar="FEATURE",
        help="its name, such as 6/topk/246, or words to look for, such as signal peptide",
    )
    parser.add_argument(
        *("--run", "--results"),
        dest="results",
        default="results",
        metavar="RESULTS",
        help="folder of the run (%(default)s)",
    )


def run(args: argparse.Namespace) -> None:
    """Read, print: as wide as the terminal, 80 columns elsewhere."""
    results = Path(args.results)
    config = read_run_config(results)
    is_terminal = sys.stdout.isatty()
    width = max(WIDTH, shutil.get_terminal_size().columns if is_terminal else WIDTH)
    words = " ".join(args.feature)
    if not args.feature or is_search(words):
        lines = run_lines(results, model_name(config), words, width)
    else:
        name = parse_feature_name(words, results, config)
        lines = read_feature(results, name).lines(width, is_terminal)
    print("\n".join(lines))
