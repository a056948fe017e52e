"""Write a run's features as files of other programs: AnnData, GFF3, structures, SAELens.

Choose a format: anndata (.h5ad for scanpy), gff3 and bed (segments for genome browsers),
structure (PDB or mmCIF with a feature as B-factor), defattr (the same for ChimeraX), saelens (an
SAE as a folder) and huggingface (SAEs with a model card; nothing is uploaded).
protsae export FORMAT --help explains each.

examples:
  protsae export anndata --sae 6/topk --output features.h5ad
  protsae export gff3 --only called --concept SIGNAL --output signal.gff3
  protsae export structure --structure 1pga.cif --feature 6/topk/246 --output coloured.cif
  protsae export huggingface --licence CC-BY-4.0 --output repository
"""

import argparse
import importlib
from types import ModuleType

FORMATS = {
    "anndata": "to_anndata",
    "gff3": "to_segments",
    "bed": "to_segments",
    "structure": "to_structure",
    "defattr": "to_structure",
    "saelens": "to_sae_folder",
    "huggingface": "to_sae_folder",
}
"""Formats, and the modules beside this one that declare and write them."""


def format_module(name: str) -> ModuleType:
    """The module of a format: flags in ``add_arguments``, work in ``write``."""
    return importlib.import_module(f"protsae.commands.exports.{FORMATS[name]}")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the formats, each with flags of its own."""
    formats = parser.add_subparsers(dest="format", required=True, metavar="FORMAT")
    for name in FORMATS:
        module = format_module(name)
        own = formats.add_parser(
            name,
            help=module.TOLD[name],
            description=str(module.__doc__).replace("FORMAT", name),
            formatter_class=argparse.RawDescriptionHelpFormatter,
            allow_abbrev=False,
        )
        module.add_arguments(own, name)
        own.add_argument("--run", default="results", metavar="RESULTS", help="(%(default)s)")
        own.add_argument("--output", required=True, metavar="PATH", help="file or folder to write")


def run(args: argparse.Namespace) -> None:
    """Write, say what."""
    print("\n".join(format_module(args.format).write(args)))
