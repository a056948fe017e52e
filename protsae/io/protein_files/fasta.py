"""FASTA, one record at a time."""

import re
from collections.abc import Iterator
from typing import TextIO

from protsae.errors import UserError
from protsae.proteins.records import Protein, taxon_number

LONGEST_RECORD = 1_000_000
"""Characters of the longest record that is read, thirty times the longest known protein."""

_UNIPROT_ID = re.compile(r"(?:sp|tr)\|([^|\s]+)\|(\S+)")
_ORGANISM = re.compile(r"\bOS=(.+?)(?=\s+[A-Z]{2}=|$)")
_TAXON = re.compile(r"\bOX=([0-9]+)")
_FRAGMENT = re.compile(r"\(Fragments?\)")
_LAYOUT = str.maketrans("", "", " \t\r\n")


def read_entries(handle: TextIO, source: str) -> Iterator[Protein]:
    """Read FASTA records; UniProt headers (``>sp|P12345|NAME_HUMAN ... OS=... OX=...``) in full.

    Of any other header, the first word is the accession and the rest is not used. Blank lines, and
    blanks and tabs in sequences, say nothing; all else is left for a filter to judge.

    Parameters
    ----------
    source : str
        Name of the file in error messages.

    Raises
    ------
    UserError
        If the text does not begin with ``>``, or a record has no name, no whole taxon number, or
        more characters than `LONGEST_RECORD`.
    """
    for number, (header, sequence) in enumerate(_records(handle, source), start=1):
        if not header.strip():
            raise UserError(
                f"{source}: record {number} has no name after '>'; expected an accession; name it"
            )
        try:
            yield _protein(header, sequence)
        except ValueError as error:
            raise UserError(f"{source}: record {number}: {error}; correct its OX=") from None


def _records(handle: TextIO, source: str) -> Iterator[tuple[str, str]]:
    """Header and sequence of each record."""
    header, parts, n_characters, number = None, list[str](), 0, 0
    while line := handle.readline(LONGEST_RECORD + 1):
        if line.startswith(">"):
            if header is not None:
                yield header, "".join(parts)
            header, parts, n_characters = line[1:], [], 0
            number += 1
        elif header is not None:
            parts.append(line.translate(_LAYOUT))
        elif line.strip():
            raise UserError(f"{source}: not FASTA: found {line[:20]!r}; expected '>' and a name")
        else:
            continue
        n_characters += len(line)
        if n_characters > LONGEST_RECORD:
            raise UserError(
                f"{source}: record {number} is longer than {LONGEST_RECORD:,} characters; expected "
                "proteins, no chromosomes; leave it out"
            )
    if header is not None:
        yield header, "".join(parts)


def _protein(header: str, sequence: str) -> Protein:
    word = header.split(maxsplit=1)[0]
    uniprot = _UNIPROT_ID.fullmatch(word)
    if uniprot is None:
        return Protein(word, "", "", None, sequence)
    organism, taxon = _ORGANISM.search(header), _TAXON.search(header)
    return Protein(
        accession=uniprot.group(1),
        entry_name=uniprot.group(2),
        organism=organism.group(1).strip() if organism else "",
        taxon_id=taxon_number(taxon.group(1)) if taxon else None,
        sequence=sequence,
        fragment=_FRAGMENT.search(header) is not None,
    )
