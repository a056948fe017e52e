"""BED, the table of intervals that genome browsers and bedtools read.

Version 1.0 of the specification (github.com/samtools/hts-specs, BEDv1): eight columns between tabs,
positions 0-based and half-open, names in printable ASCII of at most 255 characters.
"""

import re

LONGEST_NAME = 255
MOST_SCORE = 1000

_FORBIDDEN = re.compile(r"[^\x20-\x24\x26-\x7e]")
"""In a name: what is not printable ASCII, and the sign that stands before the numbers of others."""


def bed_line(name: str, start: int, end: int, peak: int, label: str, score: float) -> str:
    """The line of an interval of a protein; its peak is the part that browsers draw thick.

    Parameters
    ----------
    name : str
        Of the protein.
    start, end, peak : int
        1-based, inclusive.
    label : str
        Name of the interval.
    score : float
        0 to 1, written as 0 to 1,000; what is above 1 as 1,000.

    Examples
    --------
    >>> bed_line("P1", 2, 9, 5, "SIGNAL|6/topk/246", 0.5).split("\\t")
    ['P1', '1', '9', 'SIGNAL|6/topk/246', '500', '.', '4', '5\\n']
    """
    whole = min(MOST_SCORE, round(MOST_SCORE * score))
    place = f"{escaped(name)}\t{start - 1}\t{end}"
    shown = escaped(label)[:LONGEST_NAME]
    return f"{place}\t{shown}\t{whole}\t.\t{peak - 1}\t{peak}\n"


def escaped(text: str) -> str:
    """A word: blanks as underscores, as some readers split lines at them; other characters than
    printable ASCII as ``%`` and two hexadecimal digits, as in GFF3.

    Examples
    --------
    >>> escaped("Förster site\\t50%")
    'F%C3%B6rster_site%0950%25'
    """
    words = text.replace(" ", "_")
    return _FORBIDDEN.sub(lambda found: "".join(f"%{b:02X}" for b in found[0].encode()), words)
