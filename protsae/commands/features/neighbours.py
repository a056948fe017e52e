"""Set the features of a run beside one another: neighbours, communities, a map, and matches.

Each feature's nearest by decoder vector, by the residues and by the proteins they are active at,
with what explains that most cheaply; communities, with the concepts they are about; the feature of
the next layer (and of other SAEs) that stands for it, tested on other proteins; and where
the feature of a narrower concept is active in place of that of a broader one (absorption). Reads a
finished run. Writes neighbours, map, communities, matches and absorption as .parquet, and
the matches as a graph, .json and .graphml; docs/tables.md explains the columns.

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
