"""Variants of a protein: residues that are replaced, written as A23V, or A23V:G40D for two."""

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from protsae.errors import UserError
from protsae.one_line import shown
from protsae.proteins.alphabet import STANDARD

_SUBSTITUTION = re.compile(r"([A-Z])([1-9][0-9]{0,6})([A-Z*])")
_EXPECTED = (
    "expected the residue, its position and the new residue, such as A23V, or several joined by "
    "':', such as A23V:G40D"
)


@dataclass(frozen=True, order=True)
class Substitution:
    """One residue that is replaced by another.

    Attributes
    ----------
    position : int
        1-based.
    reference, residue : str
        The residue that is there, and the one that takes its place: standard amino acids.

    Examples
    --------
    >>> str(Substitution(23, "A", "V"))
    'A23V'
    """

    position: int
    reference: str
    residue: str

    def __str__(self) -> str:
        return f"{self.reference}{self.position}{self.residue}"


@dataclass(frozen=True)
class Mutant:
    """A protein with one residue replaced, or several, each at a position of its own.

    Examples
    --------
    >>> mutant = parse_mutant("k2A:V3W")
    >>> str(mutant), mutant.sequence("MKVL")
    ('K2A:V3W', 'MAWL')
    """

    substitutions: tuple[Substitution, ...]

    def __str__(self) -> str:
        return ":".join(map(str, self.substitutions))

    @property
    def positions(self) -> list[int]:
        """Of the residues that are replaced, 1-based."""
        return [one.position for one in self.substitutions]

    def sequence(self, wild_type: str) -> str:
        """The sequence with the new residues."""
        letters = list(wild_type)
        for one in self.substitutions:
            letters[one.position - 1] = one.residue
        return "".join(letters)


def parse_mutant(text: str) -> Mutant:
    """The mutant that a text such as ``A23V`` or ``A23V:G40D`` stands for, in any case.

    Raises
    ------
    UserError
        If it is no such text, a residue is not one of the 20 standard ones or is replaced by
        itself, or a position occurs twice. The message starts with the text.

    Examples
    --------
    >>> parse_mutant("W26*")
    Traceback (most recent call last):
    protsae.errors.UserError: W26*: '*' is none of the 20 amino acids ACDEFGHIKLMNPQRSTVWY; ...
    """
    parts = text.strip().upper().split(":")
    mutant = Mutant(tuple(_substitution(part, text) for part in parts))
    twice = [position for position, n in Counter(mutant.positions).items() if n > 1]
    if twice:
        raise UserError(
            f"{text.strip()}: replaces residue {twice[0]} twice; expected each position once; "
            "correct it"
        )
    return mutant


def _substitution(part: str, text: str) -> Substitution:
    found = _SUBSTITUTION.fullmatch(part)
    if found is None:
        raise UserError(f"{shown(text.strip())} is no mutant; {_EXPECTED}")
    reference, position, residue = found[1], int(found[2]), found[3]
    for letter in (reference, residue):
        if letter not in STANDARD:
            raise UserError(
                f"{part}: {letter!r} is none of the 20 amino acids {STANDARD}; leave it out"
            )
    if reference == residue:
        raise UserError(f"{part}: replaces {residue} by itself; leave it out")
    return Substitution(position, reference, residue)


def misfit(mutant: Mutant, name: str, sequence: str) -> str:
    """Why a mutant is none of this protein: what was found and expected; empty if it is one.

    Examples
    --------
    >>> misfit(parse_mutant("A2V"), "P1", "MKV")
    'A2V: residue 2 of P1 is K; expected A; check the numbers, which count from 1'
    >>> misfit(parse_mutant("A9V"), "P1", "MKV")
    'A9V: P1 has 3 residues; expected a position from 1 to 3'
    >>> misfit(parse_mutant("K2V"), "P1", "MKV")
    ''
    """
    for one in mutant.substitutions:
        if one.position > len(sequence):
            return (
                f"{one}: {name} has {len(sequence):,} residues; expected a position from 1 to "
                f"{len(sequence)}"
            )
        if (found := sequence[one.position - 1]) != one.reference:
            return (
                f"{one}: residue {one.position} of {name} is {found}; expected {one.reference}; "
                "check the numbers, which count from 1"
            )
    return ""


def validate_mutants(given: Iterable[tuple[str, Mutant]], name: str, sequence: str) -> list[Mutant]:
    """The mutants, if all are of this protein and none occurs twice.

    Parameters
    ----------
    given : iterable of (str, Mutant)
        Each with where it stands, such as ``scan.csv: line 7``; messages start with it.

    Raises
    ------
    UserError
        Naming the first that does not fit, and how many more do not.

    Examples
    --------
    >>> validate_mutants([("--mutants", parse_mutant("K2V"))] * 2, "P1", "MKV")
    Traceback (most recent call last):
    protsae.errors.UserError: --mutants: K2V occurs twice, first in --mutants; remove one
    """
    mutants, wrong = list(given), []
    places: dict[frozenset[Substitution], str] = {}
    for where, mutant in mutants:
        if problem := misfit(mutant, shown(name), sequence):
            wrong.append(f"{where}: {problem}")
        key = frozenset(mutant.substitutions)
        if key in places:
            wrong.append(f"{where}: {mutant} occurs twice, first in {places[key]}; remove one")
        places.setdefault(key, where)
    if wrong:
        more = f" ({len(wrong) - 1:,} more do not fit either)" if len(wrong) > 1 else ""
        raise UserError(wrong[0] + more)
    return [mutant for _, mutant in mutants]


def single_mutants(sequence: str) -> list[Mutant]:
    """All single substitutions by standard residues, by position and then in alphabetical order.

    Residues such as X, which are none of the 20, have none.

    Examples
    --------
    >>> [str(mutant) for mutant in single_mutants("XY")][:2], len(single_mutants("XY"))
    (['Y2A', 'Y2C'], 19)
    """
    return [
        Mutant((Substitution(position, reference, residue),))
        for position, reference in enumerate(sequence, start=1)
        if reference in STANDARD
        for residue in STANDARD
        if residue != reference
    ]
