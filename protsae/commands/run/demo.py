"""Run the workflow on the bundled proteins in about a minute, to see what it produces.

It trains one SAE on each of two layers of the bundled model, without some of the baselines that a
finding needs. It writes to results-demo and downloads nothing. Takes any argument of `protsae run`.

example:
  protsae demo --cores 2
"""

import argparse
from pathlib import Path

from protsae.commands.run import run as workflow
from protsae.config.shipped_defaults import pipeline_folder
from protsae.errors import UserError

SETTINGS = "config/demo.yaml"

LEFT_OUT = """\
A demo: layers 3 and 6, one TopK SAE each, trained for 300 steps.
Left out (`protsae run` has it): the other layers, ReLU SAEs, the permuted model, one-hot
sequences and neurons as baselines, most of the evaluation's masks, most residues that probes are
fitted to, k-sparse probes, what features of layer 3 do to predictions, and most of the features
that are edited one by one.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare those of `protsae run`."""
    workflow.add_arguments(parser)
    parser.usage = "protsae demo [any argument of protsae run]"


def run(args: argparse.Namespace) -> None:
    """Say what is left out, then run the workflow with the settings of the demo.

    Raises
    ------
    UserError
        If the current folder has settings of its own: they would change the demo.
    """
    own = Path("config.yaml")
    if own.is_file() and not own.samefile(pipeline_folder() / own):
        raise UserError(
            f"{own.resolve()}: its settings would change the demo; expected a folder without a "
            "config.yaml; run the demo in another folder, or protsae run in this one"
        )
    print(LEFT_OUT)
    args.config = [[SETTINGS], *args.config]
    workflow.run(args)
