"""Each group has a law of its own; what cannot be fitted is left out."""

import numpy as np
import pandas as pd
import pytest

from protsae.sae.evaluation.scaling_laws import fit_scaling_laws

WIDTHS = 2.0 ** np.arange(7)


def saes(layer: int, exponent: float) -> pd.DataFrame:
    return pd.DataFrame(
        {
            **{"model": "m", "layer": layer, "architecture": "topk"},
            **{"n_features": WIDTHS, "l0": 4.0, "training_residues": 1000.0},
            **{"fvu": 0.1 + 0.5 * (WIDTHS / 8) ** -exponent, "dead_fraction": 0.0},
        }
    )


def test_each_layer_has_its_own_exponent() -> None:
    laws = fit_scaling_laws(pd.concat([saes(1, 0.5), saes(2, 1.0)]))
    exponents = laws[laws["parameter"] == "n_features"].set_index("layer")["value"]
    assert exponents[1] == pytest.approx(0.5, abs=0.01)
    assert exponents[2] == pytest.approx(1.0, abs=0.01)
    assert set(laws["y"]) == {"fvu"}
    assert set(laws["n_saes"]) == {7}


def test_saes_without_an_error_or_known_training_are_left_out() -> None:
    table = saes(1, 0.5)
    table.loc[0, "fvu"] = 0.0
    table.loc[1, "training_residues"] = np.nan
    assert set(fit_scaling_laws(table)["n_saes"]) == {5}


def test_too_few_saes_have_no_law_but_all_columns() -> None:
    laws = fit_scaling_laws(saes(1, 0.5).head(2))
    assert not len(laws)
    assert list(laws) == list(fit_scaling_laws(saes(1, 0.5)))
