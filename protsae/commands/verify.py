"""Check every file of a run: whole, as it was written, and made from the others.

Reads all files that config.yaml in the results asks for, compares their checksums and what they
state of each other, and looks for files that no rule writes and for what killed stages left. Stages
that have not run are named, and are no problem. Prints a line for each problem, and exits with
status 2 if there are any.

example:
  protsae verify results
"""

import argparse
import os
from pathlib import Path

from protsae.errors import UserError
from protsae.flags import add_threads_flag
from protsae.verification.whole_run import verify_run


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command line."""
    parser.add_argument("results", metavar="RESULTS", help="results folder of a run")
    add_threads_flag(parser, default=len(os.sched_getaffinity(0)))


def run(args: argparse.Namespace) -> None:
    """Check, print; raises UserError if there are problems."""
    found = verify_run(Path(args.results), args.threads)
    for problem in found.problems:
        print(problem)
    if found.not_run:
        print(f"not run yet: {', '.join(found.not_run)}")
    size = f"{found.n_files:,} files, {found.n_bytes / 1e6:,.0f} MB"
    if found.problems:
        raise UserError(f"{args.results}: {len(found.problems):,} problems in {size}")
    print(f"{args.results}: {size}: whole, and made from each other")
