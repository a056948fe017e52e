"""Proposed pairs do not depend on how many features are counted at a time."""

import numpy as np
import pandas as pd
import pytest

from protsae.association.pairs import proposal as module
from protsae.association.pairs.proposal import Proposed, propose
from protsae.association.scoring.thresholds import positive_quantiles
from tests.association.tiny_layer import SETTINGS, build_layer, codes_of, noise_and_signal


def proposed(min_f1: float) -> Proposed:
    """Of the layer with these activations."""
    layer = build_layer(SETTINGS.model_copy(update={"min_f1": min_f1}))
    codes = codes_of(noise_and_signal())
    return propose(layer, codes, positive_quantiles(layer.train_sample(codes), SETTINGS.quantiles))


@pytest.mark.parametrize("min_f1", [0.0, 0.5, 1.1])
def test_in_groups_of_features_the_pairs_are_the_same(
    min_f1: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At 0.5 only some groups have any, at 1.1 none has."""
    whole = proposed(min_f1)
    monkeypatch.setattr(module, "COUNT_CELLS", 1)
    parts = proposed(min_f1)
    pd.testing.assert_frame_equal(parts.pairs, whole.pairs)
    np.testing.assert_array_equal(parts.concept, whole.concept)
    assert set(whole.pairs["feature"]) == {0.0: {0, 1, 2}, 0.5: {1}, 1.1: set()}[min_f1]
