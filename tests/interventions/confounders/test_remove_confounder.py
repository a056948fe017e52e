"""The whole comparison: where it gains, where it cannot, and what it refuses."""

import numpy as np
import pytest

import protsae
from protsae.errors import UserError
from protsae.interventions.confounders.scored_rows import ARMS

SIZES = {"train": 211, "valid": 101, "test": 157}
SPLIT = np.repeat([*SIZES], [*SIZES.values()])


def world(seed: int = 0, agree: float = 0.9) -> dict:
    """Feature 0 is the label, faintly; features 1 and 2 are the confounder, loudly."""
    rng = np.random.default_rng(seed)
    n = len(SPLIT)
    label = rng.random(n) < 0.5
    agrees = rng.random(n) < np.where(SPLIT == "test", 0.5, agree)
    confounder = np.where(agrees, label, ~label)
    codes = rng.exponential(size=(n, 13))
    codes[:, 0] += 1.5 * label
    codes[:, 1:3] += 4 * confounder[:, None]
    decoder = np.linalg.qr(rng.normal(size=(13, 13)))[0]
    return {
        "activations": codes @ decoder + 0.1 * rng.normal(size=(n, 13)),
        "codes": codes,
        "decoder": decoder,
        "label": label,
        "confounder": confounder,
        "cluster": np.arange(n),
        "split": SPLIT,
        "resamplings": 100,
    }


def chosen(found: protsae.ConfounderRemoval, arm: str, probe: str = "kept") -> dict:
    table = found.table
    own = table[table["is_chosen"] & (table["arm"] == arm) & (table["probe"] == probe)]
    [row] = own.to_dict("records")
    return row


def test_the_confounder_is_taken_out() -> None:
    found = protsae.remove_confounder(**world())
    assert found.features["kept"] == [2, 1] or found.features["kept"] == [1, 2]
    row = chosen(found, "features")
    assert row["auroc_gain_low"] > 0
    assert row["worst_cell"] > chosen(found, "none")["worst_cell"]
    assert row["confounder_auroc"] < 0.65 < chosen(found, "none")["confounder_auroc"]
    # Two of two features are the confounder; two random ones are not.
    assert chosen(found, "features at random")["features_ahead_low"] > 0
    assert row["features_ahead"] == row["features_ahead_high"] == 0


def test_arms_and_numbers_in_order() -> None:
    table = protsae.remove_confounder(**world(), counts=(1, 2), draws=2).table
    assert list(dict.fromkeys(table["arm"])) == list(ARMS)
    several = table[table["arm"].isin(["features", "coordinates", "features at random"])]
    for _, own in several.groupby(["arm", "probe"]):
        assert own["n_removed"].tolist() == [0, 1, 2]
    assert (table.groupby(["arm", "probe"])["is_chosen"].sum() == 1).all()
    none = table.iloc[0]
    zero = table[table["n_removed"] == 0]
    zero = zero[~zero["arm"].isin(["none", "reweighted"])]
    assert (zero["auroc"] == none["auroc"]).all()
    assert (zero["auroc_gain"] == 0).all()
    assert (table["variance_removed"][table["arm"] == "none"] == 0).all()


def test_where_nothing_is_confounded_nothing_is_gained() -> None:
    found = protsae.remove_confounder(**world(agree=0.5))
    for probe in ("kept", "retrained"):
        row = chosen(found, "features", probe)
        assert row["auroc_gain_low"] <= 0 <= row["auroc_gain_high"]


def test_equal_inputs_give_equal_tables() -> None:
    one, two = (protsae.remove_confounder(**world(), counts=(2,), draws=2) for _ in range(2))
    assert one.table.equals(two.table)


def test_too_few_clusters_have_scores_and_no_intervals() -> None:
    given = world()
    test = given["split"] == "test"
    given["cluster"] = np.where(test, -1 - np.arange(len(test)) % 7, given["cluster"])
    found = protsae.remove_confounder(**given, counts=(1,), draws=1)
    assert max(found.clusters_by_cell) <= 7
    assert found.table["auroc"].notna().all()
    assert found.table["auroc_low"].isna().all()


@pytest.mark.parametrize(
    ("change", "line"),
    [
        ({"seed": -1}, "seed -1; expected 0 or more"),
        ({"label": [True] * 3}, "label of 3 proteins, activations of 469; expected as many"),
        (
            {"label": np.where(np.arange(469) < 2, np.nan, world()["label"])},
            "label: NaN for 2 proteins; expected True or False; leave them out",
        ),
        ({"decoder": np.eye(3)}, r"decoder of shape \(3, 3\); expected \(13, 13\): features of"),
        ({"activations": np.full((469, 13), np.nan)}, "activations or codes have a NaN or an inf"),
        ({"cluster": np.zeros(469, int)}, "homology cluster 0 is in more than one split; relativ"),
        (
            {"confounder": world()["label"]},
            "train: no protein with the confounder alone, of 211; expected some of each",
        ),
        ({"split": np.where(SPLIT == "valid", "train", SPLIT)}, "valid: no protein with neither"),
    ],
)
def test_one_line_says_what_is_wrong(change: dict, line: str) -> None:
    with pytest.raises(UserError, match=f"^{line}"):
        protsae.remove_confounder(**(world() | change))
