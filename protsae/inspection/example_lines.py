"""Examples of a feature as lines of text, aligned at the residue that each was chosen for."""

from collections.abc import Sequence

import pandas as pd

from protsae.features.error_sites import SILENT, UNANNOTATED
from protsae.features.example_sites import STRENGTHS, STRONGEST
from protsae.one_line import cut, one_line

FLANK = 15
"""Residues shown on each side."""

_WORDS = {
    STRONGEST: "strongest activations",
    **{
        name: f"drawn from quantiles {low:g} to {high:g} of its activations"
        for name, (low, high) in STRENGTHS.items()
    },
    UNANNOTATED: "on in test proteins without the concept",
    SILENT: "off in test proteins with the concept",
}
_BOLD, _PLAIN = "\x1b[1m", "\x1b[0m"


def example_lines(examples: pd.DataFrame, width: int, is_terminal: bool = False) -> list[str]:
    """A line for each example: protein, residue, activation, window, and annotations there.

    Residues at which the feature is active are upper case, and bold on a terminal.

    Parameters
    ----------
    examples : DataFrame
        Rows of one feature in the examples table, with ``residues``.
    width : int
        Characters of a line, at most.

    Examples
    --------
    >>> row = {"selection": "strongest", "accession": "P1", "peak": 3, "start": 1, "end": 4}
    >>> row |= {"activation": 2.5, "activations": [0, 1, 2.5, 0], "annotations": "SIGNAL 1-2"}
    >>> for line in example_lines(pd.DataFrame([row | {"residues": "MKVA"}]), 80):
    ...     print(line)
    Examples, aligned at the residue that is named; upper case: active
      strongest activations
        P1 V3 2.5              mKVa               SIGNAL 1-2
    """
    if examples.empty:
        return ["Examples: none; it is active nowhere"]
    lines = ["Examples, aligned at the residue that is named; upper case: active"]
    names = _padded([one_line(name) for name in examples["accession"]])
    chosen = _padded(
        [
            f"{residues[peak - start]}{peak}"
            for residues, peak, start in zip(
                examples["residues"], examples["peak"], examples["start"], strict=True
            )
        ]
    )
    values = _padded([f"{value:.3g}" for value in examples["activation"]])
    head = zip(names, chosen, values, strict=True)
    said = None
    for (name, residue, value), row in zip(head, examples.to_dict("records"), strict=True):
        if row["selection"] != said:
            said = row["selection"]
            lines.append(f"  {_WORDS[said]}")
        start = f"    {name} {residue} {value} "
        first = max(row["start"], row["peak"] - FLANK)
        last = min(row["end"], row["peak"] + FLANK)
        window = aligned(row["residues"], row["activations"], row["peak"] - row["start"])
        room = width - len(start) - len(window) - 1
        there = overlapping(row["annotations"], first, last, row["peak"])
        after = f" {cut(there, room)}" if there and room > _LEAST_ROOM else ""
        shown = window if after else window.rstrip()
        lines.append(start + (_bold(shown) if is_terminal else shown) + after)
    return lines


_LEAST_ROOM = 8
"""Characters below which annotations are left out."""


def aligned(residues: str, activations: Sequence[float], peak: int) -> str:
    """``FLANK`` residues on either side of one, blanks beyond the chain: always as many characters.

    Parameters
    ----------
    residues : str
    activations : sequence of float
        Of each; where it is 0, the letter is lower case.
    peak : int
        0-based, in ``residues``.

    Examples
    --------
    >>> aligned("MKV", [0.0, 2.0, 0.0], 1).strip()
    'mKv'
    >>> aligned("MKV", [0.0, 2.0, 0.0], 1).index("K") == FLANK
    True
    """
    letters = [
        letter.upper() if activation > 0 else letter.lower()
        for letter, activation in zip(residues, activations, strict=True)
    ]
    before = "".join(letters[max(0, peak - FLANK) : peak])
    after = "".join(letters[peak : peak + FLANK + 1])
    return f"{before:>{FLANK}}{after:<{FLANK + 1}}"


def overlapping(annotations: str | None, first: int, last: int, peak: int) -> str:
    """Of the annotations around an example, those that overlap residues first to last.

    Those at the peak come first.

    Examples
    --------
    >>> overlapping("SIGNAL 1-22; CHAIN: a; b 23-90; HELIX 33-40", 30, 40, 33)
    'CHAIN: a; b 23-90; HELIX 33-40'
    >>> overlapping("STRAND 30-31; HELIX 33-40", 30, 40, 33)
    'HELIX 33-40; STRAND 30-31'
    >>> overlapping(None, 30, 40, 33)
    ''
    """
    kept: dict[bool, list[str]] = {True: [], False: []}
    begun = ""
    for part in (annotations if isinstance(annotations, str) else "").split("; "):
        # A name may hold the separator; it goes on until there are residues.
        begun = f"{begun}; {part}" if begun else part
        start, _, end = begun.rpartition(" ")[2].partition("-")
        if start.isdecimal() and end.isdecimal():
            if int(start) <= last and int(end) >= first:
                kept[int(start) <= peak <= int(end)].append(begun)
            begun = ""
    return one_line("; ".join(kept[True] + kept[False]))


def _padded(texts: Sequence[str]) -> list[str]:
    """As wide as the widest."""
    widest = max(map(len, texts))
    return [f"{text:<{widest}}" for text in texts]


def _bold(window: str) -> str:
    """Upper case in bold.

    Examples
    --------
    >>> _bold("aBCd").replace(_BOLD, "<").replace(_PLAIN, ">")
    'a<BC>d'
    """
    shown, is_bold = "", False
    for letter in window:
        if letter.isupper() != is_bold:
            is_bold = not is_bold
            shown += _BOLD if is_bold else _PLAIN
        shown += letter
    return shown + (_PLAIN if is_bold else "")
