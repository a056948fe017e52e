"""Preferred ends by hand."""

import numpy as np
import pytest
from scipy import sparse

from protsae.association.scoring.preferred_ends import (
    NEAR,
    LabelledProteins,
    end_distances,
    preferred_ends,
)

N, C, NONE = 0, 1, -1
LENGTH = 113


def proteins(*spans: list[tuple[int, int]], length: int = LENGTH) -> LabelledProteins:
    """11 proteins of a cluster each; every one has each concept in its spans, 0-based half-open."""
    one = np.zeros((length, len(spans)), dtype=np.int8)
    for concept, of_concept in enumerate(spans):
        for start, stop in of_concept:
            one[start:stop, concept] = 1
    labels = sparse.csr_array(np.tile(one, (11, 1)))
    known = np.ones((11 * length, 1), dtype=bool)
    return LabelledProteins(np.full(11, length), np.arange(11), labels, known)


def ends(block: LabelledProteins, n_known_column: int = 0) -> list[int]:
    column = np.full(block.labels.shape[1], n_known_column)
    found: list[int] = preferred_ends([block], column, int(block.cluster.max()) + 1).tolist()
    return found


def test_ends_by_hand() -> None:
    """Of 113 residues 50 are near an end, 44 %: 1.5 times as many are two thirds."""
    last = LENGTH - 1
    block = proteins(
        [(0, 22)],
        [(last - 3, last + 1)],
        [(50, 63)],  # neither
        [(0, LENGTH)],  # everywhere
        [(0, 7), (100, 107)],  # half and half
        [(0, 2), (60, 61)],  # 2 of 3: 67 %, just above 1.5 x 44.2 % = 66.4 %
        [(0, 13), (60, 67)],  # 13 of 20: 65 %, just below
        [],
    )
    assert ends(block) == [N, C, NONE, NONE, NONE, N, NONE, NONE]


def test_exactly_half_as_often_again_is_a_preference() -> None:
    """Of 100 residues half are near each end: 3 of 4 there are 1.5 times as many as by chance."""
    block = proteins([(0, 3), (60, 61)], [(0, 1), (97, 100)], [(0, 2), (98, 100)], length=100)
    assert ends(block) == [N, C, NONE]


def test_chance_in_few_clusters_is_no_preference() -> None:
    block = proteins([(0, 22)])
    of_relatives = LabelledProteins(block.lengths, block.cluster // 3, block.labels, block.known)
    # D is the same in each: D / sqrt(sum D^2) is the root of their number, 3.3 and 2.
    assert ends(block) == [N]
    assert int(of_relatives.cluster.max()) + 1 == 4
    assert ends(of_relatives) == [NONE]


def test_exactly_2_33_standard_errors_are_a_preference() -> None:
    """Six clusters of two proteins of 100 residues, half of them near the start, have the concept
    at the first 100, 98, 95, 81, 63 and 29 of them: D_c is half of these, and 233 / 100 in all."""
    first = np.array([50, 50, 49, 49, 48, 47, 41, 40, 32, 31, 15, 14])
    labels = sparse.csr_array((np.arange(100) < first[:, None]).reshape(-1, 1).astype(np.int8))
    lengths, cluster = np.full(12, 100), np.repeat(np.arange(6), 2)
    assert ends(LabelledProteins(lengths, cluster, labels, np.ones((1200, 1), bool))) == [N]


def test_short_proteins_are_near_both_ends_everywhere() -> None:
    assert ends(proteins([(0, 3)], length=NEAR)) == [NONE]


def test_unknown_residues_count_nowhere() -> None:
    """Known at the start alone, a concept of all of it prefers no end."""
    block = proteins([(0, 22)])
    known = np.zeros((11 * LENGTH, 2), dtype=bool)
    known[:, 0] = True
    known[:, 1] = end_distances(block.lengths)[N] < 22
    some = LabelledProteins(block.lengths, block.cluster, block.labels, known)
    assert ends(some, 0) == [N]
    assert ends(some, 1) == [NONE]


@pytest.mark.parametrize("n_known", [0, 1])
def test_a_protein_of_which_one_residue_is_known_tells_nothing(n_known: int) -> None:
    """The one known residue has the concept, as chance expects; or there is none to count."""
    block = proteins([(0, 22)])
    known = (end_distances(block.lengths)[N] < n_known)[:, None]
    assert ends(LabelledProteins(block.lengths, block.cluster, block.labels, known)) == [NONE]


def test_blocks_of_proteins_change_nothing() -> None:
    block = proteins([(0, 22)], [(100, 113)], [(50, 63)])
    parts = [
        LabelledProteins(
            block.lengths[i : i + 1],
            block.cluster[i : i + 1],
            block.labels[i * LENGTH : (i + 1) * LENGTH],
            block.known[i * LENGTH : (i + 1) * LENGTH],
        )
        for i in range(11)
    ]
    assert preferred_ends(parts, np.zeros(3, int), 11).tolist() == ends(block)
