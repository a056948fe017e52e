"""What interventions change in the predictions of a protein, in words."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from protsae.one_line import note, one_line
from protsae.screen.wording import count, fitted, listed

NEAR = 8
"""Residues on either side of an edited one that count as near."""

MOST_RESIDUES, MOST_INTERVALS, MOST_LETTERS = 5, 6, 4

LEAST_KL, LEAST_CHANGE, LEAST_NAMED = 1e-6, 5e-4, 5e-3
"""Changes of predictions below these are not named: KL, means of probabilities, probabilities."""

WHAT_IT_SAYS = (
    "KL is how far predictions move, in nats: 0 not at all, 0.1 visibly, 1 to another prediction",
    "whether random edits of that size would do as much is not tested here",
)
OF_LAST_LAYER = (
    "after the last layer no attention follows: an edit there reaches the prediction of its own "
    "residue alone"
)


def intervened_lines(
    name: str, table: pd.DataFrame, change: np.ndarray, letters: str, is_masked: bool
) -> list[str]:
    """How much predictions changed and where, the residues that changed most, the amino acids.

    Parameters
    ----------
    table : DataFrame
        Rows of the protein in the table ``edited``.
    change : ndarray
        Edited less clean probability of each amino acid, shape (n_residues, n_letters).
    letters : str
        Those amino acids.
    is_masked : bool
        Whether residues were masked when they were predicted.
    """
    edited, kl = table["edited"].to_numpy(bool), table["kl"].to_numpy()
    how = "each residue masked when it is predicted" if is_masked else "nothing masked"
    lines = [f"{one_line(name)}: {count(len(table), 'residue')}, {how}"]
    if not edited.any():
        lines.append("  Edited: no residue; the edits change no activation when nothing is masked.")
        if kl.max() < LEAST_KL:
            return lines
    near = near_residues(edited, NEAR)
    if edited.any():
        spans = listed([_span(*ends) for ends in _intervals(edited)], MOST_INTERVALS)
        lines += fitted(f"{count(int(edited.sum()), 'residue')}, {spans}", "  Edited: ")
    places = (
        ("at edited residues", edited),
        (f"within {NEAR} residues of one", near & ~edited),
        ("elsewhere", ~near),
    )
    moved = [f"{_moved(kl[where])} {text}" for text, where in places if where.any()]
    lines += fitted("; ".join(moved), "  KL of predictions: ")
    if kl.max() < LEAST_KL:
        return [*lines, "  No prediction changes."]
    lines += fitted(listed(_most_changed(table), MOST_RESIDUES), "  Changed most: ")
    return [*lines, *(_letter_lines(change[edited].mean(0), letters) if edited.any() else [])]


def near_residues(edited: np.ndarray, flank: int) -> np.ndarray:
    """Residues within ``flank`` of an edited one, and those themselves: bool, shape (n_residues,).

    Examples
    --------
    >>> near_residues(np.array([False, False, True, False, False]), 1).tolist()
    [False, True, True, True, False]
    """
    near: np.ndarray = np.convolve(edited, np.ones(2 * flank + 1, int))[flank:][: len(edited)] > 0
    return near


def _moved(kl: np.ndarray) -> str:
    return f"{kl.mean():.2g} on average ({kl.sum():.2g} in all)"


def _intervals(edited: np.ndarray) -> list[tuple[int, int]]:
    """First and last residue of each run of edited ones, 1-based.

    Examples
    --------
    >>> _intervals(np.array([True, True, False, True]))
    [(1, 2), (4, 4)]
    """
    steps = np.flatnonzero(np.diff(np.concatenate([[0], edited, [0]])))
    return [(int(first) + 1, int(last)) for first, last in steps.reshape(-1, 2)]


def _span(first: int, last: int) -> str:
    return f"{first}" if first == last else f"{first} to {last}"


def _most_changed(table: pd.DataFrame) -> Sequence[str]:
    """The residues with the largest KL, with what is there and what is predicted."""
    most = table.sort_values(["kl", "position"], ascending=[False, True], kind="stable")
    rows = most[most["kl"] >= LEAST_KL].head(MOST_RESIDUES)
    return [
        f"{row.residue}{row.position} (KL {row.kl:.2g}, {_predicted(row)})"
        for row in rows.itertuples()
    ]


def _predicted(row: object) -> str:
    """How the probability of the residue and the best amino acid change, and which change most."""
    before, after, best, edited_best, residue = (
        getattr(row, name)
        for name in ("probability", "edited_probability", "best", "edited_best", "residue")
    )
    said = [] if pd.isna(before) else [f"p({residue}) {before:.2f} to {after:.2f}"]
    said.append(f"best {best}" if best == edited_best else f"best {best}, now {edited_best}")
    for letter, size, sign in (("lost", "loss", "-"), ("gained", "gain", "+")):
        name, change = getattr(row, letter), getattr(row, size)
        # What is said of the residue itself is not said twice.
        is_said = name == residue and pd.notna(before)
        said += [f"{name} {sign}{change:.2f}"] if change >= LEAST_NAMED and not is_said else []
    return ", ".join(said)


def _letter_lines(change: np.ndarray, letters: str) -> list[str]:
    """The amino acids whose mean probability at edited residues rises and falls most."""
    order = np.argsort(-change, kind="stable")
    gained = [i for i in order if change[i] >= LEAST_CHANGE][:MOST_LETTERS]
    lost = [i for i in order[::-1] if change[i] <= -LEAST_CHANGE][:MOST_LETTERS]
    said = [
        f"{text} " + ", ".join(f"{letters[i]} {change[i]:+.3f}" for i in chosen)
        for text, chosen in (("gained:", gained), ("lost:", lost))
        if chosen
    ]
    first = "  Mean probability at edited residues "
    return fitted("; ".join(said), first) if said else []


def said_at_end(folder: str, n_proteins: int, is_last_layer: bool) -> list[str]:
    """How to read it, and what was written where.

    Examples
    --------
    >>> said_at_end("intervene", 1, False)[-1]
    'wrote intervene/: edited.parquet and edited.tsv, of 1 protein'
    """
    texts = [*WHAT_IT_SAYS, *([OF_LAST_LAYER] if is_last_layer else [])]
    proteins = count(n_proteins, "protein")
    return [*map(note, texts), f"wrote {folder}/: edited.parquet and edited.tsv, of {proteins}"]
