"""docs/findings.md says what was found."""

from pathlib import Path

import pandas as pd
import pytest
from scipy.stats import binomtest

from benchmarks.findings_markdown import markdown
from benchmarks.findings_tables import (
    ALL_LAYERS,
    NAMES,
    ONEHOT_PROBE,
    PROBE,
    SAE,
    SHUFFLED,
    SHUFFLED_PROBE,
    UNSUPERVISED,
    WINDOW,
    against_probes,
    commonest,
    compare,
    headline,
    over_layers,
    pool_reliability,
    verdict,
)
from protsae.models import NEURONS, ONEHOT

DOCS = Path(__file__).parents[1] / "docs"
ALWAYS_ON = 0.05
WEAK = (0.1, 0.0, 0.9)
"""F1, lower end of its interval, q-value of a detector that finds nothing."""


def test_tables_are_those_of_the_data() -> None:
    text = (DOCS / "findings.md").read_text()
    for table in markdown(DOCS / "findings"):
        assert table in text, f"put this into docs/findings.md:\n{table}"


def detectors(**scores: tuple[float, float, float | None]) -> pd.DataFrame:
    """F1, lower end, q-value by set; names as keywords."""
    names = {"sae": SAE, "onehot": ONEHOT, "shuffled": SHUFFLED, "probe": PROBE}
    index = [names[name] for name in scores]
    table = pd.DataFrame(list(scores.values()), index, ["f1", "f1_low", "q_value"])
    return table.astype(float)


@pytest.mark.parametrize(
    ("sae", "onehot", "expected"),
    [
        pytest.param((0.8, 0.6, 0.01), (0.5, 0.3, 0.01), "above", id="above all"),
        pytest.param((0.8, 0.6, 0.01), None, "above", id="alone, above always on"),
        pytest.param((0.8, 0.6, 0.05), WEAK, "above", id="called at q = 0.05"),
        pytest.param((0.8, 0.6, 0.06), (0.5, 0.3, 0.01), "undecided", id="rotated labels as good"),
        pytest.param(
            (0.8, 0.4, 0.01), (0.5, 0.3, 0.01), "undecided", id="its interval holds an F1"
        ),
        pytest.param((0.8, 0.5, 0.01), (0.5, 0.3, 0.01), "undecided", id="its lower end is an F1"),
        pytest.param((0.4, 0.04, 0.01), (0.1, 0.06, 0.01), "undecided", id="maybe always on"),
        pytest.param((0.35, 0.3, 0.01), (0.5, 0.3, 0.01), "undecided", id="in another's interval"),
        pytest.param((0.3, 0.2, 0.01), (0.5, 0.3, 0.01), "undecided", id="at another's lower end"),
        pytest.param((0.25, 0.2, 0.01), (0.5, 0.3, 0.01), "below", id="under another's interval"),
        pytest.param((0.25, 0.2, 0.01), (0.5, 0.3, 0.9), "below", id="under one not called"),
        pytest.param(WEAK, (0.5, 0.3, 0.01), "below", id="only another finds it"),
        pytest.param(None, (0.5, 0.3, 0.01), "below", id="no feature, another finds it"),
        pytest.param(None, (0.5, 0.3, 0.06), "none", id="no feature, another by chance"),
        pytest.param(None, (0.5, 0.05, 0.01), "none", id="no feature, another maybe always on"),
        pytest.param(None, None, "none", id="no detector"),
        pytest.param(WEAK, None, "none", id="a feature that finds nothing"),
        pytest.param(WEAK, (0.5, 0.3, 0.06), "none", id="all by chance"),
        pytest.param((0.3, 0.04, 0.01), None, "none", id="maybe always on, nobody else"),
    ],
)
def test_verdict(
    sae: tuple[float, float, float] | None,
    onehot: tuple[float, float, float] | None,
    expected: str,
) -> None:
    scores = {"sae": sae, "onehot": onehot, "shuffled": WEAK, "probe": (1.0, 0.9, None)}
    shown = detectors(**{name: score for name, score in scores.items() if score is not None})
    assert verdict(shown, UNSUPERVISED, ALWAYS_ON) == expected


def test_verdict_all_must_be_beaten() -> None:
    sae = (0.8, 0.6, 0.01)
    shown = detectors(sae=sae, onehot=WEAK, shuffled=(0.7, 0.2, 0.9))
    assert verdict(shown, UNSUPERVISED, ALWAYS_ON) == "undecided"
    assert verdict(shown, UNSUPERVISED[:-1], ALWAYS_ON) == "above"


def test_probes_find_a_property_without_q_value() -> None:
    shown = detectors(probe=(0.5, 0.3, None))
    assert verdict(shown, [PROBE], ALWAYS_ON) == "below"
    assert verdict(shown, [PROBE], 0.3) == "none"


def best_row(name: str, where: str, layer: int, f1: float, **other: object) -> dict[str, object]:
    """A row of ``best_detectors``; F1 on valid as on test, the interval 0.1 to both sides."""
    type_ = name.split(":", maxsplit=1)[0]
    row = {"property": name, "property_type": type_, "layer": layer, "set": where, "f1": f1}
    row |= {"feature": 7, "valid_f1": f1, "f1_low": f1 - 0.1, "f1_high": f1 + 0.1, "q_value": 0.01}
    row |= {"auroc": 0.9, "auroc_low": 0.8, "auroc_high": 1.0, "selectivity": 0.2}
    return row | {"n_clusters": 3, "always_on_f1": 0.1} | other


