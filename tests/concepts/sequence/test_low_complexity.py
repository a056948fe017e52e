import math
from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from protsae.concepts.sequence.low_complexity import low_complexity, window_entropy
from protsae.proteins.alphabet import STANDARD


def reference(window: str) -> float:
    shares = [n / len(window) for n in Counter(window).values()]
    return -sum(share * math.log2(share) for share in shares)


@given(st.text(alphabet="ACDEQ", max_size=40))
def test_entropy_of_every_window(sequence: str) -> None:
    expected = [reference(sequence[i : i + 12]) for i in range(len(sequence) - 11)]
    np.testing.assert_allclose(window_entropy(sequence), expected, atol=1e-12)
    low = [i for i, entropy in enumerate(expected) if entropy <= 2.2]
    covered = [any(i <= place < i + 12 for i in low) for place in range(len(sequence))]
    assert low_complexity(sequence).tolist() == covered


@pytest.mark.parametrize(
    ("sequence", "expected"),
    [
        pytest.param("A" * 11, 0, id="shorter-than-a-window"),
        pytest.param("A" * 12, 12, id="one-window"),
        pytest.param("", 0, id="empty"),
        pytest.param("ACDEFGHIKLMN", 0, id="all-different"),
        # 4 x 3: 2 bits; 5 x 2 + 2 x 1: 2.75 bits
        pytest.param("ACDEACDEACDE", 12, id="four-letters"),
        pytest.param("ACDEFACDEFGH", 0, id="seven-letters"),
        pytest.param("X" * 20, 0, id="unknown-letters-are-no-repeat"),
        pytest.param("AAAAAAXAAAAAA", 0, id="windows-with-an-unknown-letter"),
    ],
)
def test_number_of_low_residues(sequence: str, expected: int) -> None:
    assert low_complexity(sequence).sum() == expected


def test_polyglutamine_of_huntingtin() -> None:
    """Residues 1 to 60 of HD_HUMAN (P42858): 21 Q from residue 18, then prolines."""
    sequence = "MATLEKLMKAFESLKSF" + "Q" * 21 + "PPPPPPPPPPPQLPQPPPPPPP"
    low = np.flatnonzero(low_complexity(sequence)) + 1
    assert low[0] > 10
    assert set(range(18, 61)) <= set(low.tolist())


def test_20_letters_are_told_apart() -> None:
    assert window_entropy(STANDARD).tolist() == pytest.approx([math.log2(12)] * 9)
