"""Cleaning of sequences, and choice of proteins by settings; whatever is dropped is counted."""

import hashlib
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace

from protsae.config.stage_settings import FetchSettings
from protsae.errors import UserError
from protsae.one_line import cut, one_line, shown
from protsae.proteins.alphabet import LETTERS, STANDARD
from protsae.proteins.nucleic_acids import may_be_nucleic
from protsae.proteins.records import Feature, Protein

# Of ASCII only: a no-break space between residues is a slip that somebody should look at.
_WHITESPACE = re.compile(r"\s+", re.ASCII)
_INVALID = re.compile(f"[^{LETTERS}]")
N_EXAMPLES = 3
LONGEST_NAME = 60
"""Characters of an accession that a message shows."""

_NONSTANDARD = re.compile(f"[^{STANDARD}]")


@dataclass
class ProteinCounts:
    """What became of the proteins; ``read == kept + sum(dropped.values())``.

    Attributes
    ----------
    changed : Counter
        Kept or dropped sequences that were cleaned, by what was done.
    examples : dict of str to list of str
        First accessions that were dropped, at most `N_EXAMPLES` by reason.
    nucleic : int
        Kept sequences that `may_be_nucleic`.
    """

    read: int = 0
    kept: int = 0
    dropped: Counter[str] = field(default_factory=Counter)
    changed: Counter[str] = field(default_factory=Counter)
    examples: dict[str, list[str]] = field(default_factory=dict)
    nucleic: int = 0

    def drop(self, accession: str, reason: str) -> None:
        """Count a protein that is dropped."""
        self.dropped[reason] += 1
        named = self.examples.setdefault(reason, [])
        if len(named) < N_EXAMPLES:
            named.append(cut(accession, LONGEST_NAME))

    def dropped_by_name(self) -> dict[str, int]:
        """Number dropped by reason, with examples: ``{"empty sequence (Q1, Q2)": 2}``."""
        return {
            f"{reason} ({', '.join(self.examples[reason])}{', ...' * (n > N_EXAMPLES)})": n
            for reason, n in self.dropped.most_common()
        }


def clean_sequence(sequence: str) -> tuple[str, list[str]]:
    """Sequence in upper case, without white space and without one final ``*`` (a stop codon).

    Returns
    -------
    str, list of str
        The clean sequence, and what was changed.

    Examples
    --------
    >>> clean_sequence("mkV LA*")
    ('MKVLA', ['white space removed', 'final * removed', 'lower case to upper'])
    """
    changed = []
    without = _WHITESPACE.sub("", sequence)
    if without != sequence:
        changed.append("white space removed")
    if without.endswith("*"):
        without = without[:-1]
        changed.append("final * removed")
    # str.upper may lengthen other scripts ('ß' -> 'SS'), which would hide an invalid character.
    if without.isascii() and without.upper() != without:
        without = without.upper()
        changed.append("lower case to upper")
    return without, changed


def filter_proteins(
    proteins: Iterable[Protein], settings: FetchSettings, source: str, counts: ProteinCounts
) -> Iterator[Protein]:
    """Yield the proteins that the settings keep, cleaned, in the order of the input.

    Of duplicates the first stays: the first record of an accession, whatever becomes of it, and
    the first kept protein of a sequence. Names and descriptions come out in one line each.

    Parameters
    ----------
    source : str
        Name of the input in error messages.
    counts : ProteinCounts
        Updated while the proteins pass.

    Raises
    ------
    UserError
        For an invalid character or a duplicate accession if the settings say ``error``, and at the
        end if no protein is left.
    """
    records: dict[str, int] = {}
    sequences: set[bytes] = set()
    for protein in proteins:
        counts.read += 1
        sequence, changed = clean_sequence(protein.sequence)
        counts.changed.update(changed)
        protein = replace(
            protein,
            entry_name=one_line(protein.entry_name),
            organism=one_line(protein.organism),
            sequence=sequence,
            features=tuple(map(_in_one_line, protein.features)),
        )
        reason = (
            _unprintable_name(protein, counts.read, settings, source)
            or _duplicate_accession(protein, records, counts.read, settings, source)
            or _unusable(protein, settings, source)
            or _unwanted(protein, settings)
            or _duplicate_sequence(protein, sequences, settings)
        )
        if reason:
            counts.drop(protein.accession, reason)
        else:
            counts.kept += 1
            counts.nucleic += may_be_nucleic(sequence)
            yield protein
    if not counts.kept:
        raise UserError(_nothing_left(source, counts))


