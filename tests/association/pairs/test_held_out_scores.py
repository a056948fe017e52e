"""Every score of every pair, against dense arrays, scikit-learn and the functions of the nulls."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from sklearn.metrics import average_precision_score, f1_score, roc_auc_score

from protsae.association.pairs.held_out_labels import HeldOut
from protsae.association.pairs.held_out_scores import _rows_above, examine
from protsae.association.pairs.scored_pairs import Examined
from protsae.association.run_tables import detector_rows
from protsae.association.significance.concatenated_proteins import Chains
from protsae.association.significance.family_null import cluster_null
from protsae.association.significance.position_null import position_null
from protsae.association.significance.rotation_null import rotation_null
from protsae.concepts.concept import are_defined_by_sequence
from protsae.statistics.cluster_intervals import (
    auroc_interval,
    bootstrap_weights,
    effective_clusters,
    f1_interval,
)
from tests.association.tiny_layer import (
    LENGTH,
    N_PROTEINS,
    SETTINGS,
    build_layer,
    codes_of,
    noise_and_signal,
    signal,
)
from tests.helpers.tiny_run import protein_rows

N_FEATURES = 4


def graded() -> dict[str, np.ndarray]:
    """Two features follow SIGNAL, the second loosely; one follows cysteines; one is noise."""
    rng = np.random.default_rng(3)
    proteins = protein_rows(N_PROTEINS, LENGTH)
    is_signal, activations = signal(proteins), {}
    for name, sequence in zip(proteins["accession"], proteins["sequence"], strict=True):
        rows = np.maximum(rng.normal(-0.5, 0.4, (LENGTH, N_FEATURES)), 0).astype(np.float32)
        rows[:, 0] += is_signal[name] * rng.integers(1, 4, LENGTH)
        rows[:, 1] += (is_signal[name] & (rng.random(LENGTH) < 0.6)) * 2
        rows[:, 2] += (np.array(list(sequence)) == "C") * (rng.random(LENGTH) < 0.8)
        activations[name] = rows
    return activations


LAYER = build_layer()
SPLIT = HeldOut.of(LAYER)
TEST = LAYER.of_split("test")
DENSE = np.concatenate([graded()[name] for name in TEST["accession"]])
LABELS = LAYER.concepts.labels(TEST["accession"].tolist()).toarray() > 0
NAMES = [concept.name for concept in LAYER.concepts.concepts]
CLUSTER = np.repeat(pd.factorize(TEST["cluster"])[0], LENGTH)


@pytest.fixture(scope="module")
def examined() -> Examined:
    return examine(LAYER, SPLIT, codes_of(graded()), keep="all")


def detector(row: pd.Series) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Activations, where they are on, and the concept: of all test residues."""
    activation = DENSE[:, row["feature"]]
    return activation, activation > row["threshold"], LABELS[:, NAMES.index(row["concept"])]


def by_cluster(*values: np.ndarray) -> list[np.ndarray]:
    return [np.bincount(CLUSTER, value)[:, None] for value in values]


def test_several_pairs_are_examined(examined: Examined) -> None:
    found = set(zip(examined.pairs["feature"], examined.pairs["concept"], strict=True))
    assert {(0, "SIGNAL"), (1, "SIGNAL"), (2, "residue: C")} <= found
    assert len(found) > 5


def test_a_detector_is_on_above_its_threshold() -> None:
    activations = sparse.csc_array(np.array([[0.0, 2], [3, 1], [2, 0], [1, 3], [0, 2]]))
    assert _rows_above(activations, 0, 1.0).tolist() == [1, 2]
    assert _rows_above(activations, 1, 2.0).tolist() == [3]
    assert _rows_above(activations, 1, 0.0).tolist() == [0, 1, 3, 4]


def test_scores_and_intervals(examined: Examined) -> None:
    for _, row in examined.pairs.iterrows():
        activation, on, has = detector(row)
        assert row["f1"] == pytest.approx(f1_score(has, on))
        sums = by_cluster(has & on, on, has)
        found = row[["f1_low", "f1_high"]].tolist()
        assert found == pytest.approx([float(x[0]) for x in f1_interval(*sums)], nan_ok=True)
        assert row["n_clusters"] == (sums[2] > 0).sum()
        assert row["effective_clusters"] == pytest.approx(effective_clusters(sums[2])[0])
        assert row["average_precision"] == pytest.approx(average_precision_score(has, activation))
        assert row["auroc"] == pytest.approx(roc_auc_score(has, activation))


def test_intervals_of_auroc(examined: Examined) -> None:
    for _, row in examined.pairs.iterrows():
        activation, _, has = detector(row)
        above = (activation[:, None] > activation) + 0.5 * (activation[:, None] == activation)
        placed = has * (above[:, ~has].mean(1))
        passed = ~has * (above[has].mean(0))
        expected = auroc_interval(*by_cluster(placed, has, passed, ~has))
        found = row[["auroc_low", "auroc_high"]].tolist()
        assert found == pytest.approx([float(x[0]) for x in expected], nan_ok=True)


