"""The terms that rules of descriptions are made of, in words and as JSON."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from protsae.concepts.concept import Concept, is_defined_by_sequence
from protsae.concepts.sequence.amino_acid_classes import CLASSES
from protsae.concepts.sequence.prosite import MOTIFS
from protsae.concepts.uniprot.words import concept_words
from protsae.proteins.alphabet import STANDARD
from protsae.references.rules.sequence_rules import (
    LETTER_SETS,
    Letters,
    LowComplexity,
    Pattern,
    Place,
    Rule,
    Share,
)

NEAR = 5
"""Residues on either side of an end of an annotation that count as near it."""

NEIGHBOURS = (-4, -3, -2, -1, 1, 2, 3, 4)
"""Offsets from a residue at which letters are looked for: a turn of a helix on either side."""

LAST_PLACES = (1, 2, 3, 5, 10, 20, 30, 50, 100)
FLANKS = (3, 9)
PERCENTS = (20, 40, 60, 80)

PARTS = {
    "in": "{}",
    "first": "the first residue of {}",
    "last": "the last residue of {}",
    "start": f"the first {NEAR} residues of {{}}",
    "end": f"the last {NEAR} residues of {{}}",
    "before": f"the {NEAR} residues before {{}}",
    "after": f"the {NEAR} residues after {{}}",
    "protein": "proteins with {}",
}
"""Where a residue is relative to an annotated interval, and how that is said."""


@dataclass(frozen=True)
class Neighbour:
    """A letter of a set at an offset from the residue; negative offsets are nearer the N-terminus.

    Examples
    --------
    >>> Neighbour("G", -3).name, Neighbour("aromatic", 1).name
    ('G at -3', 'an aromatic residue at +1')
    """

    letters: str
    offset: int

    @property
    def name(self) -> str:
        """In words."""
        article = "an" if self.letters[0] in "aeiou" else "a"
        what = self.letters if len(self.letters) == 1 else f"{article} {self.letters} residue"
        return f"{what} at {self.offset:+d}"


@dataclass(frozen=True)
class Annotated:
    """A place relative to the annotated intervals of a concept; one of ``PARTS``.

    Examples
    --------
    >>> Annotated("SIGNAL", "end").name, Annotated("DOMAIN: EGF-like").name
    ('the last 5 residues of signal peptide', 'domain: EGF-like')
    """

    concept: str
    part: str = "in"

    @property
    def name(self) -> str:
        """In UniProt's words."""
        return PARTS[self.part].format(concept_words(self.concept))


Term = Rule | Neighbour | Annotated
"""One condition on a residue. Rules on the sequence have a place in `references.rules`, too."""

Terms = tuple[Term, ...]
"""A rule: residues at which all terms hold; none of them: everywhere."""

_KINDS: dict[str, type[Any]] = {
    "annotated": Annotated,
    "letters": Letters,
    "low_complexity": LowComplexity,
    "motif": Pattern,
    "neighbour": Neighbour,
    "place": Place,
    "share": Share,
}


def needs_annotations(rule: Terms) -> bool:
    """Whether a rule asks for more than the sequence."""
    return any(isinstance(term, Annotated) for term in rule)


def to_json(rule: Terms) -> str:
    """A rule as JSON: a list of terms, each with its kind.

    Examples
    --------
    >>> to_json((Letters("C"), Place("N", 1, 20)))
    '[{"term": "letters", "letters": "C"}, {"term": "place", "end": "N", "first": 1, "last": 20}]'
    """
    kinds = {kind: name for name, kind in _KINDS.items()}
    return json.dumps([{"term": kinds[type(term)], **_fields(term)} for term in rule])


def from_json(text: str) -> Terms:
    """The rule that `to_json` wrote.

    Examples
    --------
    >>> from_json('[{"term": "annotated", "concept": "SIGNAL", "part": "after"}]')[0].name
    'the 5 residues after signal peptide'
    """
    terms = []
    for given in json.loads(text):
        fields = dict(given)
        terms.append(_KINDS[fields.pop("term")](**fields))
    return tuple(terms)


def _fields(term: Any) -> dict[str, Any]:
    return {name: value for name, value in asdict(term).items() if value is not None}


def vocabulary(concepts: Sequence[Concept], has_instances: Sequence[bool]) -> Iterator[Term]:
    """All terms that rules are built of; those on the sequence first.

    Parameters
    ----------
    concepts : sequence of Concept
        What may be annotated; concepts that the sequence defines add no term.
    has_instances : sequence of bool
        Whether each has intervals one by one, so that they have ends.
    """
    for letters in LETTER_SETS:
        yield Letters(letters)
    for last in LAST_PLACES:
        yield Place("N", 1, last)
        yield Place("C", 1, last)
    for motif in MOTIFS:
        yield Pattern(motif.name)
    yield LowComplexity()
    for letters in (*STANDARD, *CLASSES):
        for flank in FLANKS:
            for percent in PERCENTS:
                yield Share(letters, flank, percent, True)
    for offset in NEIGHBOURS:
        for letters in LETTER_SETS:
            yield Neighbour(letters, offset)
    for concept, with_ends in zip(concepts, has_instances, strict=True):
        if not is_defined_by_sequence(concept.type):
            for part in PARTS if with_ends else ("in", "protein"):
                yield Annotated(concept.name, part)
