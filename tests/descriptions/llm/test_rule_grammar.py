"""Rules of LLMs: what is taken, and the words of what is not."""

import json
from typing import Any

import pytest

from protsae.concepts.concept import Concept
from protsae.descriptions.llm.rule_grammar import NoRule, grammar_words, read_rule
from protsae.descriptions.terms import from_json, to_json, vocabulary

CONCEPTS = {"SIGNAL": True, "fold: a": False}
LETTERS = {"term": "letters", "letters": "C"}
SHARE = {"term": "share", "letters": "small", "flank": 9, "percent": 60, "at_least": True}
PLACE = {"term": "place", "end": "N", "first": 1, "last": 20}


def test_every_term_of_our_own_rules_is_taken() -> None:
    concepts = [Concept("SIGNAL", "SIGNAL", "UniProt"), Concept("fold: a", "fold", "file")]
    terms = list(vocabulary(concepts, [True, False]))
    assert len(terms) > 400
    for term in terms:
        assert read_rule(json.loads(to_json((term,))), CONCEPTS) == (term,)


def test_every_kind_of_term_is_in_the_prompt() -> None:
    words = grammar_words()
    kinds = {json.loads(to_json((t,)))[0]["term"] for t in vocabulary([], [])} | {"annotated"}
    for kind in kinds:
        assert f'{{"term": "{kind}"' in words


def test_a_rule_has_one_form() -> None:
    assert read_rule([PLACE, LETTERS, LETTERS], CONCEPTS) == read_rule([LETTERS, PLACE], CONCEPTS)
    assert read_rule([], CONCEPTS) == ()
    assert from_json(to_json(read_rule([SHARE], CONCEPTS))) == read_rule([SHARE], CONCEPTS)


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ("C", "the rule is no list of terms"),
        (None, "the rule is no list of terms"),
        (["C"], "the rule is no list of terms"),
        ([LETTERS, PLACE, SHARE, LETTERS | {"letters": "G"}], "4 terms"),
        ([{}], "no term null"),
        ([{"term": ["letters"]}], 'no term ["letters"]'),
        ([{"term": "regex", "pattern": "C"}], 'no term "regex"'),
        ([{"term": "letters"}], "term letters: no letters"),
        ([LETTERS | {"letters": "B"}], 'term letters: letters is "B"'),
        ([LETTERS | {"letters": ["C"]}], 'term letters: letters is ["C"]'),
        ([LETTERS | {"region": None}], 'term letters: unknown "region"'),
        ([{"term": "neighbour", "letters": "C", "offset": 0}], "term neighbour: offset is 0"),
        ([{"term": "neighbour", "letters": "C", "offset": 1.0}], "term neighbour: offset is 1.0"),
        ([{"term": "neighbour", "letters": "C", "offset": True}], "term neighbour: offset is true"),
        ([SHARE | {"flank": 5}], "term share: flank is 5"),
        ([SHARE | {"percent": 101}], "term share: percent is 101"),
        ([SHARE | {"at_least": 1}], "term share: at_least is 1"),
        ([PLACE | {"end": "middle"}], 'term place: end is "middle"'),
        ([PLACE | {"first": 0}], "term place: first is 0"),
        ([PLACE | {"last": float("nan")}], "term place: last is NaN"),
        ([PLACE | {"first": 21}], "term place: first is after last"),
        ([{"term": "motif", "motif": "x" * 99}], f'term motif: motif is "{"x" * 36}...'),
        ([{"term": "annotated", "concept": "ACT_SITE"}], 'concept "ACT_SITE" is not scored'),
        ([{"term": "annotated", "concept": 1}], "term annotated: concept is 1"),
        ([{"term": "annotated", "concept": "SIGNAL", "part": "near"}], 'part is "near"'),
        ([{"term": "annotated", "concept": "fold: a", "part": "end"}], '"fold: a" has no ends'),
    ],
)
def test_what_is_no_rule(given: Any, why: str) -> None:
    with pytest.raises(NoRule) as error:
        read_rule(given, CONCEPTS)
    assert why in str(error.value)
