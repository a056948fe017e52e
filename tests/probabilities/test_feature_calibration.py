import numpy as np
import pandas as pd

from protsae.association.pairs.held_out_labels import HeldOut
from protsae.association.pairs.held_out_scores import examine
from protsae.probabilities.feature_calibration import COLUMNS, calibrate
from tests.association.tiny_layer import LENGTH, build_layer, codes_of, signal
from tests.helpers.tiny_run import protein_rows

N_PROTEINS = 240


def calibrated(activations: dict[str, np.ndarray]) -> pd.DataFrame:
    layer = build_layer(n_proteins=N_PROTEINS)
    codes = codes_of(activations)
    return calibrate(layer, codes, examine(layer, HeldOut.of(layer), codes))


def planted(test_noise: float) -> dict[str, np.ndarray]:
    """A feature that is on at most residues of a SIGNAL, and at some others, more often in test."""
    rng = np.random.default_rng(3)
    proteins = protein_rows(N_PROTEINS, LENGTH)
    has = signal(proteins)
    found = {}
    for name, split in zip(proteins["accession"], proteins["split"], strict=True):
        noise = test_noise if split == "test" else 0.05
        on = rng.random(LENGTH) < np.where(has[name], 0.8, noise)
        strength = rng.gamma(np.where(has[name], 3, 1), 1)
        found[name] = (on * strength)[:, None].astype(np.float32)
    return found


def of_signal(table: pd.DataFrame) -> pd.DataFrame:
    return table[table["concept"] == "SIGNAL"]


def test_it_holds_where_valid_and_test_are_alike() -> None:
    table = of_signal(calibrated(planted(test_noise=0.05)))
    assert list(table) == list(COLUMNS)
    assert set(table["calibration"]) == {"calibrated"}
    assert table["likelihood_ratio"].is_monotonic_increasing
    assert table["activation_above"].is_monotonic_increasing
    assert table["bin"].tolist() == list(range(1, len(table) + 1))
    first = table.iloc[0]
    assert first["expected_low"] <= first["observed_positives"] <= first["expected_high"]


def test_it_fails_where_test_has_more_false_positives() -> None:
    table = of_signal(calibrated(planted(test_noise=0.4)))
    assert set(table["calibration"]) == {"uncalibrated"}
    assert (table["observed_positives"] < table["expected_low"]).all()


def test_counts_are_those_of_valid_above_the_threshold() -> None:
    """Counted a second time, protein by protein."""
    activations = planted(test_noise=0.05)
    table = of_signal(calibrated(activations))
    proteins = protein_rows(N_PROTEINS, LENGTH)
    has = signal(proteins)
    valid = proteins.loc[proteins["split"] == "valid", "accession"]
    value = np.concatenate([activations[name][:, 0] for name in valid])
    label = np.concatenate([has[name] for name in valid])
    edges = [*table["activation_above"], np.inf]
    for (_, row), low, high in zip(table.iterrows(), edges, edges[1:], strict=False):
        inside = (value > low) & (value <= high)
        assert (row["n_on"], row["n_positives"]) == (inside.sum(), (inside & label).sum())
    assert table["valid_base_rate"].iloc[0] == label.mean()


def test_a_concept_in_few_clusters_is_uncalibrated() -> None:
    """6 of 12 test proteins have it: too few to see whether the probabilities hold."""
    layer = build_layer(n_proteins=36)
    activations = planted(0.05)
    kept = {name: activations[name] for name in layer.proteins["accession"]}
    codes = codes_of(kept)
    table = of_signal(calibrate(layer, codes, examine(layer, HeldOut.of(layer), codes)))
    assert set(table["calibration"]) == {"uncalibrated"}
    assert len(table) == 1  # joined to one bin
