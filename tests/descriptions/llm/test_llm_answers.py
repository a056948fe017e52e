"""Answers of LLMs as they come: fenced, thought aloud, cut, or none at all."""

import json

import pytest

from protsae.descriptions.llm.llm_answers import read_answer

RULE = [{"term": "letters", "letters": "C"}]
ANSWER = json.dumps({"label": "Cys", "sentence": "At cysteines.", "rule": RULE}, indent=1)


@pytest.mark.parametrize(
    "text",
    [
        ANSWER,
        f"```json\n{ANSWER}\n```",
        f'<think>Is it {{C}}? or {{"rule": []}}</think>{ANSWER}',
        f"Sure! {ANSWER} Hope that helps {{}}.",
    ],
)
def test_the_object_is_found(text: str) -> None:
    found = read_answer(text, {})
    assert (found.label, found.sentence, found.problem) == ("Cys", "At cysteines.", "")
    assert [term.name for term in found.rule] == ["residue C"]


@pytest.mark.parametrize("text", ["", "No idea.", ANSWER[:-3], "{" * 100_000, "[" * 9, '{"a": 1}'])
def test_no_object_is_no_rule(text: str) -> None:
    assert read_answer(text, {}).problem == "no JSON object with a rule"


def test_a_rule_that_is_none_keeps_its_words() -> None:
    found = read_answer('{"label": "x", "sentence": 3, "rule": [{"term": "regex"}]}', {})
    assert (found.label, found.sentence, found.rule) == ("x", "", ())
    assert found.problem == 'no term "regex"'


def test_an_empty_rule_is_an_answer() -> None:
    assert read_answer('{"rule": []}', {}).problem == ""


def test_words_stay_on_one_line_and_short() -> None:
    found = read_answer(json.dumps({"label": "a\n\x1b[2Jb" * 99, "rule": RULE}), {})
    assert len(found.label) == 80
    assert found.label.isprintable()
