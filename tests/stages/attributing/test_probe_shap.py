"""SHAP values beside attributions, held against the shap package on all features at once."""

import warnings

import numpy as np
import pytest

from protsae.interventions.attribution.output_pass import Reading, read_pass
from protsae.interventions.log_odds import window_of
from protsae.plm.esm2.forward import FusedEsm2
from protsae.stages.attributing.attributed_layer import Amounts, attribute_layer
from protsae.stages.attributing.opened_attribution import ConceptProbe
from protsae.stages.attributing.probe_shap import with_shap
from tests.helpers.tiny_esm import build_esm, fair_esm_layers, random_sequence
from tests.stages.attributing.test_attributed_layer import attributed_sae

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # shap calls what matplotlib is about to take away
    import shap

LAYER, SITE = 2, 13


def test_they_are_those_of_shap_with_the_error_as_one_more_column() -> None:
    esm2, sequence = FusedEsm2(build_esm().requires_grad_(False)), random_sequence(31)
    _, sae = attributed_sae(esm2.d_model)
    # Of more than 100 rows shap draws 100.
    background = fair_esm_layers(esm2.model, random_sequence(97), [LAYER])[LAYER]
    weights_D = np.linspace(-1, 1, esm2.d_model)
    reading = Reading(LAYER, weights_D, 0.5)
    one = read_pass(esm2, LAYER, sequence, window_of(SITE, 31, 1022, 256), SITE, reading)
    found = attribute_layer(one, sae, Amounts(), 1000)
    table, expected = with_shap(
        found.nodes, ConceptProbe("c", LAYER, reading, 1.0, background), sae, SITE
    )

    def columns(rows: np.ndarray) -> np.ndarray:
        codes = sae.encode(rows).astype(np.float64)
        error = rows - codes @ sae.decoder_FD - sae.b_dec_D.numpy()
        return np.hstack([codes, (error @ weights_D)[:, None]])

    own = one.x_ND[one.rows].numpy()[[SITE]]
    weights = np.append(sae.decoder_FD @ weights_D, 1.0)
    bias = 0.5 + float(sae.b_dec_D.numpy() @ weights_D)
    explainer = shap.LinearExplainer((weights, bias), columns(background))
    [values] = explainer.shap_values(columns(own))
    assert expected == pytest.approx(explainer.expected_value, abs=1e-4)
    at_site = table[table["residue"] == SITE].set_index("feature")["shap"]
    of_features = at_site[at_site.index.notna()]
    expected_values = dict(enumerate(values[:-1]))
    assert set(of_features.index) == {f for f, phi in expected_values.items() if phi}
    for feature, phi in of_features.items():
        assert phi == pytest.approx(expected_values[feature], abs=1e-5)
    assert at_site[at_site.index.isna()].item() == pytest.approx(values[-1], abs=1e-4)
    assert table.loc[table["residue"] != SITE, "shap"].isna().all()
    assert table["rank"].is_unique
