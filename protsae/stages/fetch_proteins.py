"""Proteins and annotations of a search or a file, filtered and written as tables."""

import hashlib
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

import pandas as pd

from protsae import __version__
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


@dataclass
class Fetched:
    """What was read, kept, changed and left out.

    Attributes
    ----------
    proteins : ProteinCounts
    features : FeatureCounts
        Of UniProt features, by type.
    matches : MatchCounts
        Of a table of features with the sequences of a FASTA file.
    source : dict
        Where the proteins come from: the file and its checksum, or the query and the release.
    """

    proteins: ProteinCounts = field(default_factory=ProteinCounts)
    features: FeatureCounts = field(default_factory=FeatureCounts)
    matches: MatchCounts = field(default_factory=MatchCounts)
    source: dict[str, Any] = field(default_factory=dict)

    @property
    def counts(self) -> dict[str, Any]:
        """The counts that provenance.json holds."""
        return {
            "proteins": _protein_counts(self.proteins),
            "features": _feature_counts(self.features),
        }


def fetch_proteins(
    settings: FetchSettings, output: Path, tell: Callable[[str], None] = print_beside
) -> Fetched:
    """Write fetched.parquet, annotations.parquet and provenance.json; resumes a killed download.

    Parameters
    ----------
    settings : FetchSettings
    output : Path
        Folder of the tables, and of the pages of a search.
    tell : function of str, optional
        Gets a line on what is read. Progress is shown on stderr.

    Raises
    ------
    UserError
        For unreadable input, sequences that the settings refuse, or nothing left.
    """
    found = Fetched()
    kept = filter_proteins(
        _read(settings, output, found, tell), settings, settings.input, found.proteins
    )
    digest = hashlib.sha256()
    with ExitStack() as stack:
        tables = [
            stack.enter_context(open_table(output / f"{table.name}.parquet", table))
            for table in (ANNOTATIONS, FETCHED)
        ]
        _write_tables(kept, found.features, digest, *tables)
        checksum = digest.hexdigest()
        for table in tables:
            table.describe({"protein_set_sha256": checksum, "source": found.source})
        # Says that the tables are whole and belong together, so it must not outlive older ones.
        (output / "provenance.json").unlink(missing_ok=True)
    write_document(
        output / "provenance.json",
        {
            "format": "protsae-provenance",
            "format_version": 1,
            "protsae_version": __version__,
            "source": found.source,
            "settings": settings.model_dump(),
            "protein_set_sha256": checksum,
            "counts": found.counts,
        },
    )
    return found


def _read(
    settings: FetchSettings, output: Path, found: Fetched, tell: Callable[[str], None]
) -> Iterator[Protein]:
    """Proteins of the input, downloaded if need be; ``found.source`` says where from."""
    found.source |= {"input": settings.input}
    if settings.query is None:
        return _read_file(settings, found, tell)
    pages = output / "pages"
    download = fetch_pages(settings.api, settings.query, pages, say=print_beside)
    found.source |= {
        "api": settings.api,
        "query": settings.query,
        "uniprot_release": download.release,
        "entries": download.total,
    }
    return progress(read_pages(pages, download.pages), "reading pages", "proteins")


def _read_file(
    settings: FetchSettings, found: Fetched, tell: Callable[[str], None]
) -> Iterator[Protein]:
    proteins = read_proteins(settings.input, settings.annotations, found.matches, tell)
    yield from progress(proteins, f"reading {settings.input}", "proteins")
    unmatched = found.matches.unmatched.items()
    found.features.left_out.update({(key, _NOT_IN_INPUT): n for key, n in unmatched})
    found.source["sha256"] = file_sha256(settings.input)
    if settings.annotations is not None:
        found.source["annotations"] = settings.annotations
        found.source["annotations_sha256"] = file_sha256(settings.annotations)


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
        rows = [protein_row(protein) for protein in batch]
        proteins.append(pd.DataFrame(rows, columns=FETCHED.names))
        rows = [
            _annotation_row(protein, annotation)
            for protein in batch
            for annotation in select_features(protein, counts)
        ]
        annotations.append(pd.DataFrame(rows, columns=ANNOTATIONS.names))


def protein_row(protein: Protein) -> tuple[object, ...]:
    """A row of fetched.parquet."""
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
