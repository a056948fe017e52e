"""Runs of residues by hand; how they meet when rotated is tested with the rotation null."""

import numpy as np

from protsae.association.significance.rotation_overlap import Runs

RUNS = Runs(np.array([0, 0, 1, 2, 2]), np.array([1, 6, 0, 2, 9]), np.array([5, 8, 3, 3, 10]))


def listed(runs: Runs) -> list[tuple[int, int, int]]:
    return list(zip(runs.protein.tolist(), runs.begin.tolist(), runs.end.tolist(), strict=True))


def test_runs_end_with_their_protein_also_beside_empty_ones() -> None:
    found = Runs.of_rows(np.arange(5), np.array([0, 2, 0, 3, 0]))
    assert listed(found) == [(1, 0, 2), (3, 0, 3)]


def test_runs_do_not_go_on_into_proteins_of_one_residue() -> None:
    found = Runs.of_rows(np.arange(4), np.array([2, 1, 1]))
    assert listed(found) == [(0, 0, 2), (1, 0, 1), (2, 0, 1)]


def test_what_lies_before_a_residue() -> None:
    """A run that begins there is none; one that ends there is whole."""
    found = RUNS.before(np.array([6, 3, 3]))
    assert listed(found) == [(0, 1, 5), (1, 0, 3), (2, 2, 3)]


def test_proteins_are_numbered_anew() -> None:
    found = RUNS.among(np.array([True, False, True]))
    assert listed(found) == [(0, 1, 5), (0, 6, 8), (1, 2, 3), (1, 9, 10)]


def test_sizes_hulls_and_edges() -> None:
    assert RUNS.sizes(4).tolist() == [6, 3, 2, 0]
    assert listed(RUNS.hulls()) == [(0, 1, 8), (1, 0, 3), (2, 2, 10)]
    edges = RUNS.edges(np.array([8, 3, 11]))
    assert edges.place.tolist() == [1, 5, 6, 0, 0, 0, 2, 3, 9, 10]
    assert edges.sign.tolist() == [1, -1] * 5
