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
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path

from protsae.config.flags import add_flags, settings_from_flags
from protsae.config.stage_settings import FetchSettings
from protsae.one_line import note
from protsae.stages.fetch_proteins import Fetched, fetch_proteins


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Flags of the stage: the fetch settings and the output folder."""
    parser.add_argument("--output", required=True, metavar="DIR", help="folder for the tables")
    add_flags(parser, FetchSettings)


def run(args: argparse.Namespace) -> None:
    """Fetch, filter and write; prints what was kept and what was not."""
    settings = settings_from_flags(FetchSettings, args)
    output = Path(args.output)
    found = fetch_proteins(settings, output, print)
    for line in summary(found):
        print(line)
    if settings.annotations is not None:
        text = f"{settings.annotations}: {found.matches}, {found.features.outside()}"
        print(note(text) if found.matches.unmatched or found.features.beyond else f"  {text}")
    elif found.features.beyond:
        print(note(found.features.outside()))
    print(f"wrote {output}/fetched.parquet, annotations.parquet and provenance.json")


def summary(found: Fetched) -> Iterator[str]:
    """How many proteins and features were kept, and why others were not."""
    proteins, counts = found.proteins, found.counts
    yield f"proteins: {proteins.kept:,} of {proteins.read:,} kept"
    changed = counts["proteins"]["changed"]
    for name, by_kind in (("dropped", proteins.dropped_by_name()), ("changed", changed)):
        if by_kind:
            yield note(f"proteins {name}: {_listed(by_kind)}")
    features = counts["features"]
    yield f"features: {sum(features['kept'].values()):,} of {len(features['kept'])} types kept"
    if features["uncertain"]:
        uncertain = _listed(features["uncertain"])
        yield f"  without exact ends, so that residues are unknown: {uncertain}"
    if features["left_out"]:
        by_type = {key: sum(reasons.values()) for key, reasons in features["left_out"].items()}
        yield note(f"features left out: {_listed(by_type)}")
        by_reason: Counter[str] = Counter()
        for reasons in features["left_out"].values():
            by_reason.update(reasons)
        yield f"  because: {_listed(by_reason)}"


def _listed(counts: Mapping[str, int]) -> str:
    ordered = sorted(counts.items(), key=lambda item: -item[1])
    return ", ".join(f"{n:,} {name}" for name, n in ordered)
