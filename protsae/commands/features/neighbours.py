"""Say how the features of a run relate: neighbours, communities, a map, matches and absorption.

Neighbours of a feature are those with the nearest decoder vectors, or active at the same residues
or in the same proteins. Each value is given with that of unrelated features. Communities are listed
with their concepts. A match is the same feature in the next layer or in another SAE,
tested on other proteins. Absorption is where the feature of a narrower concept is active in place
of that of a broader one. Reads a finished run. Writes each as .parquet, and the matches as a graph,
.json and .graphml, too; docs/tables.md explains the columns.

example:
  protsae neighbours --results results --saes topk --output results/neighbours
"""

import argparse

import torch

from protsae.config.flags import add_flags, add_threads_flag, settings_from_flags
from protsae.config.stage_settings import NeighbourSettings
from protsae.stages.neighbouring.neighbour_files import neighbour_lines, write_neighbours
from protsae.stages.neighbouring.relate_features import relate_features
from protsae.stages.neighbouring.related_run import RelatedRun


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command line."""
    parser.add_argument("--results", required=True, metavar="DIR", help="folder of the run")
    parser.add_argument("--output", required=True, metavar="DIR", help="folder for the tables")
    add_threads_flag(parser)
    add_flags(parser, NeighbourSettings)


def run(args: argparse.Namespace) -> None:
    """Relate, write, say what was found."""
    torch.set_num_threads(args.threads)
    found = RelatedRun.open(args.results)
    tables = relate_features(found, settings_from_flags(NeighbourSettings, args))
    write_neighbours(args.output, tables, found)
    print("\n".join(neighbour_lines(tables, found)))
