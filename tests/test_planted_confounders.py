"""One planted world of each kind of benchmarks.planted_confounders, of 20."""

from benchmarks.planted_confounders import CONFOUNDER, run_world


def test_the_confounder_is_found_and_taken_out() -> None:
    rows = run_world(0, "planted").set_index(["arm", "probe"])
    own = rows.loc["features", "kept"]
    assert own["n_confounder"] == len(CONFOUNDER)
    assert own["n_label"] == 0
    assert own["auroc_gain_low"] > 0
    assert own["oracle"] - own["accuracy"] < 0.05


def test_what_no_feature_describes_is_not_taken_out_by_features() -> None:
    rows = run_world(0, "outside").set_index(["arm", "probe"])
    assert rows.loc["features", "kept"]["auroc_gain"] < 0.02
    assert rows.loc["LEACE", "retrained"]["auroc_gain_low"] > 0
    assert rows.loc["LEACE", "retrained"]["confounder_auroc"] < 0.55


def test_nothing_to_take_out_is_no_better_than_random_features() -> None:
    rows = run_world(0, "null").set_index(["arm", "probe"])
    for probe in ("kept", "retrained"):
        assert rows.loc["features at random", probe]["features_ahead_low"] <= 0
