"""Write SAEs of the run as other people load them: as FORMAT.

"saelens" copies one SAE to a new folder, for sae_lens.SAE.load_from_disk. "huggingface" writes a
folder for each SAE with a table of its features, and a model card, laid out as a repository of the
Hugging Face Hub. Nothing is uploaded, and the card should be read before it is.

examples:
  protsae export saelens --sae 6/topk --output topk-6
  protsae export huggingface --saes 3/topk 6/topk --licence CC-BY-4.0 --output repository
"""

import argparse

from protsae.stages.atlas.run_card import NO_LICENCE
from protsae.stages.exporting.chosen_features import parse_sae_name
from protsae.stages.exporting.model_repository import folder_lines, repository_lines
from protsae.stages.run_object.open_run import read_run

TOLD = {
    "saelens": "an SAE as a folder that SAELens loads",
    "huggingface": "SAEs with a model card, laid out as a repository",
}


def add_arguments(parser: argparse.ArgumentParser, name: str) -> None:
    """Declare the command line."""
    add = parser.add_argument
    if name == "saelens":
        add("--sae", required=True, metavar="LAYER/SAE", help="the SAE, such as 6/topk")
    else:
        add("--saes", nargs="+", default=[], metavar="LAYER/SAE", help="(default: all but frozen)")
        add("--licence", default=NO_LICENCE, metavar="TEXT", help="of the card (%(default)s)")


def write(args: argparse.Namespace) -> list[str]:
    """Write, and what to say."""
    own = read_run(args.run)
    if args.format == "huggingface":
        done = own.export.huggingface(args.output, args.saes, args.licence)
        return repository_lines(done, args.licence)
    model, layer, variant = parse_sae_name(args.sae, own.results, own.config)
    return folder_lines(own.export.saelens(args.output, layer, variant, model))
