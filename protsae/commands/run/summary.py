"""Say what a finished run found, what it took and what to open.

Prints the lines that the workflow ends with: which features are above all baselines, how many are
called, the best feature for each concept with its interval, and processor time and memory of every
stage.

example:
  protsae summary results
"""

import argparse

from protsae.screen.run_summary import summary_lines


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command line."""
    parser.add_argument("results", metavar="RESULTS", help="results folder of a run")


def run(args: argparse.Namespace) -> None:
    """Read, print."""
    for line in summary_lines(args.results):
        print(line)
