"""SHAP values in closed form, held against the shap package's linear explainer."""

import warnings

import numpy as np
import pytest
import torch

from protsae.interventions.attribution.linear_shap import (
    feature_means,
    feature_weights,
    linear_shap,
)
from protsae.references.linear_probe import fit_probes
from tests.interventions.attribution.attributed_worlds import encode_with, topk_sae

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # shap calls what matplotlib is about to take away
    import shap


@pytest.fixture(scope="module")
def world():
    """An SAE, activations of 211 residues, and labels that depend on two of its features."""
    sae = topk_sae(11, k=5)
    rows = np.random.default_rng(0).normal(size=(211, 11)).astype(np.float32)
    codes = encode_with(sae)(rows)
    labels = (codes[:, [3]] + codes[:, [8]]) > 0.3
    assert 20 < labels.sum() < 190
    return sae, rows, codes, labels


def explained(weights, bias, background, rows):
    explainer = shap.LinearExplainer((weights, bias), background)
    return explainer.shap_values(rows), explainer.expected_value


def test_of_a_probe_on_features_it_is_what_shap_says(world):
    _, _, codes, labels = world
    [probe] = fit_probes(codes, labels, None, [0.01])
    weights, bias = probe.weights[:, 0], float(probe.bias[0])
    background, rows = codes[:97].astype(np.float64), codes[97:].astype(np.float64)
    values, expected = explained(weights, bias, background, rows)
    found = linear_shap(weights, rows, background.mean(0))
    np.testing.assert_allclose(found, values, atol=1e-12)
    np.testing.assert_allclose(found.sum(1) + expected, probe.logits(rows)[:, 0], atol=1e-9)
    assert np.abs(found).max() > 0.1


def test_of_a_probe_on_activations_it_is_what_shap_says_of_features_and_error(world):
    """The probe as a model of features and one more column, what it reads from the error."""
    sae, rows, codes, labels = world
    [probe] = fit_probes(rows, labels, None, [0.01])
    w_D, decoder = probe.weights[:, 0], sae.W_dec.numpy()
    error = rows - codes @ decoder - sae.b_dec.numpy()
    columns = np.hstack([codes, (error @ w_D)[:, None]]).astype(np.float64)
    weights = np.append(feature_weights(w_D, decoder), 1.0)
    bias = float(probe.bias[0] + sae.b_dec.numpy().astype(np.float64) @ w_D)
    values, expected = explained(weights, bias, columns[:97], columns[97:])

    mean_F, mean_D = feature_means([rows[:50], rows[50:97]], encode_with(sae))
    np.testing.assert_allclose(mean_D, rows[:97].mean(0), atol=1e-6)
    of_features = linear_shap(weights[:-1], codes[97:], mean_F)
    mean_error = mean_D - mean_F @ decoder - sae.b_dec.numpy()
    of_error = (error[97:] - mean_error) @ w_D
    np.testing.assert_allclose(of_features, values[:, :-1], atol=1e-6)
    np.testing.assert_allclose(of_error, values[:, -1], atol=1e-5)
    # A feature that is silent counts, too: it could have been active.
    assert (np.abs(of_features[codes[97:] == 0]) > 1e-3).any()
    logits = probe.logits(rows[97:])[:, 0]
    np.testing.assert_allclose(of_features.sum(1) + of_error + expected, logits, atol=1e-5)


def test_by_hand():
    """w = W_dec u = (1, 7) with u = (1, 2): 1 x (4 - 1), 7 x (0 - 2)."""
    weights = feature_weights(np.array([1.0, 2.0]), np.array([[1.0, 0.0], [3.0, 2.0]]))
    assert weights.tolist() == [1.0, 7.0]
    found = linear_shap(weights, torch.tensor([[4.0, 0.0]]).numpy(), np.array([1.0, 2.0]))
    assert found.tolist() == [[3.0, -14.0]]
