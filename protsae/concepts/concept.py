"""A concept: a yes-or-no label of residues, with a name, a type and a source."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, order=True)
class Concept:
    """A yes-or-no label of a residue.

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
    >>> Concept("residue: C", "residue", "sequence").name
    'residue: C'
    """

    name: str
    type: str
    source: str


def some_types(names: Iterable[str], most: int = 12) -> str:
    """The first of the names that are types, without a description: examples for a message.

    Examples
    --------
    >>> some_types(["DOMAIN", "DOMAIN: EGF-like", "HELIX"])
    'DOMAIN, HELIX'
    """
    return ", ".join([name for name in names if ": " not in name][:most])


SEQUENCE_TYPES = frozenset({"residue", "class", "position", "composition", "motif"})
"""Types of the concepts that the sequence alone gives (`protsae.concepts.sequence`)."""


def is_defined_by_sequence(concept_type: str) -> bool:
    """Whether a rule on the sequence gives the concepts of this type exactly.

    A detector of such a concept finds what anyone can compute: no biology.

    Examples
    --------
    >>> is_defined_by_sequence("position"), is_defined_by_sequence("SIGNAL")
    (True, False)
    """
    return concept_type in SEQUENCE_TYPES


def are_defined_by_sequence(concept_types: Iterable[str]) -> np.ndarray:
    """`is_defined_by_sequence` of each: bool, shape (n,).

    Examples
    --------
    >>> are_defined_by_sequence(["position", "SIGNAL"]).tolist()
    [True, False]
    """
    return np.array([is_defined_by_sequence(each) for each in concept_types], dtype=bool)
