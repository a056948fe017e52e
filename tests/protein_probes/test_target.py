"""What a column of labels is taken for."""

import numpy as np
import pytest

from protsae.errors import UserError
from protsae.protein_probes.target import read_target, without_rare


@pytest.mark.parametrize(
    ("column", "kind", "classes", "values"),
    [
        (["1", "0", ""], "yes/no", ("no", "yes"), [1, 0, np.nan]),
        ([True, False, None], "yes/no", ("no", "yes"), [1, 0, np.nan]),
        ([1.0, np.nan, 0.0], "yes/no", ("no", "yes"), [1, np.nan, 0]),
        (["Yes", "no", "N/A"], "yes/no", ("no", "yes"), [1, 0, np.nan]),
        (["x", "y", "x"], "yes/no", ("x", "y"), [0, 1, 0]),
        (["y", "x"], "yes/no", ("x", "y"), [1, 0]),
        (["c", "a", "b", "NA", "a"], "classes", ("a", "b", "c"), [2, 0, 1, np.nan, 0]),
        (["2.5", "-1", "NaN", "0"], "number", (), [2.5, -1, np.nan, 0]),
        ([1, 2, 1], "number", (), [1, 2, 1]),
    ],
)
def test_columns(column: list, kind: str, classes: tuple, values: list) -> None:
    target = read_target("label", column)
    assert (target.kind, target.classes) == (kind, classes)
    np.testing.assert_array_equal(target.values, values)


def test_numbers_are_classes_if_asked_for() -> None:
    target = read_target("ec", ["3", "1", "2"], is_classes=True)
    assert (target.kind, target.classes, target.values.tolist()) == (
        "classes",
        ("1", "2", "3"),
        [2, 0, 1],
    )


def test_what_is_told() -> None:
    assert read_target("a", ["1", "0"]).told == ((1, "yes"),)
    assert read_target("a", ["x", "y", "z"]).told == ((0, "x"), (1, "y"), (2, "z"))
    assert read_target("a", [1, 2, 3]).told == ()


@pytest.mark.parametrize(
    ("column", "line"),
    [
        (["yes", "yes"], "label a: 1 distinct values, 'yes', of 2 proteins of the run; expected"),
        (["", "NA"], "label a: 0 distinct values, of 0 proteins of the run; expected at least two"),
        (["1", "2", "3", "low"], "label a: 'low' among numbers; expected numbers, or names of"),
        (["1", "2", "inf"], "label a: an infinite number; expected finite ones"),
    ],
)
def test_columns_that_are_no_label(column: list, line: str) -> None:
    with pytest.raises(UserError, match=line):
        read_target("a", column)


def test_rare_classes_are_left_out_and_counted() -> None:
    """b has three proteins in one homology cluster."""
    target = read_target("a", [*"aabbbcc"])
    kept, left_out = without_rare(target, np.array([0, 1, 2, 2, 2, 3, 4]), 2)
    assert left_out == {"b": 1}
    assert kept.classes == ("a", "c")
    np.testing.assert_array_equal(kept.values, [0, 0, *[np.nan] * 3, 1, 1])
    same, none = without_rare(target, np.arange(7), 2)
    assert same is target
    assert none == {}


def test_too_few_clusters() -> None:
    line = "label a: too few homology clusters: no in 3, yes in 1; expected at least 2 for each"
    with pytest.raises(UserError, match=line):
        without_rare(read_target("a", [0, 0, 0, 1, 1]), np.array([0, 1, 2, 3, 3]), 2)
    with pytest.raises(UserError, match="label a: too few homology clusters: a value in 2; exp"):
        without_rare(read_target("a", [3.5, 4, 5]), np.array([0, 1, 1]), 3)
