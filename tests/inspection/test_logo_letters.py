import numpy as np
import pandas as pd

from protsae.inspection.logo_letters import (
    consensus,
    enriched_letters,
    enriched_words,
    letter_heights,
)
from protsae.proteins.alphabet import STANDARD


def test_a_column_is_as_high_as_its_information() -> None:
    rng = np.random.default_rng(0)
    frequencies = rng.dirichlet(np.ones(20), 7)
    information = rng.random(7)
    logo = pd.DataFrame({"offset": range(-3, 4), "information": information})
    heights = letter_heights(logo.assign(frequencies=list(frequencies)))
    assert heights.columns.tolist() == list(STANDARD)
    assert heights.index.tolist() == list(range(-3, 4))
    np.testing.assert_allclose(heights.sum(axis=1), information)
    np.testing.assert_allclose(heights.loc[0], frequencies[3] * information[3])


def test_enriched() -> None:
    logo = pd.DataFrame({"offset": [-2, -1, 0, 1], "enriched": ["DE", None, None, "C"]})
    assert enriched_letters(logo) == {-2: "DE", 1: "C"}
    assert enriched_words(logo) == "-2 DE, +1 C"
    assert consensus(logo) == "D..C"
