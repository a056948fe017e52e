"""Write a permuted model: a copy of an ESM-2 that keeps nothing of what it has learned.

The entries of each weight tensor are put in random order, so the copy has the shape and the numbers
of the model but has learned nothing. Features on it come from the architecture and the sequence.

example:
  protsae randomise --model esm2_t6_8M_UR50D --output results/models/esm2_t6_8M_UR50D-permuted.pt
"""

import argparse
from pathlib import Path

from protsae.config.flags import seed_number
from protsae.plm.esm2.load import load_esm
from protsae.plm.esm2.permuted_weights import randomise_
from protsae.plm.esm2.save import save_esm, validate_esm_name


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command line."""
    parser.add_argument("--model", required=True, help="fair-esm name or a local .pt")
    parser.add_argument("--output", required=True, help="esm2*.pt to write, in fair-esm's layout")
    parser.add_argument("--seed", type=seed_number, default=0, help="for the order (default: 0)")


def run(args: argparse.Namespace) -> None:
    """Load, shuffle, save."""
    output = Path(args.output)
    validate_esm_name(output)
    save_esm(randomise_(load_esm(args.model, "cpu").model, args.seed), output)
    print(f"wrote {output}")
