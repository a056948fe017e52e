"""Make a folder for your own run.

Writes config.yaml with the settings that most runs change, a profile for a SLURM cluster, and a
README. It overwrites nothing. The settings run as they are, on the proteins and the model that
come with protsae.

example:
  protsae init my-project
"""

import argparse
import shlex

from protsae.run.project_folder import write_project


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command line."""
    parser.add_argument("folder", metavar="DIR", help="folder to make")


def run(args: argparse.Namespace) -> None:
    """Write the files, name them, say what comes next."""
    for path in write_project(args.folder):
        print(f"wrote {path}")
    print(f"next: cd {shlex.quote(args.folder)}, edit config.yaml, protsae run")
