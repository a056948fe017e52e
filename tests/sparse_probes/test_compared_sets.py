"""Sets of detectors with planted truths: what is told by few of them, and what is not."""

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import f1_score, roc_auc_score

from protsae.association.pairs.layer_data import Layer
from protsae.config.stage_settings import AnnotateSettings
from protsae.detectors.activations import Codes, Encoded
from protsae.sparse_probes.compared_sets import probe_sets
from protsae.stages.scoring_detectors.given_arrays import ArrayCodes, ArrayLabels

N_PROTEINS, LENGTH, N_DETECTORS = 97, 83, 19
SIZES = (1, 2, 5)
LINEAR = {"f1": [1.0, 1.0, 0.2], "valid_f1": [1.0, 1.0, 0.3], "f1_low": [0.9, 1.0, 0.1]}
"""Of linear probes: the last does no better than calling every residue, 0.18."""
KEYS = ["variant", "concept", "k"]


class World:
    """Proteins each of its own cluster; concept 0 is three detectors, concept 1 one, 2 nothing."""

    def __init__(self, seed: int):
        rng = np.random.default_rng(seed)
        names = [f"P{number:02d}" for number in range(N_PROTEINS)]
        split = ["train", "train", "valid", "test"] * 25
        self.proteins = pd.DataFrame(
            {
                "accession": names,
                "sequence": "A" * LENGTH,
                "length": LENGTH,
                "cluster": names,
                "split": split[:N_PROTEINS],
            }
        )
        shape = LENGTH, N_DETECTORS
        self.codes = {
            name: rng.uniform(0.5, 1, shape) * (rng.random(shape) < 0.08) for name in names
        }
        self.labels = {name: self._label(codes, rng) for name, codes in self.codes.items()}
        mixing = rng.normal(size=(N_DETECTORS, N_DETECTORS))
        self.mixed = {name: codes @ mixing for name, codes in self.codes.items()}

    @staticmethod
    def _label(codes: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        on = codes > 0
        return np.column_stack(
            [on[:, [3, 7, 11]].any(1), on[:, 5], rng.random(len(codes)) < 0.1],
        )

    @property
    def layer(self) -> Layer:
        labels = ArrayLabels.of(self.labels, None, self.proteins, ["three", "one", "none"])
        return Layer(self.proteins, labels, AnnotateSettings(train_residues=3001, batch=500))

    def dense(self, values: dict[str, np.ndarray]) -> Codes:
        def read(names: set[str], _: int):  # type: ignore[no-untyped-def]
            return (([name], values[name]) for name in values if name in names)

        return Encoded(read, lambda rows: rows, N_DETECTORS, np.concatenate)

    def rows(self, **sets: Codes) -> pd.DataFrame:
        linear = pd.DataFrame(LINEAR)
        names = list(sets)
        baselines = {names[0]: names[1:]}
        return probe_sets(self.layer, sets, np.arange(3), SIZES, linear, baselines)


@pytest.fixture(scope="module")
def world() -> World:
    return World(0)


@pytest.fixture(scope="module")
def rows(world: World) -> pd.DataFrame:
    codes = ArrayCodes.of(world.codes, world.proteins)
    return world.rows(sae=codes, coordinates=world.dense(world.mixed))


def one(rows: pd.DataFrame, variant: str, concept: int, k: int) -> pd.Series:
    return rows.set_index(KEYS).loc[(variant, concept, k)]


def test_the_detectors_planted_are_named(rows: pd.DataFrame) -> None:
    first = one(rows, "sae", 0, 5)["detectors"].split()[:3]
    assert set(first) == {"3", "7", "11"}
    assert one(rows, "sae", 0, 2)["detectors"].split() == first[:2]
    assert one(rows, "sae", 1, 1)["detectors"] == "5"


def test_how_many_a_concept_needs(rows: pd.DataFrame) -> None:
    fewest = rows[rows["is_fewest"] == 1].set_index(["variant", "concept"])["k"]
    assert fewest.get(("sae", 0)) == 5
    assert fewest.get(("sae", 1)) == 1
    assert ("coordinates", 1) not in fewest, "nineteen coordinates hold it, and five do not"
    assert one(rows, "sae", 1, 1)["f1"] == 1
    assert one(rows, "sae", 1, 1)["share_of_probe"] == 1


def test_the_share_of_the_linear_probe_by_hand(rows: pd.DataFrame) -> None:
    row = one(rows, "sae", 0, 1)
    always = 2 * row["base_rate"] / (1 + row["base_rate"])
    assert row["always_on_f1"] == pytest.approx(always)
    assert row["share_of_probe"] == pytest.approx((row["f1"] - always) / (1 - always))
    untold = rows[rows["concept"] == 2]
    assert untold[["share_of_probe", "is_fewest"]].isna().all(axis=None), "the probe is at chance"


def test_an_sae_is_compared_with_as_many_of_its_baseline(rows: pd.DataFrame) -> None:
    row = one(rows, "sae", 1, 1)
    assert (row["verdict"], row["best_baseline"]) == ("above", "coordinates")
    assert row["best_baseline_f1"] == one(rows, "coordinates", 1, 1)["f1"]
    assert row["f1_difference"] == pytest.approx(row["f1"] - row["best_baseline_f1"])
    assert row["f1_difference_low"] < row["f1_difference"] < row["f1_difference_high"]
    assert one(rows, "sae", 2, 5)["verdict"] is None, "neither is better than always on"
    assert rows.loc[rows["variant"] == "coordinates", "verdict"].isna().all()


def test_a_baseline_stands_by_its_best_probe_of_that_size_or_smaller(world: World) -> None:
    """A probe that is worse for a second detector is no straw man."""
    codes = ArrayCodes.of(world.codes, world.proteins)
    own = world.rows(sae=codes, coordinates=world.dense(world.mixed))
    of_baseline = own[own["variant"] == "coordinates"].set_index(["concept", "k"])
    for row in own[own["variant"] == "sae"].itertuples():
        smaller = of_baseline.loc[row.concept].loc[: row.k]
        assert row.best_baseline_f1 == smaller["f1"][smaller["valid_f1"].idxmax()]


def test_relatives_do_not_outvote_other_clusters() -> None:
    """Eight clusters of nine, each with a detector of its own; the others share one."""
    rng = np.random.default_rng(0)
    names = [f"P{number:03d}" for number in range(144)]
    relative = [number // 9 if number < 72 else None for number in range(144)]
    split = ["train"] * 112 + ["valid", "test"] * 16
    proteins = pd.DataFrame({"accession": names, "sequence": "A" * LENGTH, "length": LENGTH})
    clusters = [
        name if own is None else f"C{own}" for name, own in zip(names, relative, strict=True)
    ]
    proteins = proteins.assign(cluster=clusters, split=split)
    labels = {name: rng.random((LENGTH, 1)) < 0.1 for name in names}
    codes = {name: np.zeros((LENGTH, N_DETECTORS)) for name in names}
    for name, own in zip(names, relative, strict=True):
        column = 12 if own is None else own
        codes[name][:, column] = labels[name][:, 0] * (rng.random(LENGTH) < 0.6)
    world_labels = ArrayLabels.of(labels, None, proteins, ["shared"])
    layer = Layer(proteins, world_labels, AnnotateSettings())
    linear = pd.DataFrame({"f1": [0.7], "valid_f1": [0.7], "f1_low": [0.6]})
    sets = {"sae": ArrayCodes.of(codes, proteins)}
    rows = probe_sets(layer, sets, np.arange(1), (1,), linear, {})
    assert rows["detectors"].tolist() == ["12"]
    assert rows["f1"][0] > 0.6


def test_scores_are_those_of_scikit_learn(world: World, rows: pd.DataFrame) -> None:
    """One detector: its activation ranks residues as the probe's logit does."""
    test = world.proteins.loc[world.proteins["split"] == "test", "accession"]
    detector = int(one(rows, "sae", 0, 1)["detectors"])
    x = np.concatenate([world.codes[name][:, detector] for name in test])
    y = np.concatenate([world.labels[name][:, 0] for name in test])
    row = one(rows, "sae", 0, 1)
    assert row["auroc"] == pytest.approx(roc_auc_score(y, x), abs=0.01)  # 2,048 steps
    assert row["f1"] == pytest.approx(f1_score(y, x > 0), abs=0.01)
    assert row["auroc_low"] < row["auroc"] < row["auroc_high"]
    assert row["n_residues"] == y.sum()


def test_rows_are_by_set_concept_and_k(rows: pd.DataFrame) -> None:
    expected = [(s, c, k) for s in ("sae", "coordinates") for c in range(3) for k in SIZES]
    assert list(rows[KEYS].itertuples(index=False, name=None)) == expected


def test_how_many_rows_are_read_at_a_time_changes_nothing(world: World) -> None:
    codes = ArrayCodes.of(world.codes, world.proteins)
    own = world.rows(sae=codes)
    layer = world.layer
    other = Layer(layer.proteins, layer.concepts, AnnotateSettings(train_residues=3001, batch=90))
    linear = pd.DataFrame(LINEAR)
    again = probe_sets(other, {"sae": codes}, np.arange(3), SIZES, linear, {})
    pd.testing.assert_frame_equal(own, again, rtol=1e-9)


def test_of_two_sets_that_tell_as_much_neither_is_above() -> None:
    """Each has the detectors of the concepts with noise of its own: F1 is equal but for chance."""
    worlds_decided = 0
    for seed in range(20):
        world, rng = World(seed + 1), np.random.default_rng(seed)
        world.labels = {name: codes[:, [2, 5, 13]] > 0 for name, codes in world.codes.items()}
        own, other = (
            ArrayCodes.of(
                {n: codes * (rng.random(codes.shape) < 0.8) for n, codes in world.codes.items()},
                world.proteins,
            )
            for _ in range(2)
        )
        rows = world.rows(sae=own, other=other)
        verdicts = rows.loc[(rows["k"] == 1) & (rows["variant"] == "sae"), "verdict"]
        assert verdicts.notna().all()
        worlds_decided += (verdicts != "undecided").any()
    # A false discovery rate of 5 % for each direction: one world in ten, and two standard errors.
    assert worlds_decided <= 2 + 2 * np.sqrt(20 * 0.1 * 0.9)
