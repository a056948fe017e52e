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
import hashlib
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from itertools import islice
from pathlib import Path
from typing import Any

import pandas as pd

from protsae import __version__
from protsae.config.flags import add_flags, settings_from_flags
from protsae.config.stage_settings import FetchSettings
from protsae.io.json_files import write_document
from protsae.io.progress import print_beside, progress
from protsae.io.protein_files.any_format import MatchCounts, read_proteins
from protsae.io.table_files.parquet import TableWriter, open_table
from protsae.io.uniprot.uniprot_rest import fetch_pages, read_pages
from protsae.proteins.entry_features import Annotation, FeatureCounts, select_features
from protsae.proteins.filters import ProteinCounts, filter_proteins
from protsae.proteins.records import Protein
from protsae.provenance import file_sha256
from protsae.schema.protein_tables import ANNOTATIONS, FETCHED

_BATCH = 10_000  # proteins in memory at a time, and in a row group

_NOT_IN_INPUT = "accession not in the FASTA file"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Flags of the stage: the fetch settings and the output folder."""
    parser.add_argument("--output", required=True, metavar="DIR", help="folder for the tables")
    add_flags(parser, FetchSettings)


def run(args: argparse.Namespace) -> None:
    """Fetch, filter and write; prints what was kept and what was not.

    Raises
    ------
    UserError
        For unreadable input, sequences that the settings refuse, or nothing left.
    """
    settings = settings_from_flags(FetchSettings, args)
    output = Path(args.output)
    proteins, features = ProteinCounts(), FeatureCounts()
    source: dict[str, Any] = {}
    matches = MatchCounts()
    kept = filter_proteins(
        _read(settings, output, source, features, matches), settings, settings.input, proteins
    )
    digest = hashlib.sha256()
    with ExitStack() as stack:
        tables = [
            stack.enter_context(open_table(output / f"{table.name}.parquet", table))
            for table in (ANNOTATIONS, FETCHED)
        ]
        _write_tables(kept, features, digest, *tables)
        checksum = digest.hexdigest()
        for table in tables:
            table.describe({"protein_set_sha256": checksum, "source": source})
        # Says that the tables are whole and belong together, so it must not outlive older ones.
        (output / "provenance.json").unlink(missing_ok=True)
    counts = {"proteins": _protein_counts(proteins), "features": _feature_counts(features)}
    write_document(
        output / "provenance.json",
        {
            "format": "protsae-provenance",
            "format_version": 1,
            "protsae_version": __version__,
            "source": source,
            "settings": settings.model_dump(),
            "protein_set_sha256": checksum,
            "counts": counts,
        },
    )
    _print_summary(counts, proteins)
    if settings.annotations is not None:
        print(f"  {settings.annotations}: {matches}, {features.outside()}")
    elif features.beyond:
        print(f"  {features.outside()}")
    print(f"wrote {output}/fetched.parquet, annotations.parquet and provenance.json")


def _read(
    settings: FetchSettings,
    output: Path,
    source: dict[str, Any],
    features: FeatureCounts,
    matches: MatchCounts,
) -> Iterator[Protein]:
    """Proteins of the input, downloaded if need be; ``source`` receives what they came from."""
    source |= {"input": settings.input}
    if settings.query is not None:
        pages = output / "pages"
        download = fetch_pages(settings.api, settings.query, pages, say=print_beside)
        source |= {
            "api": settings.api,
            "query": settings.query,
            "uniprot_release": download.release,
            "entries": download.total,
        }
        return progress(read_pages(pages, download.pages), "reading pages", "proteins")
    return _read_file(settings, source, features, matches)


def _read_file(
    settings: FetchSettings, source: dict[str, Any], features: FeatureCounts, matches: MatchCounts
) -> Iterator[Protein]:
    proteins = read_proteins(settings.input, settings.annotations, matches, print)
    yield from progress(proteins, f"reading {settings.input}", "proteins")
    features.left_out.update({(key, _NOT_IN_INPUT): n for key, n in matches.unmatched.items()})
    source["sha256"] = file_sha256(settings.input)
    if settings.annotations is not None:
        source["annotations"] = settings.annotations
        source["annotations_sha256"] = file_sha256(settings.annotations)


def _write_tables(
    kept: Iterator[Protein],
    counts: FeatureCounts,
    digest: Any,
    annotations: TableWriter,
    proteins: TableWriter,
) -> None:
    while batch := list(islice(kept, _BATCH)):
        for protein in batch:
            digest.update(f"{protein.accession}\t{protein.sequence}\n".encode())
        rows = [_protein_row(protein) for protein in batch]
        proteins.append(pd.DataFrame(rows, columns=FETCHED.names))
        rows = [
            _annotation_row(protein, annotation)
            for protein in batch
            for annotation in select_features(protein, counts)
        ]
        annotations.append(pd.DataFrame(rows, columns=ANNOTATIONS.names))


def _protein_row(protein: Protein) -> tuple[object, ...]:
    return (
        protein.accession,
        protein.entry_name,
        protein.organism,
        protein.taxon_id,
        len(protein.sequence),
        protein.sequence,
    )


def _annotation_row(protein: Protein, annotation: Annotation) -> tuple[object, ...]:
    return (
        protein.accession,
        annotation.type,
        annotation.description,
        annotation.start,
        annotation.end,
        annotation.evidence,
        annotation.certain,
    )


def _protein_counts(counts: ProteinCounts) -> dict[str, Any]:
    return {
        "read": counts.read,
        "kept": counts.kept,
        "dropped": dict(sorted(counts.dropped.items())),
        "changed": dict(sorted(counts.changed.items())),
    }


def _feature_counts(counts: FeatureCounts) -> dict[str, Any]:
    left_out: dict[str, dict[str, int]] = {}
    for (key, reason), n in sorted(counts.left_out.items()):
        left_out.setdefault(key, {})[reason] = n
    return {
        "kept": dict(sorted(counts.kept.items())),
        "uncertain": dict(sorted(counts.uncertain.items())),
        "merged_into_BINDING": dict(sorted(counts.merged.items())),
        "left_out": left_out,
    }


def _print_summary(counts: dict[str, Any], proteins: ProteinCounts) -> None:
    features, changed = counts["features"], counts["proteins"]["changed"]
    print(f"proteins: {proteins.kept:,} of {proteins.read:,} kept")
    for name, by_kind in (("dropped", proteins.dropped_by_name()), ("changed", changed)):
        if by_kind:
            print(f"  {name}: {_listed(by_kind)}")
    print(f"features: {sum(features['kept'].values()):,} of {len(features['kept'])} types kept")
    if features["uncertain"]:
        print(
            f"  without exact ends, so that residues are unknown: {_listed(features['uncertain'])}"
        )
    if features["left_out"]:
        by_type = {key: sum(reasons.values()) for key, reasons in features["left_out"].items()}
        print(f"  left out: {_listed(by_type)}")
        by_reason: Counter[str] = Counter()
        for reasons in features["left_out"].values():
            by_reason.update(reasons)
        print(f"  because: {_listed(by_reason)}")


def _listed(counts: Mapping[str, int]) -> str:
    ordered = sorted(counts.items(), key=lambda item: -item[1])
    return ", ".join(f"{n:,} {name}" for name, n in ordered)
