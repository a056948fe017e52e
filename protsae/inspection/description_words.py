"""What a feature is called, by protsae and by an LLM, in words."""

from collections.abc import Sequence
from typing import Any

import pandas as pd

from protsae.one_line import one_line


def description_words(description: pd.DataFrame) -> list[tuple[str, str]]:
    """Its label with the confidence, and the sentence, each with a head.

    Examples
    --------
    >>> row = {"label": "C", "confidence": "high", "sentence": "C: 99% of the activation is there."}
    >>> description_words(pd.DataFrame([row]))
    [('label', 'C (confidence: high)'), ('described', 'C: 99% of the activation is there.')]
    >>> description_words(pd.DataFrame())
    []
    """
    if description.empty:
        return []
    row = description.iloc[0]
    is_known = row["label"] != row["confidence"]  # both are "unknown", or neither is
    label = f"{row['label']} (confidence: {row['confidence']})" if is_known else row["label"]
    return [("label", one_line(label)), ("described", one_line(row["sentence"]))]


def llm_words(llm: pd.DataFrame) -> list[tuple[str, str]]:
    """What an LLM says of it, and how well its rule does, beside protsae's own.

    Examples
    --------
    >>> row = {"llm": "some-llm", "label": "Cys", "sentence": "At C.", "confidence": "high"}
    >>> row |= {"problem": None, "auroc": 0.75, "auroc_low": 0.5, "auroc_high": 0.875}
    >>> row |= {"q_value": 0.01, "protsae_auroc": 0.875, "auroc_difference": -0.125}
    >>> row |= {"auroc_difference_low": -0.25, "auroc_difference_high": 0.0}
    >>> for head, text in llm_words(pd.DataFrame([row])):
    ...     print(head, "-", text)
    LLM - Cys (some-llm; confidence: high): At C.
    LLM's rule - AUROC 0.75 [0.50, 0.88], q 0.01; less that of protsae's rule: -0.12 [-0.25, 0.00]
    """
    if llm.empty:
        return []
    row = llm.iloc[0]
    label = row["label"] if has(row, "label") else "no label"
    sentence = f": {row['sentence']}" if has(row, "sentence") else ""
    text = f"{label} ({row['llm']}; confidence: {row['confidence']}){sentence}"
    return [("LLM", one_line(text)), ("LLM's rule", one_line(_llm_score(row)))]


def _llm_score(row: pd.Series) -> str:
    if has(row, "problem"):
        return f"none that can be scored ({row['problem']})"
    if not has(row, "auroc"):
        return "none, or nothing to score it on"
    text = f"AUROC {row['auroc']:.2f}{interval_words(row, 'auroc')}"
    text += f", q {row['q_value']:.2g}" if has(row, "q_value") else ""
    if has(row, "auroc_difference"):
        interval = interval_words(row, "auroc_difference")
        text += f"; less that of protsae's rule: {row['auroc_difference']:+.2f}{interval}"
    return text


def has(row: pd.Series, column: str) -> bool:
    """Whether a value is not empty."""
    value: Any = row[column]
    return not pd.isna(value)


def interval_words(row: pd.Series, of: str) -> str:
    """`` [low, high]`` of a score; nothing if it has none."""
    bounds: Sequence[float] = row[f"{of}_low"], row[f"{of}_high"]
    return "" if pd.isna(bounds[0]) else f" [{bounds[0]:.2f}, {bounds[1]:.2f}]"
