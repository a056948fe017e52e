"""Outputs as a person writes them: 45, A45V, SIGNAL@45."""

import re
from dataclasses import dataclass

from protsae.errors import UserError
from protsae.one_line import cut
from protsae.proteins.alphabet import STANDARD
from protsae.proteins.substitutions import Mutant, misfit, parse_mutant

_POSITION = re.compile(r"[1-9][0-9]{0,6}")
_MUTANT = re.compile(r"[A-Za-z][1-9][0-9]{0,6}[A-Za-z*](:.*)?", re.DOTALL)


@dataclass(frozen=True)
class WrittenOutput:
    """A number that the model computes for a residue of a protein.

    Attributes
    ----------
    text : str
        As it was written.
    position : int
        1-based.
    letter, reference : str or None
        log p(letter) at the masked residue, less log p(reference) if there is one.
    concept : str or None
        The logit of its probe, instead.
    """

    text: str
    position: int
    letter: str | None = None
    reference: str | None = None
    concept: str | None = None


def parse_output(text: str, name: str, sequence: str) -> WrittenOutput:
    """Read POSITION, a variant such as A45V, or CONCEPT@POSITION.

    Parameters
    ----------
    name, sequence : str
        Of the protein, which must have the residue.

    Raises
    ------
    UserError
        What was found, what was expected, and an example.

    Examples
    --------
    >>> parse_output("2", "P1", "MKV").letter
    'K'
    >>> found = parse_output("K2A", "P1", "MKV")
    >>> found.position, found.letter, found.reference
    (2, 'A', 'K')
    >>> parse_output("motif: N-glycosylation@3", "P1", "MKV").concept
    'motif: N-glycosylation'
    >>> parse_output("K9", "P1", "MKV")
    Traceback (most recent call last):
    protsae.errors.UserError: --of K9: no output; expected a position such as 45, a variant ...
    """
    concept, at, position = text.rpartition("@")
    if at and concept.strip() and _POSITION.fullmatch(position):
        return WrittenOutput(text, _checked(text, int(position), name, sequence), concept=concept)
    if _POSITION.fullmatch(text):
        letter = sequence[_checked(text, int(text), name, sequence) - 1]
        if letter not in STANDARD:
            raise UserError(
                f"--of {text}: residue {text} of {cut(name, 60)} is {letter}; expected one of the "
                "20 amino acids, as the model predicts no other; give another residue"
            )
        return WrittenOutput(text, int(text), letter)
    if _MUTANT.fullmatch(text):
        return _variant(text, parse_mutant(text), name, sequence)
    raise UserError(
        f"--of {cut(text, 60)}: no output; expected a position such as 45, a variant such as A45V, "
        "or a concept at a residue such as SIGNAL@45"
    )


def _variant(text: str, mutant: Mutant, name: str, sequence: str) -> WrittenOutput:
    if problem := misfit(mutant, name, sequence):
        raise UserError(f"--of {problem}")
    if len(mutant.substitutions) > 1:
        raise UserError(
            f"--of {cut(text, 60)}: replaces {len(mutant.substitutions)} residues; expected one, "
            "as each is predicted in a pass of its own; give --of for each"
        )
    [one] = mutant.substitutions
    return WrittenOutput(text, one.position, one.residue, one.reference)


def _checked(text: str, position: int, name: str, sequence: str) -> int:
    if position > len(sequence):
        raise UserError(
            f"--of {cut(text, 60)}: {cut(name, 60)} has {len(sequence):,} residues; expected a "
            f"position from 1 to {len(sequence)}"
        )
    return position
