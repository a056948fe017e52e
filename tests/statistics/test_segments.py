import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from scipy import sparse

from protsae.statistics.segments import segments_above


def rows(values: np.ndarray, threshold: list[float], sizes: list[int]) -> list[tuple[float, ...]]:
    found = segments_above(sparse.csr_array(values), np.array(threshold), np.array(sizes))
    return [tuple(float(x) for x in row) for row in zip(*vars(found).values(), strict=True)]


def test_segments_worked_by_hand() -> None:
    """Two features at residues of two proteins (4 and 2 long); feature 1 needs more than 1."""
    values = np.array([[0, 2.0], [1, 1], [3, 2], [3, 2], [2, 0], [0, 1.5]])
    assert rows(values, [0.0, 1.0], [4, 2]) == [
        # column, group, begin, end, peak, value: no segment goes over the end of a protein
        (0, 0, 1, 4, 2, 3),
        (0, 1, 4, 5, 4, 2),
        (1, 0, 0, 1, 0, 2),
        (1, 0, 2, 4, 2, 2),
        (1, 1, 5, 6, 5, 1.5),
    ]


@pytest.mark.parametrize("shape", [(0, 2), (3, 0), (3, 2)])
def test_nothing_is_on(shape: tuple[int, int]) -> None:
    assert rows(np.zeros(shape), [0.0] * shape[1], [shape[0]]) == []


@given(
    arrays.arrays(
        np.int8, st.tuples(st.integers(1, 9), st.integers(1, 3)), elements=st.integers(0, 3)
    ),
    st.integers(0, 2),
    st.data(),
)
def test_as_by_walking_along(values: np.ndarray, threshold: int, data: st.DataObject) -> None:
    n_rows, n_columns = values.shape
    cut = data.draw(st.integers(0, n_rows))
    expected = []
    for column in range(n_columns):
        begin = None
        for row in range(n_rows + 1):
            on = row < n_rows and values[row, column] > threshold
            if begin is not None and (not on or row == cut):
                own = values[begin:row, column]
                peak = begin + int(own.argmax())
                expected.append((column, int(begin >= cut), begin, row, peak, own.max()))
                begin = None
            if on and begin is None:
                begin = row
    found = rows(values.astype(float), [threshold] * n_columns, [cut, n_rows - cut])
    assert found == expected