def test_compare_takes_the_best_layer_by_valid() -> None:
    best = pd.DataFrame(
        [
            best_row("SIGNAL", SAE, 1, 0.4),
            best_row("SIGNAL", SAE, 2, 0.8, feature=11, valid_f1=0.9),
            best_row("SIGNAL", SAE, 3, 0.9, valid_f1=0.8),
            best_row("SIGNAL", ONEHOT, ALL_LAYERS, 0.55),
            best_row("SIGNAL", PROBE, 2, 0.95),
            best_row("SIGNAL", SHUFFLED_PROBE, 6, 0.99),
            best_row("ZN_FING", PROBE, 2, 0.3, n_clusters=5),
        ]
    )
    table = compare(best)
    found = table.set_index(["property", "layer"])
    assert found.loc["SIGNAL", "verdict"].to_dict() == {
        ALL_LAYERS: "above",
        1: "below",
        2: "above",
        3: "above",
    }
    overall = found.loc[("SIGNAL", ALL_LAYERS)]
    assert overall[["feature", "sae_f1", "best_other", "other_f1"]].tolist() == [
        *(11, 0.8, ONEHOT, 0.55)
    ]
    assert found.loc["SIGNAL", "apart"].tolist() == [True, False, True, True]
    assert overall["against_supervised"] == "below"
    assert found.loc[("ZN_FING", 2), ["verdict", "against_supervised"]].tolist() == [
        *("none", "below")
    ]
    counts = headline(table).set_index("what")["properties"]
    assert counts["scored"] == 2
    assert counts["above"] == counts["above, intervals apart"] == counts["none"] == 1
    assert counts["no SAE feature good enough on valid"] == 1
    assert counts["below, against the supervised"] == 2
    assert counts["none, and below against the supervised"] == 1


def test_commonest_whether_found_or_not() -> None:
    best = pd.DataFrame(
        [
            best_row("SIGNAL", SAE, 1, 0.4, n_clusters=5),
            best_row("DOMAIN: SH2", PROBE, 1, 0.1, n_clusters=11),
            best_row("BINDING", PROBE, 1, 0.1, n_clusters=7),
            best_row("ACT_SITE", PROBE, 2, 0.1, n_clusters=7),
            best_row("residue: C", SAE, 1, 1.0, n_clusters=13),
        ]
    )
    assert commonest(best, 3) == ["DOMAIN: SH2", "ACT_SITE", "BINDING"]
    assert commonest(best, 2, bare=True) == ["ACT_SITE", "BINDING"]


def test_against_probes() -> None:
    best = pd.DataFrame(
        [
            best_row("SIGNAL", PROBE, 1, 0.5),
            best_row("SIGNAL", PROBE, 2, 0.7),
            best_row("SIGNAL", SAE, 2, 0.4),
            best_row("SIGNAL", NAMES[NEURONS], 1, 0.2),
            best_row("SIGNAL", SHUFFLED_PROBE, 2, 0.3, valid_f1=0.1),
            best_row("SIGNAL", SHUFFLED_PROBE, 5, 0.25),
            best_row("SIGNAL", ONEHOT_PROBE, 0, 0.15),
            best_row("SIGNAL", WINDOW, ALL_LAYERS, 0.6),
        ]
    )
    table = against_probes(best).set_index("layer")
    assert table.index.tolist() == [1, 2]
    assert table["probe_f1"].tolist() == [0.5, 0.7]
    given = table[["sae_f1", "neuron_f1", "shuffled_f1"]]
    assert given.fillna(-1).to_numpy().tolist() == [[-1, 0.2, -1], [0.4, -1, 0.3]]
    levels = table[["shuffled_best_f1", "onehot_f1", "window_f1"]]
    assert levels.to_numpy().tolist() == [[0.25, 0.15, 0.6]] * 2


def test_pool_reliability() -> None:
    columns = ["layer", "p_from", "p_to", "n_candidates", "n_hidden", "probability"]
    layers = pd.DataFrame(
        [[1, 0.5, 0.6, 40, 10, 0.52], [2, 0.5, 0.6, 60, 30, 0.57], [2, 0.9, 1.0, 5, 5, 0.95]],
        columns=columns,
    ).assign(expected_share=[0.2, 0.3, 0.8])
    layers["observed_share"] = layers["n_hidden"] / layers["n_candidates"]
    pooled = pool_reliability(layers)
    assert pooled["p_from"].tolist() == [0.5, 0.9]
    row = pooled.iloc[0]
    assert row[["n_layers", "n_candidates", "n_hidden"]].tolist() == [2, 100, 40]
    assert row["probability"] == pytest.approx((40 * 0.52 + 60 * 0.57) / 100)
    assert row["expected_share"] == pytest.approx((40 * 0.2 + 60 * 0.3) / 100)
    assert row["observed_share"] == 0.4
    # Two layers on the same proteins tell as much as one with their mean counts.
    wilson = binomtest(20, 50).proportion_ci(method="wilson")
    assert row[["observed_low", "observed_high"]].tolist() == pytest.approx([*wilson], abs=1e-6)
    assert row["farthest_layer"] == 2
    assert row["farthest_difference"] == pytest.approx(0.5 - 0.3)
    assert row["farthest_n_candidates"] == 60
    assert pooled.loc[1, "observed_high"] == 1


def test_over_layers_keeps_one_row_a_set() -> None:
    rows = [best_row("SIGNAL", where, layer, 0.1 * layer) for where in "ab" for layer in (1, 2)]
    assert over_layers(pd.DataFrame(rows))["layer"].tolist() == [2, 2]
