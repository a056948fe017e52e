import numpy as np
import pytest

from protsae.references.block_scores import curve_scores, placements


def test_placements_by_hand() -> None:
    """From the top: two with the concept; one with and one without; three without; two with."""
    blocks = np.array([2, 4, 7, 9]), np.array([2, 3, 3, 5])
    placed, passed = placements(*blocks)
    assert placed.tolist() == [1, 3.5 / 4, 1.5 / 4, 0]
    assert passed.tolist() == [1 / 5, 2.5 / 5, 3 / 5, 4 / 5]
    # AUROC, as the mean over those with the concept and over those without:
    assert (2 * placed[0] + placed[1] + 2 * placed[3]) / 5 == 0.575
    assert (passed[1] + 3 * passed[2]) / 4 == pytest.approx(0.575)
    average_precision = 2 / 5 * 1 + 1 / 5 * 3 / 4 + 2 / 5 * 5 / 9
    assert curve_scores(*blocks) == pytest.approx((average_precision, 0.575))
