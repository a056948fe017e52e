"""Check that every file of a run is intact and that they all belong together.

Reads all files that the run's config.yaml asks for, checks their checksums and that each was made
from the others, and looks for files that no rule writes or that killed stages left behind. Stages
that have not run yet are listed; they are no problem. Prints one line per problem, and exits with
status 2 if there is any.

example:
  protsae verify results
"""

import argparse
import os
from pathlib import Path

from protsae.config.flags import add_threads_flag
from protsae.errors import UserError
from protsae.run.verify_run import verify_run


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command line."""
    parser.add_argument("results", metavar="RESULTS", help="results folder of a run")
    add_threads_flag(parser, default=os.cpu_count() or 1)


def run(args: argparse.Namespace) -> None:
    """Check, print; raises UserError if there are problems."""
    found = verify_run(Path(args.results), args.threads)
    for problem in found.problems:
        print(problem)
    if found.not_run:
        print(f"not run yet: {', '.join(found.not_run)}")
    read = f"files read: {found.n_files:,} ({found.n_bytes / 1e6:,.0f} MB)"
    if found.problems:
        raise UserError(f"{args.results}: problems: {len(found.problems):,}; {read}")
    print(f"{args.results}: intact and consistent; {read}")
