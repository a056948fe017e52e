"""The rules that an LLM may answer with: in words for the prompt, and read from JSON."""

import json
from collections.abc import Callable, Mapping
from typing import Any

from protsae.concepts.sequence.amino_acid_classes import CLASSES
from protsae.concepts.sequence.prosite import MOTIFS
from protsae.descriptions.rule_search import MOST_TERMS
from protsae.descriptions.terms import FLANKS, NEIGHBOURS, PARTS, Terms, from_json, to_json
from protsae.references.rules.sequence_rules import LETTER_SETS

_WITHOUT_ENDS = ("in", "protein")
"""Parts of concepts whose intervals are not known one by one."""


class NoRule(Exception):
    """An answer is no rule that can be scored; the message says why."""


def grammar_words() -> str:
    """All kinds of terms, for a prompt."""
    classes = ", ".join(f"{name} ({letters})" for name, letters in CLASSES.items())
    parts = "\n".join(
        f'    "{part}": {words.format("the interval")}' for part, words in PARTS.items()
    )
    motifs = ", ".join(f"{motif.name} ({motif.pattern})" for motif in MOTIFS)
    offsets = ", ".join(map(str, NEIGHBOURS))
    flanks = " or ".join(map(str, FLANKS))
    return f"""SET is one amino acid, such as "C", or one of these classes: {classes}.

- {{"term": "letters", "letters": SET}}: the residue is one of SET.
- {{"term": "neighbour", "letters": SET, "offset": N}}: the residue N places further on is one of \
SET; N is one of {offsets}, negative ones are nearer the N-terminus.
- {{"term": "share", "letters": SET, "flank": F, "percent": P, "at_least": true}}: of the \
residues at most F places away, itself included, at least P % are of SET; F is {flanks}, P a whole \
number from 1 to 100; "at_least": false means fewer than P %.
- {{"term": "place", "end": "N", "first": A, "last": B}}: residues A to B of the chain, counted \
from 1; with "end": "C" from its last residue.
- {{"term": "low_complexity"}}: the residue is in a region of low complexity.
- {{"term": "motif", "motif": NAME}}: the residue is within a match of a motif: {motifs}.
- {{"term": "annotated", "concept": NAME, "part": PART}}: where the residue is relative to an \
annotated interval of UniProt; NAME as in the annotations shown, such as "TRANSMEM: Helical", or \
the type alone, "TRANSMEM". PART is one of
{parts}"""


def read_rule(given: Any, concepts: Mapping[str, bool]) -> Terms:
    """The rule of an answer, terms in a fixed order and each once.

    Parameters
    ----------
    given : Any
        From JSON; an empty list is no rule, but an answer.
    concepts : mapping of str to bool
        Annotated concepts that are scored, and whether their intervals are known one by one.

    Raises
    ------
    NoRule
        If it is no list of at most ``MOST_TERMS`` terms of the grammar.

    Examples
    --------
    >>> given = [{"term": "annotated", "concept": "SIGNAL"}, {"term": "letters", "letters": "L"}]
    >>> [term.name for term in read_rule(given, {"SIGNAL": True})]
    ['signal peptide', 'residue L']
    >>> read_rule([{"term": "letters", "letters": "B"}], {})
    Traceback (most recent call last):
    protsae.descriptions.llm.rule_grammar.NoRule: term letters: letters is "B"
    """
    if not isinstance(given, list) or not all(isinstance(term, dict) for term in given):
        raise NoRule("the rule is no list of terms")
    if len(given) > MOST_TERMS:
        raise NoRule(f"{len(given)} terms")
    found = {_term_json(term, concepts) for term in given}
    return from_json(f"[{', '.join(sorted(found))}]")


def _term_json(given: Mapping[str, Any], concepts: Mapping[str, bool]) -> str:
    """A term as `to_json` writes it, checked key by key."""
    kind = given.get("term")
    if not isinstance(kind, str) or kind not in _FIELDS:
        raise NoRule(f"no term {_shown(kind)}")
    fields = {name: value for name, value in given.items() if name != "term"}
    if kind == "annotated":
        fields.setdefault("part", "in")
    allowed = _FIELDS[kind]
    for name in (*allowed, *fields):
        if name not in fields:
            raise NoRule(f"term {kind}: no {name}")
        if name not in allowed:
            raise NoRule(f"term {kind}: unknown {_shown(name)}")
        if not allowed[name](fields[name]):
            raise NoRule(f"term {kind}: {name} is {_shown(fields[name])}")
    if kind == "place" and fields["first"] > fields["last"]:
        raise NoRule("term place: first is after last")
    if kind == "annotated":
        _validate_annotated(fields["concept"], fields["part"], concepts)
    [term] = from_json(json.dumps([{"term": kind, **fields}]))
    return to_json((term,))[1:-1]


def _validate_annotated(concept: str, part: str, concepts: Mapping[str, bool]) -> None:
    if concept not in concepts:
        raise NoRule(f"term annotated: concept {_shown(concept)} is not scored")
    if not concepts[concept] and part not in _WITHOUT_ENDS:
        raise NoRule(f"term annotated: {_shown(concept)} has no ends")


def _is_int(low: int, high: int) -> Callable[[Any], bool]:
    return lambda value: type(value) is int and low <= value <= high


def _is_of(values: Any) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, str) and value in values


_LONGEST = 1_000_000
"""Residues; no chain has as many."""

_FIELDS: dict[str, dict[str, Callable[[Any], bool]]] = {
    "letters": {"letters": _is_of(LETTER_SETS)},
    "neighbour": {
        "letters": _is_of(LETTER_SETS),
        "offset": lambda value: type(value) is int and value in NEIGHBOURS,
    },
    "share": {
        "letters": _is_of(LETTER_SETS),
        "flank": lambda value: type(value) is int and value in FLANKS,
        "percent": _is_int(1, 100),
        "at_least": lambda value: isinstance(value, bool),
    },
    "place": {
        "end": _is_of(("N", "C")),
        "first": _is_int(1, _LONGEST),
        "last": _is_int(1, _LONGEST),
    },
    "low_complexity": {},
    "motif": {"motif": _is_of([motif.name for motif in MOTIFS])},
    "annotated": {"concept": lambda value: isinstance(value, str), "part": _is_of(PARTS)},
}
"""Kinds of terms, and what their fields may be."""


def _shown(value: Any) -> str:
    text = json.dumps(value)
    return text if len(text) <= 40 else f"{text[:37]}..."
