"""Short sequence motifs of PROSITE: its pattern syntax, and a few well-known patterns."""

import re
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

AMBIGUOUS = "BJXZ"
"""Letters that stand for several amino acids: only ``x`` matches them."""

_ELEMENT = re.compile(
    r"(?P<start><?)"
    r"(?:(?P<any>x)|(?P<one>[A-Z])|\[(?P<of>[A-Z]+)(?P<or_end>>?)\]|\{(?P<not>[A-Z]+)\})"
    r"(?:\((?P<low>\d+)(?:,(?P<high>\d+))?\))?"
    r"(?P<end>>?)"
)


@dataclass(frozen=True)
class Motif:
    """A pattern of PROSITE.

    Parameters
    ----------
    name : str
        Short name, as in the tables.
    accession : str
        PROSITE accession.
    pattern : str
        In PROSITE's syntax, see `pattern_regex`.
    """

    name: str
    accession: str
    pattern: str


MOTIFS: tuple[Motif, ...] = (
    Motif("N-glycosylation", "PS00001", "N-{P}-[ST]-{P}"),
    Motif("cAMP phosphorylation", "PS00004", "[RK](2)-x-[ST]"),
    Motif("PKC phosphorylation", "PS00005", "[ST]-x-[RK]"),
    Motif("CK2 phosphorylation", "PS00006", "[ST]-x(2)-[DE]"),
    Motif("ER retention", "PS00014", "[KRHQSA]-[DENQ]-E-L>"),
    Motif("RGD", "PS00016", "R-G-D"),
    Motif("P-loop", "PS00017", "[AG]-x(4)-G-K-[ST]"),
    Motif("zinc finger C2H2", "PS00028", "C-x(2,4)-C-x(3)-[LIVMFYWC]-x(8)-H-x(3,5)-H"),
    Motif("peroxisomal C-terminus", "PS00342", "[STAGCN]-[RKH]-[LIVMAFY]>"),
)
"""Patterns that are scored. PROSITE flags the first four and RGD as frequent: a match is a site
that could be modified or bound, and mostly is not."""


@dataclass(frozen=True)
class MotifElement:
    """An element of a motif that says something of the residue: any but ``x``.

    Parameters
    ----------
    motif : str
        Name of the motif.
    number : int
        Among all elements of its pattern, from 1.
    text : str
        As PROSITE writes it, without an anchor: ``{P}``.
    """

    motif: str
    number: int
    text: str


ELEMENTS: tuple[MotifElement, ...] = tuple(
    MotifElement(motif.name, number, element.strip("<>"))
    for motif in MOTIFS
    for number, element in enumerate(motif.pattern.split("-"), start=1)
    if not element.startswith("x")
)
"""All elements of ``MOTIFS`` that name letters: what is modified or bound is mostly one residue."""


@lru_cache
def pattern_regex(pattern: str) -> re.Pattern[str]:
    """Regular expression of a PROSITE pattern (https://prosite.expasy.org/scanprosite_doc.html).

    Elements are joined by ``-``: ``A`` that amino acid, ``x`` any, ``[AC]`` one of these, ``{AC}``
    none of these, ``[A>]`` one of these or the C-terminus; ``(2)`` or ``(2,4)`` repeats an
    element; ``<`` before the first and ``>`` after the last bind them to the N- and C-terminus; a
    final ``.`` is allowed. Of the ambiguity codes B, J, X and Z it is not known what they are:
    they match ``x`` alone.

    Raises
    ------
    ValueError
        For an element that is not of this syntax.

    Examples
    --------
    >>> pattern_regex("N-{P}-[ST]-{P}.").pattern
    'N[^PBJXZ][ST][^PBJXZ]'
    >>> pattern_regex("<M-x(2,4)-[LI]>").pattern
    '^M.{2,4}[LI]$'
    """
    return re.compile("".join(_element_regexes(pattern)))


def _element_regexes(pattern: str) -> list[str]:
    """Regular expression of each element of a PROSITE pattern."""
    elements = pattern.removesuffix(".").split("-")
    parts = []
    for place, element in enumerate(elements, start=1):
        found = _ELEMENT.fullmatch(element)
        first, last = place == 1, place == len(elements)
        if found is None or (found["start"] and not first) or (found["end"] and not last):
            raise ValueError(
                f"{pattern!r}: element {place}, {element!r}, is not PROSITE syntax; expected A, x, "
                "[AC] or {AC}, then (2) or (2,4), with < before the first or > after the last"
            )
        if found["or_end"] and not last:
            raise ValueError(f"{pattern!r}: element {place}, {element!r}, must be the last")
        parts.append(_regex(found))
    return parts


def _regex(element: re.Match[str]) -> str:
    if element["of"]:
        body = f"[{element['of']}]"
    elif element["not"]:
        body = f"[^{element['not']}{AMBIGUOUS}]"
    else:
        body = "." if element["any"] else element["one"]
    if element["low"]:
        body += "{" + ",".join(n for n in (element["low"], element["high"]) if n) + "}"
    if element["or_end"]:
        body = f"(?:{body}|$)"
    return ("^" if element["start"] else "") + body + ("$" if element["end"] else "")


def matches(sequence: str, pattern: str) -> list[tuple[int, int]]:
    """Intervals that match a PROSITE pattern, also where they overlap; 1-based inclusive.

    At most one match begins at each residue: the one with the longest repeats, first to last.

    Examples
    --------
    >>> matches("MNNTSG", "N-{P}-[ST]-{P}")
    [(2, 5), (3, 6)]
    """
    # A lookahead consumes nothing, so that the search goes on at the next residue.
    ahead = re.compile(f"(?=({pattern_regex(pattern).pattern}))")
    return [(found.start(1) + 1, found.end(1)) for found in ahead.finditer(sequence)]


def motif_labels(sequence: str) -> np.ndarray:
    """Residues within a match of each motif: uint8, shape (n_residues, n_motifs).

    Examples
    --------
    >>> motif_labels("AARGDA")[:, [motif.name for motif in MOTIFS].index("RGD")].tolist()
    [0, 0, 1, 1, 1, 0]
    """
    labels = np.zeros((len(sequence), len(MOTIFS)), dtype=np.uint8)
    for column, motif in enumerate(MOTIFS):
        for start, end in matches(sequence, motif.pattern):
            labels[start - 1 : end, column] = 1
    return labels


def element_labels(sequence: str) -> np.ndarray:
    """Residues that are each of ``ELEMENTS`` in a match: bool, shape (n_residues, n_elements).

    Examples
    --------
    >>> labels = element_labels("AANNTSG")
    >>> first = labels[:, ELEMENTS.index(MotifElement("N-glycosylation", 1, "N"))]
    >>> np.flatnonzero(first).tolist()
    [2, 3]
    """
    labels = np.zeros((len(sequence), len(ELEMENTS)), dtype=bool)
    found = {motif.name: list(_grouped(motif.pattern).finditer(sequence)) for motif in MOTIFS}
    for column, element in enumerate(ELEMENTS):
        for match in found[element.motif]:
            labels[slice(*match.span(element.number)), column] = True
    return labels


@lru_cache
def _grouped(pattern: str) -> re.Pattern[str]:
    """A pattern that finds every match, with a group for each element."""
    elements = "".join(f"({element})" for element in _element_regexes(pattern))
    return re.compile(f"(?={elements})")
