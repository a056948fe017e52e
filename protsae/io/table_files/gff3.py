"""GFF3, the table of places in sequences that genome browsers read.

Version 1.26 of the specification (Sequence Ontology): nine columns, positions 1-based and
inclusive, what would break a line or a list as ``%`` and two hexadecimal digits.
"""

import re
from collections.abc import Mapping

HEADER = "##gff-version 3\n"
REGION = "polypeptide_region"
"""Term of the Sequence Ontology, SO:0000839, for a part of a protein."""

_NOT_IN_NAME = re.compile(r"[^a-zA-Z0-9.:^*$@!+_?|-]")
_NOT_IN_ATTRIBUTE = re.compile(r"[%;=&,\x00-\x1f\x7f]")


def sequence_line(name: str, length: int) -> str:
    """The directive that gives the length of a sequence.

    Examples
    --------
    >>> sequence_line("P 1", 137)
    '##sequence-region P%201 1 137\\n'
    """
    return f"##sequence-region {_escaped(_NOT_IN_NAME, name)} 1 {length}\n"


def attributes_text(attributes: Mapping[str, object]) -> str:
    """Column 9: attributes in their order, without those that are None or NaN.

    Names that begin with a capital have a meaning in GFF3 (``Name``).

    Examples
    --------
    >>> attributes_text({"Name": "BINDING: heme b; part Fe", "layer": 0, "f1_low": None})
    'Name=BINDING: heme b%3B part Fe;layer=0'
    """
    known = {k: v for k, v in attributes.items() if v is not None and v == v}  # NaN differs
    return ";".join(f"{key}={_value(value)}" for key, value in known.items())


def region_line(name: str, start: int, end: int, score: float | None, attributes: str) -> str:
    """The line of a region of a protein.

    Parameters
    ----------
    name : str
        Of the protein.
    start, end : int
        1-based, inclusive.
    score : float, optional
        A dot if there is none.
    attributes : str
        Of `attributes_text`.

    Examples
    --------
    >>> region_line("P1", 2, 9, 0.5, "Name=SIGNAL").split()
    ['P1', 'protsae', 'polypeptide_region', '2', '9', '0.5', '.', '.', 'Name=SIGNAL']
    """
    shown = "." if score is None else f"{score:.4g}"
    place = f"{_escaped(_NOT_IN_NAME, name)}\tprotsae\t{REGION}\t{start}\t{end}"
    return f"{place}\t{shown}\t.\t.\t{attributes}\n"


def _value(value: object) -> str:
    if isinstance(value, float):
        return f"{value:.4g}"
    return _escaped(_NOT_IN_ATTRIBUTE, str(value))


def _escaped(forbidden: re.Pattern[str], text: str) -> str:
    return forbidden.sub(lambda found: "".join(f"%{b:02X}" for b in found[0].encode()), text)
