"""Runs of labels in chains of another length, against residues one by one."""

import numpy as np
import pytest

from protsae.association.significance.label_transfer import transferred


def slow_place(place: float, giver: int, taker: int) -> float:
    """Image of a place; residue i lies from i to i + 1."""
    end = min(giver // 2, taker // 2, 50)
    if place <= end:
        return place
    if place >= giver - end:
        return taker - (giver - place)
    return end + (place - end) * (taker - 2 * end) / (giver - 2 * end)


SIZES = [(211, 307), (307, 211), (31, 47), (47, 31), (90, 90), (13, 1), (1, 13)]


@pytest.mark.parametrize(("giver", "taker"), SIZES)
def test_a_residue_takes_the_label_at_the_image_of_its_centre(giver: int, taker: int) -> None:
    """Every run of the giver; residue by residue of the taker. A run with none: where it lies."""
    begin, end = np.array([(b, e) for b in range(giver) for e in range(b + 1, giver + 1)]).T
    first, last = transferred(begin, end, np.full(len(begin), giver), np.full(len(begin), taker))
    images = np.array([slow_place(i + 0.5, taker, giver) for i in range(taker)])
    for b, e, low, high in zip(begin[::7], end[::7], first[::7], last[::7], strict=True):
        expected = np.flatnonzero((images >= b) & (images < e))
        if len(expected):
            assert (low, high) == (expected[0], expected[-1] + 1)
        else:
            middle = (slow_place(b, giver, taker) + slow_place(e, giver, taker)) / 2
            assert (low, high) == (int(middle), int(middle) + 1)
    assert (first >= 0).all()
    assert (last <= taker).all()


def test_anchored_runs_keep_their_distance_to_one_end() -> None:
    begin, end, giver, taker = np.array([[3, 90], [8, 97], [97, 97], [61, 61]])
    at_start = transferred(begin, end, giver, taker, "start")
    at_end = transferred(begin, end, giver, taker, "end")
    assert [x.tolist() for x in at_start] == [[3, 90], [8, 61]]  # the second lies outside
    assert [x.tolist() for x in at_end] == [[0, 54], [-28, 61]]  # the first does


def test_residues_on_the_half_are_taken() -> None:
    """From 102 to 103 residues the middle 2 become 3: the second of them lies at 51.5 to 53."""
    begin, end = transferred(np.array([51]), np.array([52]), np.array([102]), np.array([103]))
    assert (begin.tolist(), end.tolist()) == ([51], [53])