def test_nulls(examined: Examined) -> None:
    lengths = TEST["length"].to_numpy()
    chains = Chains(lengths, pd.factorize(TEST["cluster"])[0], np.ones(len(CLUSTER), bool))
    for _, row in examined.pairs.iterrows():
        _, on, has = detector(row)
        given = [np.flatnonzero(on)], [np.flatnonzero(has)], np.array([[0, 0]]), chains
        for name, null in (
            ("rotation", rotation_null(*given)),
            ("position", position_null(*given)),
        ):
            p_value = float(null.p_value[0])
            assert row[f"{name}_p_value"] == pytest.approx(p_value, rel=1e-9, abs=0, nan_ok=True)
            f1 = 2 * null.expected[0] / (on.sum() + has.sum())
            assert row[f"{name}_null_f1"] == pytest.approx(f1)
        both = row[["rotation_p_value", "position_p_value"]].to_numpy(dtype=float)
        assert row["p_value"] == pytest.approx(np.max(both), nan_ok=True)
        assert row["concept_level"] == "residue"


def test_counts_by_cluster(examined: Examined) -> None:
    counts = examined.cluster_counts
    for _, row in examined.pairs.iterrows():
        _, on, has = detector(row)
        own = counts[(counts["feature"] == row["feature"]) & (counts["concept"] == row["concept"])]
        tp, n_on, _ = (x[:, 0] for x in by_cluster(has & on, on, has))
        names = pd.factorize(TEST["cluster"])[1]
        assert dict(zip(own["cluster"], own["on"], strict=True)) == {
            names[c]: n for c, n in enumerate(n_on) if n
        }
        assert own.set_index("cluster")["tp"].sum() == tp.sum()


def test_counts_are_kept_of_leading_pairs_and_of_the_best_of_each_concept() -> None:
    """A detector leads with the pair of its highest gain on valid. Some that lead are the best of
    no concept, and the best of some concept does not lead with it."""
    found = examine(LAYER, SPLIT, codes_of(graded()), keep="leading")
    pairs = found.pairs
    leading = set(pairs.groupby("feature")["gain"].idxmax())
    best = set(pairs.groupby("concept")["valid_f1"].idxmax())
    assert leading - best
    assert best - leading
    columns = ["feature", "concept"]
    kept = set(found.cluster_counts[columns].itertuples(index=False, name=None))
    wanted = pairs.loc[sorted(leading | best), columns].itertuples(index=False, name=None)
    assert kept == set(wanted)


def test_baselines_are_neither_tested_nor_ranked_where_the_sequence_defines_the_concept() -> None:
    pairs = examine(LAYER, SPLIT, codes_of(graded()), keep="best").pairs
    defined = are_defined_by_sequence(pairs["concept_type"])
    assert defined.any()
    assert not defined.all()
    for column in ("p_value", "q_value", "average_precision", "auroc", "auroc_low"):
        assert pairs.loc[defined, column].isna().all()
    assert pairs.loc[~defined, ["average_precision", "auroc"]].notna().all(axis=None)
    assert pairs["f1"].notna().all()


def test_what_is_captured_where_clusters_are_drawn_again() -> None:
    """A pair is captured if its F1 is at least 0.5 and above that of always being on. In each
    resampling, count the detectors with a captured pair, and the concepts that their best detector
    on valid captures. Each of the three detectors finds a third of SIGNAL."""
    rng = np.random.default_rng(0)
    activations = {
        name: (has[:, None] & (rng.random((LENGTH, 3)) < 0.34)).astype(np.float32)
        for name, has in signal(LAYER.proteins).items()
    }
    examined = examine(LAYER, SPLIT, codes_of(activations), keep="all")
    dense = np.concatenate([activations[name] for name in TEST["accession"]])
    weights = bootstrap_weights(int(CLUSTER.max()) + 1, SETTINGS.bootstrap, SETTINGS.seed)
    pairs, reached = examined.pairs, []
    for _, row in pairs.iterrows():
        on = dense[:, row["feature"]] > row["threshold"]
        has = LABELS[:, NAMES.index(row["concept"])]
        tp, n_on, positives = (weights @ x[:, 0] for x in by_cluster(has & on, on, has))
        f1, floor = 2 * tp / (n_on + positives), 2 * has.mean() / (1 + has.mean())
        reached.append((f1 >= 0.5) & (f1 > floor))
    best = pairs.groupby("concept")["valid_f1"].idxmax()
    captured = np.sum([reached[i] for i in best], axis=0)
    detectors = pairs.groupby("feature").groups.values()
    capturing = np.sum([np.any([reached[i] for i in own], axis=0) for own in detectors], axis=0)
    assert examined.captured.tolist() == captured.tolist()
    assert examined.capturing.tolist() == capturing.tolist()
    assert set(captured) == {0, 1}
    assert set(capturing) == {1, 2, 3}


