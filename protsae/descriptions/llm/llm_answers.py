"""What an LLM has answered: a label, a sentence and a rule, found in its text."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from protsae.descriptions.llm.rule_grammar import NoRule, read_rule
from protsae.descriptions.terms import Terms
from protsae.one_line import cut

LONGEST_LABEL, LONGEST_SENTENCE = 80, 300
"""Characters that are kept."""

_MOST_TRIES = 100
"""Braces of a text at which an object is looked for."""


@dataclass(frozen=True)
class LlmAnswer:
    """One answer, in one line each.

    Attributes
    ----------
    label, sentence : str
        Empty if there is none.
    rule : tuple of Term
        Empty if it names none, or none that can be scored.
    problem : str
        Why the rule cannot be scored; empty if it can, or if the answer says that it knows none.
    """

    label: str
    sentence: str
    rule: Terms
    problem: str


def read_answer(text: str, concepts: Mapping[str, bool]) -> LlmAnswer:
    """Find the JSON object with a ``rule`` in an answer; words and fences around it do not matter.

    Parameters
    ----------
    concepts : mapping of str to bool
        As of `read_rule`.

    Examples
    --------
    >>> text = 'Here: {"label": "Cys", "sentence": "C.", "rule": [{"term": "letters", '
    >>> read_answer(text + '"letters": "C"}]}', {}).rule[0].name
    'residue C'
    >>> read_answer("It likes cysteines.", {}).problem
    'no JSON object with a rule'
    """
    found = _object_with_rule(text)
    if found is None:
        return LlmAnswer("", "", (), "no JSON object with a rule")
    label = _words(found.get("label"), LONGEST_LABEL)
    sentence = _words(found.get("sentence"), LONGEST_SENTENCE)
    try:
        return LlmAnswer(label, sentence, read_rule(found["rule"], concepts), "")
    except NoRule as error:
        return LlmAnswer(label, sentence, (), cut(str(error)))


def _object_with_rule(text: str) -> dict[str, Any] | None:
    """The last one, as an LLM may think aloud before it answers."""
    decoder, found, begin = json.JSONDecoder(), None, text.find("{")
    for _ in range(_MOST_TRIES):
        if begin < 0:
            break
        try:
            value, end = decoder.raw_decode(text, begin)
        except (ValueError, RecursionError):
            end = begin + 1
        else:
            found = value if "rule" in value else found
        begin = text.find("{", end)
    return found


def _words(value: Any, longest: int) -> str:
    return cut(" ".join(value.split()), longest) if isinstance(value, str) else ""
