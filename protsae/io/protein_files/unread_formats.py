"""Names of text formats that are not read, for a message that helps more than the first word."""

import re

_FORMATS = {
    "EMBL": r"ID   .*(; SV \d|\bBP\.)",
    "GenBank": r"LOCUS +\S",
    "Clustal": r"(CLUSTAL|MUSCLE|PROBCONS)\b",
    "Stockholm": r"# STOCKHOLM\b",
    "GCG or MSF": r"(!![A-Z]{2}_|PileUp\b)",
    "NEXUS": r"#NEXUS\b",
    "PHYLIP": r"\d+ +\d+\s*\n",
    "PIR": r">(P1|F1|D[1LC]|R[LC]|N[13]|XX);",
    "FASTQ": r"@\S.*\n[A-Za-z*.-]+\s*\n\+",
    "SAM": r"@(HD|SQ)\t",
    "GFF": r"##gff-version\b",
    "VCF": r"##fileformat=VCF",
    "UniProt XML": r"<\?xml[^>]*>\s*<uniprot\b",
    "HTML": r"(?i:<!doctype html|<html\b)",
    "XML": r"<(\?xml|\w+)",
    "PDB": r"(HEADER|REMARK|ATOM|TITLE|CRYST1|MODEL) +\S",
    "mmCIF": r"data_\w+\s*\n",
    "a table, not sequences": r"(?!ID   |[>{\[])[^\n\t]*\t",
    "FASTA with a comment before the first record": r"[;#][^\n]*\n(?s:.*\n)?>",
    "a sequence without a name": r"[A-Za-z*\s]{20,}(\n|$)",
}
_PATTERNS = {name: re.compile(pattern) for name, pattern in _FORMATS.items()}


def foreign_format(head: str) -> str:
    """Name of the format whose text begins like ``head``; empty if none is known.

    Examples
    --------
    >>> foreign_format("LOCUS       X 90 aa"), foreign_format(">P1;a\\ntitle"), foreign_format(">a")
    ('GenBank', 'PIR', '')
    """
    return next((name for name, start in _PATTERNS.items() if start.match(head)), "")
