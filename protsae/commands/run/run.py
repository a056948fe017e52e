"""Run the workflow in the current folder, by Snakemake.

Settings are protsae's defaults, overridden by config.yaml in the current folder, if there is one,
and then by --config. Paths in them start from the current folder (or Snakemake's --directory).
All arguments but --config go to Snakemake: see `snakemake --help`. Without --cores, --jobs or a
profile, it uses all cores. Targets are stages or files; without one, it makes everything.

examples:
  protsae run --cores 4
  protsae run evaluate --config mine.yaml results=results-mine
  protsae run --workflow-profile slurm
  protsae run -n
"""

import argparse
import importlib.util
import os

from protsae.run.snakemake_call import replace_process, snakemake_call


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what is not Snakemake's own."""
    parser.usage = (
        "protsae run [TARGET ...] [--config FILE|KEY=VALUE ...] [--cores N | --profile P] "
        "[any argument of Snakemake]"
    )
    parser.add_argument(
        *("--config", "-C", "--configfile", "--configfiles"),
        dest="config",
        action="append",
        nargs="+",
        default=[],
        metavar="FILE|KEY=VALUE",
        help="YAML files of settings, later ones overriding earlier ones, then single settings; "
        "name files that protsae ships by their path, such as config/sweep.yaml",
    )


def run(args: argparse.Namespace) -> None:
    """Become Snakemake."""
    if importlib.util.find_spec("snakemake") is None:
        raise ModuleNotFoundError(name="snakemake")
    replace_process(snakemake_call(args.config, args.passed_on, os.environ))
