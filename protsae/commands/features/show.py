"""Show a feature of a run on the terminal: what it detects, how surely, and where.

Prints its concept with F1, verdict and baselines; whether it recurs with other seeds; how active it
is; the amino acids that are enriched around its peaks; and examples at every strength, with those
in which it disagrees with the annotation. The name of a feature is LAYER/SAE/FEATURE, or
MODEL/LAYER/SAE/FEATURE for one-hot sequences and permuted models.

examples:
  protsae show 6/topk/246
  protsae show onehot/0/topk/12 --results results
"""

import argparse
import shutil
import sys
from pathlib import Path

from protsae.inspection.feature_lines import WIDTH
from protsae.inspection.feature_name import parse_feature_name
from protsae.inspection.feature_search import found_features, is_search, search_lines
from protsae.inspection.run_feature import read_feature
from protsae.io.table_files.parquet import read_table
from protsae.run.layout import model_name
from protsae.run.run_places import read_run_config
from protsae.schema.features.feature_tables import FEATURES


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command line."""
    parser.add_argument(
        "feature",
        nargs="+",
        metavar="FEATURE",
        help="its name, such as 6/topk/246, or words to look for, such as signal peptide",
    )
    parser.add_argument(
        "--results", default="results", metavar="RESULTS", help="folder of the run (%(default)s)"
    )


def run(args: argparse.Namespace) -> None:
    """Read, print: as wide as the terminal, 80 columns elsewhere."""
    results = Path(args.results)
    config = read_run_config(results)
    is_terminal = sys.stdout.isatty()
    width = max(WIDTH, shutil.get_terminal_size().columns if is_terminal else WIDTH)
    words = " ".join(args.feature)
    if is_search(words):
        model = model_name(config)
        found = found_features(read_table(results / "features.parquet", FEATURES), model, words)
        lines = search_lines(found, model, words, width)
    else:
        name = parse_feature_name(words, results, config)
        lines = read_feature(results, name).lines(width, is_terminal)
    print("\n".join(lines))