def _in_one_line(feature: Feature) -> Feature:
    texts = (feature.type, feature.description, feature.evidence)
    if "".join(texts).isprintable():
        return feature
    kind, description, evidence = map(one_line, texts)
    return replace(feature, type=kind, description=description, evidence=evidence)


def _unprintable_name(protein: Protein, number: int, settings: FetchSettings, source: str) -> str:
    """A reason if the accession would break a line of a table, or cannot be written at all."""
    name = protein.accession
    if name and name.isprintable() and " " not in name:
        return ""
    if settings.invalid == "error":
        raise UserError(
            f"{source}: record {number}: accession is {shown(name)}; expected characters that can "
            "be printed, and no blank; correct it, or drop such proteins with fetch.invalid: drop"
        )
    return "invalid accession"


def _duplicate_accession(
    protein: Protein, records: dict[str, int], number: int, settings: FetchSettings, source: str
) -> str:
    first = records.setdefault(protein.accession, number)
    if first == number:
        return ""
    if settings.duplicate_accessions == "error":
        raise UserError(
            f"{source}: accession {cut(protein.accession, LONGEST_NAME)} occurs twice, in records "
            f"{first} and {number}; remove one, or keep the first with "
            "fetch.duplicate_accessions: first"
        )
    return "duplicate accession"


def _unusable(protein: Protein, settings: FetchSettings, source: str) -> str:
    if protein.inactive:
        known = protein.inactive != "inactive"
        return f"inactive entry: {protein.inactive}" if known else "inactive entry"
    if not protein.sequence:
        return "empty sequence"
    wrong = _INVALID.search(protein.sequence)
    if wrong is None:
        return ""
    if settings.invalid == "error":
        raise UserError(
            f"{source}: {cut(protein.accession, LONGEST_NAME)}: position {wrong.start() + 1} holds "
            f"{wrong.group()!r}; expected letters A to Z; correct the sequence, or drop such "
            "proteins with fetch.invalid: drop"
        )
    return "invalid character"


def _unwanted(protein: Protein, settings: FetchSettings) -> str:
    length = len(protein.sequence)
    if length < settings.min_length:
        return f"shorter than {settings.min_length}"
    if length > settings.max_length:
        return f"longer than {settings.max_length}"
    if protein.fragment and settings.fragments == "drop":
        return "fragment"
    if settings.nonstandard == "drop" and _NONSTANDARD.search(protein.sequence):
        return "non-standard letter"
    return ""


def _duplicate_sequence(protein: Protein, seen: set[bytes], settings: FetchSettings) -> str:
    if settings.duplicate_sequences == "keep":
        return ""
    # 16 bytes instead of a whole sequence: 570,000 proteins stay in some 50 MB.
    digest = hashlib.blake2b(protein.sequence.encode(), digest_size=16).digest()
    if digest in seen:
        return "duplicate sequence"
    seen.add(digest)
    return ""


def _nothing_left(source: str, counts: ProteinCounts) -> str:
    if not counts.read:
        return f"{source}: no proteins found"
    reasons = ", ".join(f"{n:,} {reason}" for reason, n in counts.dropped.most_common())
    return (
        f"{source}: none of {counts.read:,} proteins is left ({reasons}); "
        "widen the limits under 'fetch' in the configuration"
    )
