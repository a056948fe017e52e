from collections.abc import Iterator

import numpy as np

from protsae.references.homology_transfer import transfer_rows, transfer_sources
from protsae.references.probe_scores import Block

EVERY = np.ones((12, 1), bool)
"""All of 12 residues are known, for the one column that there is."""


def test_the_first_alignment_that_covers_a_residue_counts() -> None:
    best = (0, 1, np.array([1, 2]), np.array([0, 4]))
    second = (0, 0, np.array([0, 1, 2, 3]), np.array([3, 4, 5, 6]))
    other = (2, 1, np.array([0]), np.array([2]))
    source = transfer_sources(np.array([5, 3, 2]), np.array([7, 5]), [best, second, other], EVERY)
    # Rows of target 0 are 0 to 6, those of target 1 are 7 to 11.
    assert source[:, 0].tolist() == [3, 7, 11, 6, -1, -1, -1, -1, 9, -1]


def test_a_residue_that_says_nothing_leaves_it_to_the_next_alignment() -> None:
    best = (0, 1, np.array([1, 2]), np.array([0, 4]))
    second = (0, 0, np.array([0, 1, 2, 3]), np.array([3, 4, 5, 6]))
    known = np.ones((12, 3), bool)
    known[[7, 3], 1] = False  # the first of target 1, the fourth of target 0
    known[:, 2] = False
    source = transfer_sources(np.array([5]), np.array([7, 5]), [best, second], known)
    assert source.T.tolist() == [[3, 7, 11, 6, -1], [-1, 4, 11, 6, -1], [-1] * 5]


def test_no_alignment() -> None:
    assert transfer_sources(np.array([2, 1]), np.array([5]), [], EVERY[:5]).tolist() == [[-1]] * 3


def test_scores_by_hand() -> None:
    """Three concepts of which the last two are scored; one test residue is unknown for one.

    The last residue has a source for the last concept only.
    """

    def read(split: str) -> Iterator[Block]:
        labels = [[0, 1, 0], [0, 1, 1], [1, 0, 1], [0, 0, 0]]
        source = [[1, 1, 1], [1, 1, 1], [1, 1, 1], [0, 0, 1]]
        rows = np.concatenate([labels, source], axis=1).astype(np.float32)
        labels = np.array([[0, 1, 0], [0, 0, 1], [0, 0, 1], [0, 1, 1]]) > 0
        known = np.ones_like(labels)
        if split == "test":
            known[1, 1] = False
        yield Block(rows, labels, known, np.array([0, 0, 1, 1]))

    found = transfer_rows(read, np.array([1, 2]), n_clusters=2)
    assert found["valid_f1"].tolist() == [0.5, 0.8]
    assert found["precision"].tolist() == [1.0, 1.0]
    assert found["recall"].tolist() == [0.5, 2 / 3]
    assert found["n_residues"].tolist() == [2, 3]
    assert found["n_covered"].tolist() == [2, 4]


def test_nothing_to_score() -> None:
    def read(split: str) -> Iterator[Block]:
        labels = np.ones((2, 1), bool)
        yield Block(np.ones((2, 2), np.float32), labels, labels, np.array([0, 0]))

    assert len(transfer_rows(read, np.array([], int), 1)) == 0
