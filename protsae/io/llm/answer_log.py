"""Prompts and answers of LLMs, one JSON object a line: what has an answer is not asked again."""

import fcntl
import hashlib
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

from protsae.errors import UserError
from protsae.io.llm.chat_client import Completion, Messages
from protsae.one_line import reason

_MESSAGE = {"role", "content"}


def prompt_digest(llm: str, messages: Messages) -> str:
    """SHA-256 of an LLM's name and the whole prompt: what an answer is bound to."""
    text = json.dumps([llm, [[each["role"], each["content"]] for each in messages]])
    return hashlib.sha256(text.encode()).hexdigest()


class AnswerLog:
    """Answers by `prompt_digest`, in a file that grows by a line with each.

    A line is on the disk before the next request is made. One that a killed process has left
    unfinished is taken off.

    Attributes
    ----------
    path : Path
    """

    def __init__(self, path: Path, answers: dict[str, Completion]) -> None:
        self.path, self._answers = path, answers

    def get(self, llm: str, messages: Messages) -> Completion | None:
        """The answer to a prompt, if there is one; a later one replaces an earlier one."""
        return self._answers.get(prompt_digest(llm, messages))

    def add(self, llm: str, messages: Messages, answer: Completion, about: dict[str, Any]) -> None:
        """Keep an answer; ``about`` says what the prompt is about."""
        line = {**about, "llm": llm, "messages": list(messages), **asdict(answer)}
        with self.path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")
            file.flush()
            os.fsync(file.fileno())
        self._answers[prompt_digest(llm, messages)] = answer


def read_answers(path: Path) -> AnswerLog:
    """The answers of a file, none if there is no such file.

    Raises
    ------
    UserError
        If a line is not one that `AnswerLog.add` wrote.
    """
    answers: dict[str, Completion] = {}
    text = path.read_bytes() if path.is_file() else b""
    for number, line in enumerate(text.split(b"\n")[:-1], start=1):
        try:
            row = json.loads(line)
            if any(set(each) != _MESSAGE for each in row["messages"]):
                raise ValueError("messages without role and content")
            found = Completion(**{name: row[name] for name in Completion.__dataclass_fields__})
            answers[prompt_digest(row["llm"], row["messages"])] = found
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            raise UserError(
                f"{path}, line {number}: no answer that protsae has stored ({reason(error, 100)}); "
                "take the line out, and its prompt is asked again"
            ) from None
    return AnswerLog(path, answers)


@contextmanager
def answer_log(path: Path) -> Iterator[AnswerLog]:
    """The answers of a file that no other process adds to meanwhile, without a torn last line.

    Raises
    ------
    UserError
        As `read_answers`, and if another process is at it: both would pay for the same answers.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("ab+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise UserError(
                f"{path}: another protsae describe adds to it; wait until it has ended"
            ) from None
        file.seek(0)
        file.truncate(file.read().rfind(b"\n") + 1)
        yield read_answers(path)
