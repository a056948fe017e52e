"""Proteins that somebody asks about: of a FASTA file, of stdin, or a sequence by itself."""

import shutil
import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from protsae.errors import UserError
from protsae.io.atomic import scratch_folder
from protsae.io.protein_files.fasta import read_entries
from protsae.io.text_files import open_text
from protsae.one_line import shown
from protsae.proteins.filters import clean_sequence
from protsae.stages.explaining.invalid_records import (
    InvalidRecords,
    fault_of_name,
    fault_of_sequence,
)

STDIN = "-"
ALONE = "sequence"
"""Name of a sequence that comes without one."""

RESIDUES_TOGETHER = 4096
"""Residues of a group of proteins: enough that a protein's tables take little time beside its
activations, few enough for memory and for the first to be told soon."""


def checked_sequence(sequence: str, where: str) -> str:
    """A sequence as `protsae fetch` cleans it: upper case, no white space, no final ``*``.

    Raises
    ------
    UserError
        If it is empty, or holds anything but letters; the message starts with ``where``.

    Examples
    --------
    >>> checked_sequence("mkv LA*", "P1")
    'MKVLA'
    >>> checked_sequence("MK*V", "x.fasta: P1")
    Traceback (most recent call last):
    protsae.errors.UserError: x.fasta: P1: position 3 holds '*'; expected letters A to Z; ...
    """
    clean, _ = clean_sequence(sequence)
    if fault := fault_of_sequence(clean, where):
        raise UserError(str(fault))
    return clean


def named_sequences(sequences: object, what: str) -> dict[str, str]:
    """Sequences by name, as a Python call gives them: one by itself, or a mapping.

    Parameters
    ----------
    what : str
        Is done with them, for the message.

    Raises
    ------
    UserError
        If it is neither, there is none, or as `checked_sequence`.

    Examples
    --------
    >>> named_sequences("mkv", "explain"), named_sequences({"P1": "MKV"}, "explain")
    ({'sequence': 'MKV'}, {'P1': 'MKV'})
    >>> named_sequences(["MKV"], "explain")
    Traceback (most recent call last):
    protsae.errors.UserError: sequences to explain are a list; expected a sequence, or a mapping ...
    """
    expected = "a sequence, or a mapping of names to sequences"
    named = {ALONE: sequences} if isinstance(sequences, str) else sequences
    if not isinstance(named, Mapping):
        raise UserError(f"sequences to {what} are a {type(named).__name__}; expected {expected}")
    if not named:
        raise UserError(f"no sequences to {what}; give one, or a mapping of names to them")
    return {name: checked_sequence(sequence, name) for name, sequence in named.items()}


def given_proteins(
    sequence: str | None, fasta: str | None, invalid: InvalidRecords | None = None
) -> Iterable[tuple[str, str]]:
    """Name and sequence of every protein that the command line gives: one, or those of a file."""
    if sequence is not None:
        return [(ALONE, checked_sequence(sequence, "--sequence"))]
    return read_given(str(fasta), invalid)


def in_groups(
    proteins: Iterable[tuple[str, str]], most: int = RESIDUES_TOGETHER
) -> Iterator[list[tuple[str, str]]]:
    """Successive proteins, at most so many residues of them together; a longer one is alone.

    Examples
    --------
    >>> list(in_groups([("a", "MK"), ("b", "V"), ("c", "MKVLA"), ("d", "M")], 3))
    [[('a', 'MK'), ('b', 'V')], [('c', 'MKVLA')], [('d', 'M')]]
    """
    group: list[tuple[str, str]] = []
    n_residues = 0
    for name, sequence in proteins:
        if group and n_residues + len(sequence) > most:
            yield group
            group, n_residues = [], 0
        group.append((name, sequence))
        n_residues += len(sequence)
    if group:
        yield group


def read_given(
    fasta: str | Path, invalid: InvalidRecords | None = None
) -> Iterator[tuple[str, str]]:
    """Name and sequence of every record, one at a time; ``-`` is stdin.

    Parameters
    ----------
    invalid : InvalidRecords, optional
        What becomes of records that cannot be used; by default they are errors.

    Raises
    ------
    UserError
        If the file is missing, no FASTA or empty, a name cannot be printed or occurs twice, or as
        `checked_sequence`; or if all records are dropped.
    """
    if str(fasta) != STDIN:
        yield from _read(Path(fasta), str(fasta), invalid)
        return
    with scratch_folder() as folder:  # what may be gzipped has to be looked at twice
        path = folder / "stdin"
        with path.open("wb") as copy:
            shutil.copyfileobj(sys.stdin.buffer, copy)
        yield from _read(path, "stdin", invalid)


def _read(path: Path, source: str, invalid: InvalidRecords | None) -> Iterator[tuple[str, str]]:
    records: dict[str, int] = {}
    n_records = n_kept = 0
    with open_text(path, "proteins in FASTA") as handle:
        for n_records, protein in enumerate(read_entries(handle, source), start=1):
            name, (clean, _) = protein.accession, clean_sequence(protein.sequence)
            first = records.setdefault(name, n_records)
            fault = fault_of_name(name, n_records, first) or fault_of_sequence(clean, shown(name))
            if fault is None:
                n_kept += 1
                yield name, clean
            elif invalid is None:
                raise UserError(f"{source}: {fault}")
            else:
                invalid.meet(name, fault.reason, f"{source}: {fault}")
    if not n_records:
        raise UserError(f"{source}: no proteins found; expected FASTA records ('>' and a name)")
    if invalid is not None and not n_kept:
        raise UserError(
            f"{source}: none of {n_records:,} proteins can be used ({invalid}); correct "
            "their names and sequences"
        )
