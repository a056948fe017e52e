"""Pack what protsae explain needs of a run into one file to share: an atlas.

SAEs, thresholds, what each feature detects with its baselines, calibration, a card, and the
identity of the model, which is not in it. An atlas carries a few short test proteins, by which it
tells re-saved weights of its model from other ones. protsae explain --atlas reads it.

example:
  protsae pack results --output atlas.zip --licence CC-BY-4.0
"""

import argparse
from pathlib import Path

from protsae.stages.atlas.pack_atlas import pack_atlas, packed_lines
from protsae.stages.atlas.run_card import NO_LICENCE
from protsae.stages.run_object.open_run import read_run


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command line."""
    parser.add_argument("results", metavar="RESULTS", help="a finished run")
    parser.add_argument(
        *("-o", "--output"), required=True, metavar="ATLAS", help="a .zip, or a new folder"
    )
    parser.add_argument("--model", help="its ESM-2 (default: as the run's config.yaml says)")
    parser.add_argument("--layers", type=int, nargs="+", help="layers to use (default: all)")
    parser.add_argument("--saes", nargs="+", help="names of SAEs (default: all)")
    parser.add_argument(
        "--licence",
        default=NO_LICENCE,
        metavar="TEXT",
        help="licence of the atlas (default: %(default)s)",
    )


def run(args: argparse.Namespace) -> None:
    """Pack, and say how large it is."""
    target = Path(args.output)
    chosen = args.model, args.layers, args.saes, args.licence
    document = pack_atlas(read_run(args.results), target, *chosen)
    print("\n".join(packed_lines(target, document)))
