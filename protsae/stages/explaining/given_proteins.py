"""Proteins that somebody asks about: of a FASTA file, of stdin, or a sequence by itself."""

import re
import shutil
import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from protsae.errors import UserError
from protsae.io.atomic import scratch_folder
from protsae.io.protein_files.fasta import read_entries
from protsae.io.text_files import open_text
from protsae.one_line import shown
from protsae.proteins.alphabet import LETTERS
from protsae.proteins.filters import clean_sequence

STDIN = "-"
ALONE = "sequence"
"""Name of a sequence that comes without one."""

RESIDUES_TOGETHER = 4096
"""Residues of a group of proteins: enough that a protein's tables take little time beside its
activations, few enough for memory and for the first to be told soon."""

_INVALID = re.compile(f"[^{LETTERS}]")


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
    if not clean:
        raise UserError(f"{where}: empty sequence; expected letters A to Z; leave it out")
    if wrong := _INVALID.search(clean):
        raise UserError(
            f"{where}: position {wrong.start() + 1} holds {wrong.group()!r}; expected letters A to "
            "Z; correct the sequence"
        )
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


def given_proteins(sequence: str | None, fasta: str | None) -> Iterable[tuple[str, str]]:
    """Name and sequence of every protein that the command line gives: one, or those of a file."""
    if sequence is not None:
        return [(ALONE, checked_sequence(sequence, "--sequence"))]
    return read_given(str(fasta))


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


def read_given(fasta: str | Path) -> Iterator[tuple[str, str]]:
    """Name and sequence of every record, one at a time; ``-`` is stdin.

    Raises
    ------
    UserError
        If the file is missing, no FASTA or empty, a name occurs twice, or as `checked_sequence`.
    """
    if str(fasta) != STDIN:
        yield from _read(Path(fasta), str(fasta))
        return
    with scratch_folder() as folder:  # what may be gzipped has to be looked at twice
        path = folder / "stdin"
        with path.open("wb") as copy:
            shutil.copyfileobj(sys.stdin.buffer, copy)
        yield from _read(path, "stdin")


def _read(path: Path, source: str) -> Iterator[tuple[str, str]]:
    records: dict[str, int] = {}
    with open_text(path, "proteins in FASTA") as handle:
        for number, protein in enumerate(read_entries(handle, source), start=1):
            name = protein.accession
            if not name.isprintable():
                raise UserError(
                    f"{source}: record {number}: name is {shown(name)}; expected characters that "
                    "can be printed; correct it"
                )
            if (first := records.setdefault(name, number)) != number:
                raise UserError(
                    f"{source}: {shown(name)} occurs twice, in records {first} and {number}; "
                    "rename one"
                )
            yield name, checked_sequence(protein.sequence, f"{source}: {shown(name)}")
    if not records:
        raise UserError(f"{source}: no proteins found; expected FASTA records ('>' and a name)")
