"""Write the proteins to work on, and the annotations of their residues.

Reads UniProt's REST API (--input uniprot --query ...) or a file: UniProt JSON, Swiss-Prot flat
text or FASTA, plain or gzipped, told apart by content. Writes fetched.parquet,
annotations.parquet and provenance.json; a search of the REST API keeps its pages in pages/, so
that an interrupted one resumes where it stopped.

example:
  protsae fetch --input mine.fasta --annotations mine.tsv --output results/proteins
  protsae fetch --input uniprot --query '(reviewed:true) AND (organism_id:83333)' \\
    --output results/proteins
"""

import argparse
from pathlib import Path

from protsae.config.flags import add_flags, settings_from_flags
from protsae.config.stage_settings import FetchSettings
from protsae.stages.fetch_proteins import fetch_proteins
from protsae.stages.outputs.fetched_lines import fetched_lines


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Flags of the stage: the fetch settings and the output folder."""
    parser.add_argument("--output", required=True, metavar="DIR", help="folder for the tables")
    add_flags(parser, FetchSettings)


def run(args: argparse.Namespace) -> None:
    """Fetch, filter and write; prints what was kept and what was not."""
    settings = settings_from_flags(FetchSettings, args)
    output = Path(args.output)
    found = fetch_proteins(settings, output, print)
    for line in fetched_lines(found, settings.annotations):
        print(line)
    print(f"wrote {output}/fetched.parquet, annotations.parquet and provenance.json")
