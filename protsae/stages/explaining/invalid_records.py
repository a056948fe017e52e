"""What is wrong with a record of a FASTA file, and what becomes of it."""

import re
from dataclasses import dataclass, field

from protsae.errors import UserError
from protsae.one_line import shown
from protsae.proteins.alphabet import LETTERS
from protsae.proteins.filters import ProteinCounts

_INVALID = re.compile(f"[^{LETTERS}]")


@dataclass(frozen=True)
class Fault:
    """Why a protein cannot be used: in two words, and in a message with what to do."""

    reason: str
    found: str
    way_out: str

    def __str__(self) -> str:
        return f"{self.found}; {self.way_out}"


def fault_of_sequence(clean: str, where: str) -> Fault | None:
    """What is wrong with a cleaned sequence, if anything is."""
    if not clean:
        found = f"{where}: empty sequence; expected letters A to Z"
        return Fault("empty sequence", found, "leave it out")
    if wrong := _INVALID.search(clean):
        at, letter = wrong.start() + 1, wrong.group()
        found = f"{where}: position {at} holds {letter!r}; expected letters A to Z"
        return Fault("invalid character", found, "correct the sequence")
    return None


def fault_of_name(name: str, number: int, first: int) -> Fault | None:
    """What is wrong with the name of a record that first occurs in another one, or in this."""
    if not name.isprintable():
        found = f"record {number}: name is {shown(name)}; expected characters that can be printed"
        return Fault("invalid name", found, "correct it")
    if first != number:
        found = f"{shown(name)} occurs twice, in records {first} and {number}"
        return Fault("duplicate name", found, "rename one")
    return None


@dataclass
class InvalidRecords:
    """What becomes of the records of a FASTA file that cannot be used: an error, or counted.

    Attributes
    ----------
    are_dropped : bool
        The choice of the user.
    counts : ProteinCounts
        Those dropped, by reason.
    """

    are_dropped: bool
    counts: ProteinCounts = field(default_factory=ProteinCounts)

    def meet(self, name: str, reason: str, message: str) -> None:
        """Count a record.

        Raises
        ------
        UserError
            If records are not to be dropped: the message, and how to drop them.

        Examples
        --------
        >>> invalid = InvalidRecords(are_dropped=True)
        >>> invalid.meet("P1", "empty sequence", "x.fasta: 'P1': empty sequence; leave it out")
        >>> str(invalid)
        '1 empty sequence (P1)'
        """
        if not self.are_dropped:
            raise UserError(f"{message}, or drop such proteins with --invalid drop")
        self.counts.drop(name, reason)

    def __str__(self) -> str:
        dropped = self.counts.dropped_by_name().items()
        return ", ".join(f"{n:,} {reason}" for reason, n in dropped)

    @property
    def notes(self) -> list[str]:
        """What to say of records that were dropped."""
        return [f"proteins dropped: {self}"] if self.counts.dropped else []
