"""The study of six methods: planted units are found, judged by hand, and written into the page."""

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import f1_score

from studies.compared_methods.fitted_methods import (
    PENALTIES,
    Fitted,
    best_penalties,
    components,
    few,
    linear,
)
from studies.compared_methods.judged_methods import Judged, agreement, judge, resampled_rows
from studies.compared_methods.measure import into_page, markdown, method_row, shares


class Planted:
    """Seven proteins of 11 residues in each split, of which column 2 has the first concept.

    The second one holds where the sum of all five columns is above 0; in the last protein of test
    the label of either is unknown.
    """

    def __init__(self) -> None:
        rng = np.random.default_rng(0)
        self.rows = {f"{s}{i}": rng.normal(size=(11, 5)) for s in ("v", "e", "t") for i in range(7)}
        names = list(self.rows)
        split = {"v": "valid", "e": "test", "t": "train"}
        self.proteins = pd.DataFrame(
            {"split": [split[name[0]] for name in names], "length": 11}, index=names
        )
        self.proteins["number"] = [int(name[1]) for name in names]

    def of_split(self, split: str) -> pd.DataFrame:
        return self.proteins[self.proteins["split"] == split]

    def read(self, names: set[str]):
        for name in self.rows:
            if name in names:
                yield [name], self.rows[name]

    def labels(self, names: list[str]) -> tuple[np.ndarray, np.ndarray]:
        x = np.concatenate([self.rows[name] for name in names])
        known = np.repeat([name != "e6" for name in names], 11)[:, None] & np.ones(2, bool)
        return np.column_stack([x[:, 2] > 0, x.sum(1) > 0]) & known, known

    def train(self) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        names = self.of_split("train").index.tolist()
        x = np.concatenate([self.rows[name] for name in names])
        return (x, *self.labels(names), np.repeat(np.arange(7), 11))


@pytest.fixture(scope="module")
def planted() -> Planted:
    return Planted()


def test_the_planted_unit_is_found_and_what_no_unit_has_is_not(planted: Planted) -> None:
    methods = [
        *few({1: "one", 5: "five"})(*planted.train()),
        *linear("all", [0.0001, 0.0001])(*planted.train()),
    ]
    one, five, every = judge(planted, planted.read, methods)
    assert one.fitted.units[0] == (2,)
    assert sorted(five.fitted.units[1]) == [0, 1, 2, 3, 4]
    assert one.scores["auroc"][0] == 1
    assert one.scores["f1"][0] > 0.9
    assert one.scores["f1"][1] < 0.8
    assert five.scores["auroc"][1] > 0.98
    assert every.scores["auroc"][1] > 0.98
    assert one.known.sum() == 2 * 6 * 11, "the last protein has no labels"


def test_a_component_is_a_direction_of_the_coordinates(planted: Planted) -> None:
    """Four directions vary little; the probe's logits are those of the first component's scores."""
    x, _, known, cluster = planted.train()
    x = x * np.array([0.1, 0.1, 5, 0.1, 0.1]) + 3
    labels = np.column_stack([x[:, 2] > 3, x[:, 0] > 3])
    [found] = components("component")(x, labels, known, cluster)
    assert found.units[0] == (0,)
    weights = np.abs(found.weights[:, 0])
    assert weights.argmax() == 2
    assert weights[2] > 20 * np.delete(weights, 2).max()
    logits = found.logits(x)[:, 0]
    assert logits.min() == pytest.approx(found.low[0])
    assert logits.max() == pytest.approx(found.high[0])
    assert ((logits > 0) == labels[:, 0]).mean() > 0.95


