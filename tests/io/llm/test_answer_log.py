"""Answers on disk: bound to prompt and LLM, whole lines only, one process at a time."""

import json
from pathlib import Path

import pytest

from protsae.errors import UserError
from protsae.io.llm.answer_log import answer_log, read_answers
from protsae.io.llm.chat_client import Completion

PROMPT = [{"role": "user", "content": "a"}]
ANSWER = Completion("text", "stop", "llm-1", 7, 3)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "new" / "llm_prompts.jsonl"
    with answer_log(path) as log:
        log.add("llm", PROMPT, ANSWER, {"feature": 5})
        assert log.get("llm", PROMPT) == ANSWER
    return path


def test_an_answer_is_bound_to_prompt_and_llm(path: Path) -> None:
    log = read_answers(path)
    assert log.get("llm", [dict(PROMPT[0])]) == ANSWER
    assert log.get("other", PROMPT) is None
    assert log.get("llm", [{"role": "user", "content": "b"}]) is None
    assert log.get("llm", [{"role": "system", "content": "a"}]) is None


def test_what_a_line_holds(path: Path) -> None:
    assert json.loads(path.read_text()) == {
        "feature": 5,
        "llm": "llm",
        "messages": PROMPT,
        "text": "text",
        "finish": "stop",
        "answered_by": "llm-1",
        "input_tokens": 7,
        "output_tokens": 3,
    }


@pytest.mark.parametrize("kept", [1, 10, -1])
def test_a_torn_line_is_taken_off(path: Path, kept: int) -> None:
    whole = path.read_bytes()
    path.write_bytes(whole + whole[:kept])
    assert read_answers(path).get("llm", PROMPT) == ANSWER
    with answer_log(path) as log:
        log.add("other", PROMPT, ANSWER, {"feature": 5})
    assert path.read_bytes().startswith(whole)
    assert path.read_bytes().count(b"\n") == 2
    assert read_answers(path).get("other", PROMPT) == ANSWER


@pytest.mark.parametrize("line", ["{}", "[]", "no JSON", '{"messages": [{"role": "user"}]}'])
def test_a_foreign_line_is_named(path: Path, line: str) -> None:
    path.write_text(path.read_text() + line + "\n")
    with pytest.raises(UserError, match=r"llm_prompts.jsonl, line 2: no answer that protsae"):
        read_answers(path)


def test_one_process_at_a_time(path: Path) -> None:
    refused = pytest.raises(UserError, match="another protsae describe adds to it")
    with answer_log(path), refused, answer_log(path):
        pass


def test_no_file_is_no_answer(tmp_path: Path) -> None:
    assert read_answers(tmp_path / "none").get("llm", PROMPT) is None
    assert not (tmp_path / "none").exists()
