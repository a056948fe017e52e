"""Write a page of the run: one HTML file that opens from disk, without a network.

Shows the run in numbers, every layer's SAEs and linear probes, kinds of features, candidates for
missing annotation, and the best features of each layer with their strongest proteins. Which
models, layers and variants there are is read from features.parquet.

example:
  protsae report --results results --output results/report.html
"""

import argparse
from pathlib import Path

from protsae.config.flags import add_flags, settings_from_flags
from protsae.config.stage_settings import ReportSettings
from protsae.io.atomic import atomic_path
from protsae.report.page import render_page
from protsae.report.page_data import read_page_data


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command line."""
    parser.add_argument("--results", required=True, metavar="DIR", help="folder of the run")
    parser.add_argument("--output", required=True, metavar="FILE", help="page to write (.html)")
    parser.add_argument(
        "--labels", nargs="+", default=(), metavar="FILE", help="the label files given to annotate"
    )
    add_flags(parser, ReportSettings)


def run(args: argparse.Namespace) -> None:
    """Read, render, write; prints where the page and the table are."""
    settings = settings_from_flags(ReportSettings, args)
    page = render_page(read_page_data(args.results, settings.features_per_layer, args.labels))
    with atomic_path(args.output) as temporary:
        temporary.write_text(page, encoding="utf-8")
    print(f"feature table: {Path(args.results) / 'features.tsv'} (and features.parquet)")
    print(f"report: {args.output}")