@pytest.mark.parametrize(("seed", "expected"), [(0, 0.01), (7, 0.0001)])
def test_the_penalty_is_that_of_the_highest_f1_on_valid(seed: int, expected: float) -> None:
    """Beside scikit-learn on columns of variance 1, with the best of all thresholds."""
    rng = np.random.default_rng(seed)
    x, labels = rng.normal(size=(2, 130, 31)), np.zeros((2, 130, 1), bool)
    labels[..., 0] = x[..., 0] + x[..., 1] + rng.normal(size=(2, 130)) > 0.7
    everywhere = np.ones((130, 1), bool)
    z = (x - x[0].mean(0)) / x[0].std(0)
    f1 = {}
    for penalty in PENALTIES:
        model = LogisticRegression(C=1 / (130 * penalty), max_iter=10_000)
        scores = model.fit(z[0], labels[0, :, 0]).decision_function(z[1])
        f1[penalty] = max(f1_score(labels[1, :, 0], scores >= level) for level in scores)
    best, second, _ = sorted(f1, key=f1.get, reverse=True)
    assert f1[best] > f1[second] + 0.02, "the world is of no use if all do alike"
    [found] = best_penalties(x[0], labels[0], everywhere, (x[1], labels[1], everywhere))
    assert (found, best) == (expected, expected)


def _judged(logits: list[float], f1: float, unit: int) -> Judged:
    rows = np.array(logits)[:, None]
    scores = pd.DataFrame(
        {
            **{"f1": [f1], "f1_low": [f1 - 0.1], "f1_high": [f1 + 0.1]},
            **{"auroc": [0.75], "auroc_low": [0.5], "auroc_high": [1.0]},
        }
    )
    fitted = Fitted("one", rows, rows[0], rows[0], rows[0], [(unit,)], 0.125)
    return Judged(fitted, scores, rows, np.array([[True]] * (len(rows) - 1) + [[False]]))


def test_a_row_says_how_much_a_method_changes() -> None:
    """Outputs up, up, and down; the last residue's label is unknown."""
    up, again, down = (
        _judged([0, 1, 2, 9], 0.5, 3),
        _judged([0, 3, 6, 0], 0.4, 3),
        _judged([2, 1, 0, 9], 0.7, 4),
    )
    assert agreement([up, again], 0) == pytest.approx(1)
    assert agreement([up, again, down], 0) == pytest.approx((1 - 1 - 1) / 3)
    assert method_row([up, again, down], [down], 0) == {
        "method": "one",
        "F1": "0.50 [0.40, 0.60]",
        "AUROC": "0.75 [0.50, 1.00]",
        "F1, refitted": "0.40 to 0.70",
        "agreement": "-0.33",
        "same unit": "1 of 2",
        "F1, other seeds": "0.70",
        "agreement of seeds": "-1.00",
        "CPU-s": "0.1",
    }


def test_whole_clusters_are_drawn() -> None:
    cluster = np.array([4, 4, 4, 7, 9, 9])
    for seed in range(5):
        rows = resampled_rows(cluster, seed)
        sizes = pd.Series(rows).value_counts()
        of_cluster = sizes.groupby(cluster[sizes.index]).agg(["nunique", "size"])
        assert (of_cluster["nunique"] == 1).all(), "rows of a cluster come equally often"
        assert of_cluster["size"].to_dict().items() <= {4: 3, 7: 1, 9: 2}.items()
    assert resampled_rows(cluster, 1).tolist() != resampled_rows(cluster, 2).tolist()


def test_shares() -> None:
    """Sizes 6, 2, 0 and 1 of 9: half is at one unit, 8 of 9 at two."""
    phi = np.array([[3.0, -1.0, 0.0, 1.0], [-3.0, 1.0, 0.0, 0.0]])
    assert (shares(phi, 0.5), shares(phi, 8 / 9), shares(phi, 1.0)) == (1, 2, 3)


def test_tables_go_between_their_marks() -> None:
    table = markdown([{"a": "1", "b": "2"}, {"a": "3", "b": ""}])
    assert table == "| a | b |\n|---|---|\n| 1 | 2 |\n| 3 |  |"
    other = "<!-- compared: B --><!-- /compared -->"
    page = f"x\n<!-- compared: A -->\nold\n<!-- /compared -->\ny {other}"
    found = into_page(page, {"A": "\\1 new"})
    assert found == f"x\n<!-- compared: A -->\n\\1 new\n<!-- /compared -->\ny {other}"
    with pytest.raises(SystemExit, match="no <!-- compared: C --> in the page"):
        into_page(page, {"C": "new"})
