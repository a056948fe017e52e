"""Scores within folds, by hand."""

import numpy as np
import pytest

from protsae.protein_probes.fold_scores import HeldOutProteins
from protsae.protein_probes.nested_probe import HeldOut
from protsae.protein_probes.target import read_target
from protsae.protein_probes.without_model import held_out_base_rate, held_out_transfer

FOLD = np.array([0, 0, 0, 1, 1, 1])


def scores(column: list, score: list, decided: list, **settings: object) -> list[float]:
    target = read_target("a", column)
    proteins = HeldOutProteins(target, np.arange(6), FOLD, n_resamplings=3, **settings)  # type: ignore[arg-type]
    found = proteins.scores(HeldOut(np.array(score, float), np.array(decided, float)))
    assert len(found) == 4
    return found[0].tolist()


def test_folds_are_not_compared() -> None:
    """Fold 1 has lower scores throughout: 3 of the 4 pairs within folds are right.

    Precision at the three with the label: 1; 1 and 2/3. Decided: three, one of them wrong.
    """
    score = [[9], [8], [7], [3], [2], [1]]
    found = scores([1, 0, 0, 1, 0, 1], score, [1, 1, 0, 1, 0, 0])
    assert found == pytest.approx([3 / 4, (1 + 1 + 2 / 3) / 3, 2 / 3])


def test_only_some_count() -> None:
    """Without the last protein all pairs are right, and F1 is 2 x 2 / (3 + 2)."""
    score = [[9], [8], [7], [3], [2], [1]]
    counted = np.arange(6) < 5
    found = scores([1, 0, 0, 1, 0, 1], score, [1, 1, 0, 1, 0, 0], counted=counted)
    assert found == pytest.approx([1, 1, 4 / 5])


def test_classes_are_averaged() -> None:
    """Of a, b, c in each fold: a is always told, b and c are exchanged in fold 1."""
    eye = np.eye(3)
    score = [*eye, eye[0], eye[2], eye[1]]
    found = scores([*"abcabc"], score, [0, 1, 2, 0, 2, 1])
    # b, like c: pairs right in fold 0 2 of 2; in fold 1 one tie, one wrong: 0.5.
    assert found[0] == pytest.approx((1 + 2.5 / 4 + 2.5 / 4) / 3)
    assert found[1] == pytest.approx((1 + (1 + 1 / 3) / 2 * 2) / 3)
    assert found[2] == pytest.approx((1 + 1 / 2 + 1 / 2) / 3)


def test_numbers() -> None:
    """Order right in fold 0, reversed in fold 1; R2 against means of the other fold, 20 and 2."""
    score = [[1], [2], [4], [30], [20], [10]]
    found = scores([1, 2, 3, 10, 20, 30], score, [0] * 6)
    assert found[0] == pytest.approx(0)
    of_mean = sum((20 - y) ** 2 for y in (1, 2, 3)) + sum((2 - y) ** 2 for y in (10, 20, 30))
    assert found[1] == pytest.approx(1 - (1 + 400 + 400) / of_mean)


def test_a_fold_in_which_all_scores_are_equal_ranks_nothing() -> None:
    """Order right in fold 0, one score for all of fold 1: half of the proteins are told.

    So it is with the label of the nearest homologue, where one fold alone has any.
    """
    assert scores([1, 2, 3, 10, 20, 30], [[1], [2], [4], [9], [9], [9]], [0] * 6)[0] == 0.5
    # Where the numbers themselves are all alike, there is nothing to rank.
    assert scores([1, 2, 3, 7, 7, 7], [[1], [2], [4], [7], [8], [9]], [0] * 6)[0] == 1


@pytest.mark.parametrize("column", [[1, 0, 0, 1, 0, 1], [1, 2, 5, 10, 20, 30]])
def test_the_base_rate_tells_nothing(column: list) -> None:
    """Compared over folds, it would be worse than nothing: fold 1 has more yes and a lower rate."""
    target = read_target("a", column)
    proteins = HeldOutProteins(target, np.arange(6), FOLD, n_resamplings=2)
    found = proteins.scores(held_out_base_rate(target, FOLD))[0]
    if target.kind == "number":
        assert np.isnan(found[0])
        assert found[1] == pytest.approx(0)
    else:  # average precision: 1/3 in fold 0, 2/3 twice in fold 1; F1 of always yes
        assert found == pytest.approx([0.5, (1 / 3 + 2 / 3 + 2 / 3) / 3, 2 * 3 / (6 + 3)])


def test_transfer_takes_the_best_of_another_fold() -> None:
    target = read_target("a", ["x", "y", "z", "x", "y", "z"])
    pairs = np.array([[0, 1], [0, 5], [0, 4], [3, 0], [4, 5]])
    found, source = held_out_transfer(target, FOLD, pairs)
    assert source.tolist() == [5, -1, -1, 0, -1, -1]
    assert found.decided.tolist() == [2, 0, 0, 0, 0, 0]
    assert found.scores[0].tolist() == [0, 0, 1]
    assert found.scores[1] == pytest.approx([1 / 3] * 3)
    _, source = held_out_transfer(target, FOLD, np.empty((0, 2), int))
    assert (source == -1).all()


def test_differences_are_less_sure_than_their_resampling() -> None:
    """Two folds: sqrt(1 + 2) times as wide on each side of the difference of 0.3.

    Ten clusters of each class: Student's t is 2.2622, and Phi(-2.2622 sqrt(10 / 9)) is 0.00855.
    """
    target = read_target("a", [1, 0] * 10)
    proteins = HeldOutProteins(target, np.arange(20), np.arange(20) % 2)
    resampled = np.linspace(0, 1, 101)
    low, high = proteins.difference_interval(np.append(0.3, resampled))
    assert (low, high) == pytest.approx((0.3 - 3**0.5 * 0.29145, 0.3 + 3**0.5 * 0.69145), abs=1e-5)


def test_intervals_need_ten_clusters_of_each_class() -> None:
    target = read_target("a", [1, 0] * 10)
    for cluster, told in ((np.arange(20), True), (np.minimum(np.arange(20), 17), False)):
        proteins = HeldOutProteins(target, cluster, np.arange(20) % 2)
        low, _ = proteins.interval(np.linspace(0, 1, 102))
        assert np.isnan(low) != told
