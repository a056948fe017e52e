"""What an LLM is told of a feature: windows of train proteins, and how to answer."""

from collections.abc import Sequence

import pandas as pd

from protsae.descriptions.llm.rule_grammar import grammar_words
from protsae.descriptions.rule_search import MOST_TERMS

HIGHEST = 9
"""Digit of the highest activation that is shown."""

_TASK = f"""You describe what one feature of a sparse autoencoder detects. The autoencoder was \
trained on the activations of a protein language model. At each residue of a protein the feature \
has an activation; at most residues it is 0.

You are shown windows of proteins. A lower-case letter is a residue at which the feature is \
silent, an upper-case letter with a digit one at which it is active, with its activation from 1 to \
{HIGHEST}, {HIGHEST} being the highest of all windows. The residues are numbered from 1 at the \
N-terminus. Annotations are those of UniProt that overlap the window, with their residues.

Answer with one JSON object and nothing else:
{{"label": "a few words", "sentence": "one sentence on where the feature is active", "rule": [...]}}

The rule predicts at which residues of proteins that you have not seen the feature is active. It \
is a list of at most {MOST_TERMS} terms and holds where all of them do. Give "rule": [] if you \
know none. These are the terms:

"""


def feature_prompt(active: pd.DataFrame, silent: pd.DataFrame) -> list[dict[str, str]]:
    """The messages for one feature; the first one is the same for all.

    Parameters
    ----------
    active, silent : DataFrame
        Rows of the examples table, all of train, with ``residues`` and ``length`` of the protein.

    Raises
    ------
    ValueError
        If a row is of another split: its score would tell how well the LLM remembers.
    """
    for rows in (active, silent):
        if not rows["split"].eq("train").all():
            raise ValueError("windows in a prompt that are not of train")
    highest = max(active["activation"].max(), max(map(max, active["activations"])))
    shown = [_window(row, highest) for row in active.to_dict("records")]
    quiet = [_window(row, highest) for row in silent.to_dict("records")] or ["none was found"]
    text = (
        "Windows in which the feature is active, the strongest first:\n"
        + "\n".join(shown)
        + "\n\nWindows in which it is silent, drawn at random:\n"
        + "\n".join(quiet)
    )
    return [
        {"role": "system", "content": _TASK + grammar_words()},
        {"role": "user", "content": text},
    ]


def _window(row: dict[str, object] | dict[object, object], highest: float) -> str:
    """A line for one window.

    Examples
    --------
    >>> row = {"start": 2, "end": 4, "length": 9, "residues": "KVA", "activations": [0, 1.0, 2]}
    >>> _window(row | {"annotations": "SIGNAL 1-2"}, 2.0)
    '- residues 2 to 4 of 9: kV5A9; annotations: SIGNAL 1-2'
    """
    residues, values = str(row["residues"]), row["activations"]
    letters = lettered(residues, values, highest)  # type: ignore[arg-type]
    there = f"; annotations: {row['annotations']}" if isinstance(row["annotations"], str) else ""
    return f"- residues {row['start']} to {row['end']} of {row['length']}: {letters}{there}"


def lettered(residues: str, activations: Sequence[float], highest: float) -> str:
    """Residues with their activations as digits: ceil(9 a / highest), none where a is 0.

    Examples
    --------
    >>> lettered("MKVA", [0.0, 0.1, 4.5, 9.0], 9.0)
    'mK1V5A9'
    """
    parts = []
    for letter, value in zip(residues, activations, strict=True):
        digit = min(HIGHEST, max(1, -int(-HIGHEST * value // highest)))
        parts.append(f"{letter.upper()}{digit}" if value > 0 else letter.lower())
    return "".join(parts)


CHARACTERS, ANSWER = 3, 150
"""Characters of a prompt that make a token, and tokens of an answer: a guess, as each LLM has its
own tokens. English has four a token, sequences two."""


def estimated_tokens(messages: Sequence[dict[str, str]]) -> int:
    """Tokens of a prompt, estimated."""
    return sum(-(-len(each["content"]) // CHARACTERS) for each in messages)
