"""The study of attributions: outputs, means over sites and completeness, by hand."""

import numpy as np
import pandas as pd

from protsae.interventions.attribution.output_text import parse_output
from studies.attribution.measure import OUTPUTS, by_layer, completeness, mean_with_interval, written


def test_outputs_are_ones_that_protsae_attribute_takes() -> None:
    rng = np.random.default_rng(0)
    found = [parse_output(written("MKV", 2, kind, rng), "P1", "MKV") for kind in OUTPUTS]
    assert (found[0].letter, found[0].reference) == ("K", None)
    variants = {written("MKV", 2, OUTPUTS[1], rng) for _ in range(300)}
    assert len(variants) == 19
    assert {parse_output(text, "P1", "MKV").reference for text in variants} == {"K"}


def test_means_leave_out_sites_without_a_value() -> None:
    assert mean_with_interval(np.array([0.5, 0.5, np.nan, 0.5])) == "0.50 (0.50 to 0.50)"
    assert mean_with_interval(np.array([0.5, np.nan])) == "none"
    mean, low, _, high = mean_with_interval(np.arange(41.0)).replace("(", "").split()
    assert mean == "20.00"
    # The standard error is 12 / sqrt(41) = 1.85, and 20 - 1.96 x 1.85 = 16.4.
    assert abs(float(low) - 16.4) < 0.5
    assert abs(float(high.rstrip(")")) - 23.6) < 0.5


def test_tables_have_a_row_for_each_layer() -> None:
    table = pd.DataFrame(
        {
            "layer": [1, 1, 2],
            "spearman": [0.25, 0.75, 1.0],
            "value": [-1.0, -2.0, -1.0],
            "baseline_value": [-3.0, -3.0, -2.0],
            "completeness_error": [0.02, -0.03, 0.5],
            "gradient_sum": [3.0, 1.0, 0.5],
            "is_complete": [True, False, False],
            "n_steps": [8, 256, 256],
        }
    )
    shown = by_layer(table, {"r": "spearman"})
    assert shown["layer"].tolist() == [1, 2]
    assert shown["r"].tolist() == ["0.50 (0.25 to 0.75)", "none"]
    found = completeness(table)
    assert found.iloc[0].tolist() == [1, "1 of 2", "2.00%", "132 (256)", "1.50", "25%"]
