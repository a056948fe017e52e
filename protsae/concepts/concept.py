"""A concept: a yes/no property of residues, with a name, a type and a source."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, order=True)
class Property:
    """A yes/no property of a residue.

    Parameters
    ----------
    name : str
        Unique name, as in the tables: ``"residue: C"``, ``"SIGNAL"``, ``"DOMAIN: EGF-like"``.
    type : str
        ``"residue"``, ``"class"``, ``"position"``, ``"composition"``, ``"motif"``, a UniProt
        feature type such as ``"DOMAIN"``, or the name of a label set.
    source : str
        Where the labels come from.

    Examples
    --------
    >>> Property("residue: C", "residue", "sequence").name
    'residue: C'
    """

    name: str
    type: str
    source: str


SEQUENCE_TYPES = frozenset({"residue", "class", "position", "composition", "motif"})
"""Types of the concepts that the sequence alone gives (`protsae.concepts.sequence`)."""


def is_defined_by_sequence(property_type: str) -> bool:
    """Whether a rule on the sequence gives the properties of this type exactly.

    A detector of such a property finds what anyone can compute: no biology.

    Examples
    --------
    >>> is_defined_by_sequence("position"), is_defined_by_sequence("SIGNAL")
    (True, False)
    """
    return property_type in SEQUENCE_TYPES


def are_defined_by_sequence(property_types: Iterable[str]) -> np.ndarray:
    """`is_defined_by_sequence` of each: bool, shape (n,).

    Examples
    --------
    >>> are_defined_by_sequence(["position", "SIGNAL"]).tolist()
    [True, False]
    """
    return np.array([is_defined_by_sequence(each) for each in property_types], dtype=bool)