@pytest.mark.parametrize(("n_clusters", "n_counts"), [(9, 0), (10, SETTINGS.bootstrap)])
def test_few_clusters_are_not_resampled(n_clusters: int, n_counts: int) -> None:
    cluster = LAYER.proteins["split"] + (LAYER.proteins.index % n_clusters).astype(str)
    layer = replace(LAYER, proteins=LAYER.proteins.assign(cluster=cluster))
    examined = examine(layer, HeldOut.of(layer), codes_of(graded()), keep="all")
    assert len(examined.captured) == len(examined.capturing) == n_counts
    bounds = detector_rows(examined).filter(regex="captur.*(low|high)")
    assert bounds.isna().all(axis=None) == (n_counts == 0)


def test_active_residues_and_the_train_sample(examined: Examined) -> None:
    shares = (examined.train_sample.toarray() > 0).mean(0)
    assert examined.density.tolist() == shares.tolist()
    assert examined.n_detectors == N_FEATURES
    assert sparse.issparse(examined.train_sample)


def test_the_family_null_of_leading_pairs() -> None:
    """Twelve families of two in test. Of each detector the pair with the largest gain is tested,
    by 999 exchanges, until 20 are as good. Beside those of before, four that are noise."""
    number = LAYER.proteins.groupby("split").cumcount() // 2
    cluster = LAYER.proteins["split"] + number.astype(str)
    layer = replace(LAYER, proteins=LAYER.proteins.assign(cluster=cluster))
    rng = np.random.default_rng(1)
    activations = {
        name: np.hstack([rows, np.maximum(rng.normal(0, 0.4, rows.shape), 0).astype(np.float32)])
        for name, rows in graded().items()
    }
    pairs = examine(layer, HeldOut.of(layer), codes_of(activations), keep="leading").pairs
    leading = pairs.loc[pairs.groupby("feature")["gain"].idxmax()]
    assert pairs.drop(leading.index)["family_p_value"].isna().all()
    dense = np.concatenate([activations[name] for name in TEST["accession"]])
    lengths, family = TEST["length"].to_numpy(), np.arange(len(TEST)) // 2
    chains = Chains(lengths, family, np.ones(len(dense), bool))
    expected = []
    # Draws depend on the place of a pair among those of its concept.
    for place, (_, row) in zip(
        leading.groupby("concept").cumcount(), leading.iterrows(), strict=True
    ):
        on = np.flatnonzero(dense[:, row["feature"]] > row["threshold"])
        has = np.flatnonzero(LABELS[:, NAMES.index(row["concept"])])
        rows = [on] * (place + 1), [has], np.array([[place, 0]])
        expected.append(cluster_null(*rows, chains, 999, 20, LAYER.settings.seed)[0])
    assert leading["family_p_value"].tolist() == pytest.approx(expected, nan_ok=True)
    assert np.nanmin(expected) == 1 / 1000
    assert np.nanmax(expected) > 20 / 999


def all_pairs() -> pd.DataFrame:
    """Of the three features of `noise_and_signal` with any concept."""
    layer = replace(LAYER, settings=SETTINGS.model_copy(update={"min_f1": 0.0}))
    return examine(layer, SPLIT, codes_of(noise_and_signal()), keep="all").pairs


def test_an_instance_is_found_where_any_of_its_residues_is_on() -> None:
    """Each protein of test has one SIGNAL at most; what is no instance is found by residues."""
    activations, pairs = noise_and_signal(), all_pairs()
    spans = signal(protein_rows(N_PROTEINS, LENGTH))
    test = [name for name in TEST["accession"] if spans[name].any()]
    of_signal = pairs[pairs["concept"] == "SIGNAL"]
    assert set(of_signal["feature"]) >= {1}
    for _, row in of_signal.iterrows():
        on = [activations[name][spans[name], row["feature"]] > row["threshold"] for name in test]
        recall = np.mean([each.any() for each in on])
        assert row["instance_recall"] == pytest.approx(recall)
        assert row["recall"] == pytest.approx(np.concatenate(on).mean())
        both = row["precision"] + recall
        expected = 2 * row["precision"] * recall / both if both else 0
        assert row["instance_f1"] == pytest.approx(expected)
    others = pairs[pairs["concept"] == "residue: C"]
    assert len(others)
    assert others["instance_recall"].tolist() == others["recall"].tolist()


def test_counts_are_those_of_test_residues() -> None:
    activations, pairs = noise_and_signal(), all_pairs()
    test = TEST["accession"]
    spans = signal(protein_rows(N_PROTEINS, LENGTH))
    has = np.concatenate([spans[name] for name in test])
    for _, row in pairs[pairs["concept"] == "SIGNAL"].iterrows():
        active = np.concatenate([activations[name][:, row["feature"]] for name in test])
        on = active > row["threshold"]
        found = row[["tp", "fp", "fn"]].tolist()
        assert found == [(on & has).sum(), (on & ~has).sum(), (~on & has).sum()]
        assert row["base_rate"] == pytest.approx(has.mean())
        assert row["false_positive_rate"] == pytest.approx(on[~has].mean())
