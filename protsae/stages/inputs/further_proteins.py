"""Further proteins for SAEs to train on: read from files, without relatives of valid and test."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

import pandas as pd

from protsae.config.settings import parse_settings
from protsae.config.stage_settings import FetchSettings, SplitSettings
from protsae.errors import UserError
from protsae.io.json_files import read_document
from protsae.io.mmseqs import find_relatives
from protsae.io.progress import progress
from protsae.io.protein_files.any_format import read_proteins
from protsae.io.table_files.parquet import read_metadata
from protsae.one_line import cut, note
from protsae.proteins.filters import LONGEST_NAME, ProteinCounts, filter_proteins
from protsae.proteins.records import Protein
from protsae.proteins.split_names import SPLITS
from protsae.schema.protein_tables import FURTHER
from protsae.stages.fetch_proteins import protein_row

COPY = "copies of annotated proteins"
RELATIVE = "relatives of validation or test proteins"
SEEN_BEFORE = "duplicate sequence"


@dataclass
class FurtherFile:
    """What became of the proteins of one file.

    Attributes
    ----------
    path : str
    counts : ProteinCounts
    kept : list of Protein
    """

    path: str
    counts: ProteinCounts = field(default_factory=ProteinCounts)
    kept: list[Protein] = field(default_factory=list)

    def leave_out(self, protein: Protein, reason: str) -> None:
        """Count a protein that the filter kept as left out after all."""
        self.counts.kept -= 1
        self.counts.drop(protein.accession, reason)

    def line(self) -> str:
        """What is kept, and what is left out by reason."""
        n_residues = sum(len(protein.sequence) for protein in self.kept)
        reasons = self.counts.dropped.most_common()
        left_out = ", ".join(f"{n:,} {reason}" for reason, n in reasons)
        text = (
            f"{self.path}: {len(self.kept):,} of {self.counts.read:,} further proteins kept, "
            f"{n_residues:,} residues{'; left out: ' if left_out else ''}{left_out}"
        )
        return note(text)


def further_proteins(
    paths: Sequence[str],
    proteins: pd.DataFrame,
    limits: FetchSettings,
    split: SplitSettings,
    threads: int = 1,
    say: Callable[[str], None] = lambda line: None,
) -> tuple[pd.DataFrame, list[FurtherFile]]:
    """Proteins of files that SAEs may train on beside the train split.

    Left out are copies of annotated proteins, relatives of those of valid and test by the rule that
    made the homology clusters, copies within and between the files, and what ``limits`` leave out.

    Parameters
    ----------
    paths : sequence of str
        FASTA (or UniProt JSON or Swiss-Prot text, whose annotations are not read), also gzipped.
    proteins : DataFrame
        The annotated proteins: rows of proteins.parquet.
    limits, split : FetchSettings, SplitSettings
        Those that the annotated proteins were filtered and split by.
    threads : int
        Of MMseqs2; they do not change the result.
    say : function
        Told about characters that were guessed.

    Returns
    -------
    further : DataFrame
        Columns of `further` in docs/tables.md, in the order of the files.
    files : list of FurtherFile

    Raises
    ------
    UserError
        If a file cannot be read, a sequence is refused, an accession stands for two sequences,
        MMseqs2 fails or nothing is left.
    """
    files = list(_read_all(paths, proteins, limits, say))
    _leave_out_relatives(files, proteins, split, threads)
    kept = [protein for file in files for protein in file.kept]
    if not kept:
        dropped = sum((file.counts.dropped for file in files), Counter[str]())
        reasons = ", ".join(f"{n:,} {reason}" for reason, n in dropped.most_common())
        raise UserError(
            f"further_proteins: none of {dropped.total():,} proteins is left ({reasons}); give "
            "others, or none"
        )
    rows = [protein_row(protein) for protein in kept]
    return pd.DataFrame(rows, columns=FURTHER.names), files


def limits_of(provenance: str, protein_set: str) -> FetchSettings:
    """The settings that the annotated proteins were fetched with.

    Parameters
    ----------
    provenance : str
        provenance.json.
    protein_set : str
        Checksum of the annotated proteins.

    Raises
    ------
    UserError
        If the file is damaged or of other proteins.
    """
    document = read_document(provenance)
    if (found := document.get("protein_set_sha256")) != protein_set:
        raise UserError(
            f"{provenance}: of protein set {str(found)[:12]}, but the proteins given are "
            f"{protein_set[:12]}; give the provenance.json of their fetch"
        )
    return parse_settings(FetchSettings, document["settings"], provenance)


def split_settings_of(path: str) -> SplitSettings:
    """The settings that proteins.parquet was split by, as it states them."""
    return parse_settings(SplitSettings, read_metadata(path).get("settings", {}), path)


def _read_all(
    paths: Sequence[str],
    proteins: pd.DataFrame,
    limits: FetchSettings,
    say: Callable[[str], None],
) -> Iterator[FurtherFile]:
    """The proteins of each file that the limits keep and that are no copies."""
    annotated = dict(zip(proteins["accession"], proteins["sequence"], strict=True))
    held_out = set(_held_out(proteins))
    sequence_of, file_of = dict(annotated), dict.fromkeys(annotated, "the annotated proteins")
    copies = dict.fromkeys(annotated.values(), COPY) | dict.fromkeys(held_out, RELATIVE)
    for path in paths:
        file, left_out = FurtherFile(path), list[tuple[Protein, str]]()
        records = progress(read_proteins(path, say=say), f"reading {path}", "proteins")
        for protein in filter_proteins(records, limits, path, file.counts):
            name, sequence = protein.accession, protein.sequence
            known = sequence_of.setdefault(name, sequence)
            where = file_of.setdefault(name, path)
            if known != sequence and limits.duplicate_accessions == "error":
                raise UserError(
                    f"{path}: record {file.counts.read}: accession {cut(name, LONGEST_NAME)} is in "
                    f"{where}, too, with another sequence; rename or remove the record, or leave "
                    "such records out with fetch.duplicate_accessions: first"
                )
            if reason := copies.get(sequence) or (known != sequence and "duplicate accession"):
                left_out.append((protein, reason))
            else:
                file.kept.append(protein)
                copies[sequence] = SEEN_BEFORE
        for protein, reason in left_out:  # now that the filter counts no more
            file.leave_out(protein, reason)
        yield file


def _leave_out_relatives(
    files: Sequence[FurtherFile], proteins: pd.DataFrame, split: SplitSettings, threads: int
) -> None:
    """Leave out what is related to a protein of valid or test."""
    sequences = [protein.sequence for file in files for protein in file.kept]
    if not sequences:
        return
    held_out = _held_out(proteins)
    pairs = find_relatives(sequences, held_out, split.identity, split.coverage, threads)
    related = {sequences[index] for index in set(pairs[:, 0].tolist())}
    for file in files:
        for protein in file.kept:
            if protein.sequence in related:
                file.leave_out(protein, RELATIVE)
        file.kept = [protein for protein in file.kept if protein.sequence not in related]


def _held_out(proteins: pd.DataFrame) -> list[str]:
    """Sequences of valid and test."""
    return proteins.loc[proteins["split"].isin(SPLITS[1:]), "sequence"].tolist()
