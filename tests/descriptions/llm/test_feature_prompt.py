"""Prompts: what an LLM is shown, word for word, and that it is of train."""

import pandas as pd
import pytest

from protsae.descriptions.llm.feature_prompt import estimated_tokens, feature_prompt

ROW = {
    **{"split": "train", "start": 3, "end": 5, "length": 11, "residues": "KVA"},
    **{"activation": 2.0, "activations": [0.0, 1.0, 2.0], "annotations": "SIGNAL 1-4"},
}
QUIET = ROW | {"activation": 0.0, "activations": [0.0, 0.0, 0.0], "annotations": None}


def test_what_is_shown() -> None:
    system, user = feature_prompt(pd.DataFrame([ROW]), pd.DataFrame([QUIET]))
    assert (system["role"], user["role"]) == ("system", "user")
    assert user["content"].splitlines() == [
        "Windows in which the feature is active, the strongest first:",
        "- residues 3 to 5 of 11: kV5A9; annotations: SIGNAL 1-4",
        "",
        "Windows in which it is silent, drawn at random:",
        "- residues 3 to 5 of 11: kva",
    ]


def test_a_feature_that_is_nowhere_silent() -> None:
    none = pd.DataFrame([QUIET]).iloc[:0]
    assert feature_prompt(pd.DataFrame([ROW]), none)[1]["content"].endswith("\nnone was found")


@pytest.mark.parametrize("split", ["valid", "test"])
def test_other_splits_are_refused(split: str) -> None:
    for rows in ([ROW, ROW | {"split": split}], [ROW]), ([ROW], [QUIET | {"split": split}]):
        with pytest.raises(ValueError, match="not of train"):
            feature_prompt(*map(pd.DataFrame, rows))


def test_tokens_are_rounded_up() -> None:
    assert estimated_tokens([{"content": "abcd"}, {"content": "abc"}]) == 3
