import numpy as np
import pandas as pd

from protsae.association.pairs.held_out_labels import HeldOut
from protsae.association.pairs.held_out_scores import examine
from protsae.association.pairs.layer_data import Layer
from protsae.concepts.concept_table import ConceptTable
from protsae.probabilities.feature_calibration import COLUMNS, calibrate
from tests.association.tiny_layer import LENGTH, SETTINGS, build_layer, codes_of, signal
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


def test_a_concept_that_no_feature_matches_best_has_its_best_feature() -> None:
    """Two features are on at the first half of each SIGNAL, one of them less often: both are best
    at DOMAIN, which is that half. SIGNAL has the first one as well."""
    layer, has = half_signals()
    rng = np.random.default_rng(7)
    activations = {
        name: (rng.random((LENGTH, 2)) < np.outer(on, [0.9, 0.6])).astype(np.float32)
        for name, on in has.items()
    }
    codes = codes_of(activations)
    examined = examine(layer, HeldOut.of(layer), codes)
    table = calibrate(layer, codes, examined)
    pairs = table[["feature", "concept"]].drop_duplicates().to_numpy().tolist()
    assert sorted(pairs) == [[0, "DOMAIN"], [0, "SIGNAL"], [1, "DOMAIN"]]
    scored = examined.pairs.set_index(["feature", "concept"])
    for row in table[table["bin"] == 1].itertuples():
        pair = scored.loc[(row.feature, row.concept)]
        assert row.activation_above == pair["threshold"]
        assert row.observed_positives == pair["tp"]
        assert row.test_on == pair["tp"] + pair["fp"]


def half_signals() -> tuple[Layer, dict[str, np.ndarray]]:
    """SIGNAL at 5 to 14 of every second protein, DOMAIN at 5 to 9; and where DOMAIN is."""
    proteins = protein_rows(N_PROTEINS, LENGTH)
    rows, has = [], {}
    for number, name in enumerate(proteins["accession"]):
        has[name] = np.zeros(LENGTH, bool)
        if number // 3 % 2:
            rows += [(name, "SIGNAL", "", 5, 14), (name, "DOMAIN", "", 5, 9)]
            has[name][4:9] = True
    annotations = pd.DataFrame(rows, columns=["accession", "type", "description", "start", "end"])
    concepts = ConceptTable.build(proteins, annotations, min_residues=3, min_clusters=2)
    return Layer(proteins, concepts, SETTINGS), has


def test_a_concept_in_few_clusters_is_uncalibrated() -> None:
    """6 of 12 test proteins have it: too few to see whether the probabilities hold."""
    layer = build_layer(n_proteins=36)
    activations = planted(0.05)
    kept = {name: activations[name] for name in layer.proteins["accession"]}
    codes = codes_of(kept)
    table = of_signal(calibrate(layer, codes, examine(layer, HeldOut.of(layer), codes)))
    assert set(table["calibration"]) == {"uncalibrated"}
    assert len(table) == 1  # joined to one bin


LONG = 90


def with_look_alike(share_of_test: float) -> tuple[Layer, dict[str, np.ndarray]]:
    """Proteins with a TRANSMEM, and others with a SIGNAL, at which the first feature is on, too.

    A third of the proteins of each split has a TRANSMEM at 61 to 70; of the others a share has a
    SIGNAL at 5 to 14, a tenth of them but in test. The second feature is on at SIGNAL.
    """
    rng = np.random.default_rng(5)
    proteins = protein_rows(600, LONG)
    rows, activations = [], {}
    for number, (name, split) in enumerate(
        zip(proteins["accession"], proteins["split"], strict=True)
    ):
        on = rng.random((LONG, 2)) < [0.01, 0.0]
        if number % 9 < 3:
            rows.append((name, "TRANSMEM", "", 61, 70))
            on[60:70, 0] = rng.random(10) < 0.8
        elif rng.random() < (share_of_test if split == "test" else 0.1):
            rows.append((name, "SIGNAL", "", 5, 14))
            on[4:14, 0] = rng.random(10) < 0.6
            on[4:14, 1] = rng.random(10) < 0.7
        activations[name] = (on * rng.gamma(3, 1, on.shape)).astype(np.float32)
    columns = ["accession", "type", "description", "start", "end"]
    annotations = pd.DataFrame(rows, columns=columns)
    concepts = ConceptTable.build(proteins, annotations, min_residues=3, min_clusters=2)
    return Layer(proteins, concepts, SETTINGS), activations


def of_transmem(share_of_test: float) -> pd.DataFrame:
    layer, activations = with_look_alike(share_of_test)
    codes = codes_of(activations)
    table = calibrate(layer, codes, examine(layer, HeldOut.of(layer), codes))
    return table[table["concept"] == "TRANSMEM"]


def test_a_look_alike_that_is_common_in_test_alone_does_not_spoil_probabilities() -> None:
    table = of_transmem(share_of_test=0.8)
    assert set(table["look_alike"]) == {"SIGNAL"}
    assert set(table["look_alike_feature"]) == {1}
    far, near = (table[table["near_look_alike"] == is_near] for is_near in (False, True))
    assert far["likelihood_ratio"].min() > 50
    assert near["likelihood_ratio"].max() < 1
    assert far["bin"].iloc[0] == near["bin"].iloc[0] == 1
    # It is wrong at more than a third of the residues at which it is on.
    assert table["test_on"].iloc[0] > 1.5 * table["observed_positives"].iloc[0]
    assert set(table["calibration"]) == {"calibrated"}


def test_nothing_is_a_look_alike_of_a_feature_that_is_on_at_its_concept_alone() -> None:
    layer, activations = with_look_alike(0.1)
    for rows in activations.values():
        rows[4:14, 0] = 0
    codes = codes_of(activations)
    table = calibrate(layer, codes, examine(layer, HeldOut.of(layer), codes))
    assert table["look_alike"].isna().all()
    assert not table["near_look_alike"].any()
