"""docs/findings.md says what was found."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.stats import binomtest

from protsae.association.baseline_comparison import ALWAYS_ON, RULE, ConceptCounts
from protsae.association.verdicts import CountsByCluster
from protsae.config.reserved_names import COORDINATES, ONEHOT
from protsae.errors import UserError
from studies.findings.comparison import by_intervals, compare, headline
from studies.findings.markdown import findings_table, markdown
from studies.findings.tables import (
    ALL_LAYERS,
    NAMES,
    ONEHOT_PROBE,
    PERMUTED_PROBE,
    PROBE,
    SAE,
    WINDOW,
    against_probes,
    commonest,
    over_layers,
    pool_reliability,
    stated,
)

DOCS = Path(__file__).parents[2] / "docs"
ALWAYS_ON_F1 = 0.05
WEAK = (0.1, 0.0, 0.9)
"""F1, lower end of its interval, q-value of a detector that finds nothing."""


def test_tables_are_those_of_the_data() -> None:
    text = (DOCS / "findings.md").read_text()
    for table in markdown(DOCS / "findings"):
        assert table in text, f"put this into docs/findings.md:\n{table}"


def detectors(**scores: tuple[float, float, float | None]) -> pd.DataFrame:
    """F1, lower end, q-value by set; names as keywords."""
    names = {"sae": SAE, "onehot": ONEHOT, "probe": PROBE, "window": WINDOW}
    index = [names[name] for name in scores]
    table = pd.DataFrame(list(scores.values()), index, ["f1", "f1_low", "q_value"])
    return table.astype(float).assign(always_on_f1=ALWAYS_ON_F1)


@pytest.mark.parametrize(
    ("sae", "probe", "expected"),
    [
        pytest.param((0.8, 0.6, 0.01), (0.5, 0.3), "above", id="above all"),
        pytest.param((0.8, 0.6, 0.05), (0.1, 0.0), "above", id="called at q = 0.05"),
        pytest.param((0.8, 0.6, 0.06), (0.5, 0.3), "undecided", id="nulls as good"),
        pytest.param((0.8, 0.6, None), (0.5, 0.3), "undecided", id="not tested"),
        pytest.param((0.8, 0.4, 0.01), (0.5, 0.3), "undecided", id="its interval holds an F1"),
        pytest.param((0.3, 0.2, 0.01), (0.5, 0.3), "undecided", id="at another's lower end"),
        pytest.param((0.25, 0.2, 0.01), (0.5, 0.3), "below", id="under another's interval"),
        pytest.param(None, (0.5, 0.3), "below", id="no feature, another finds it"),
        pytest.param(None, (0.5, 0.05), "not found", id="no feature, another maybe always on"),
        pytest.param(None, None, "not found", id="no detector"),
        pytest.param(WEAK, None, "not found", id="a feature that finds nothing"),
    ],
)
def test_intervals_against_what_has_seen_labels(
    sae: tuple[float, float, float] | None, probe: tuple[float, float] | None, expected: str
) -> None:
    scores = {"sae": sae, "probe": probe and (*probe, None), "onehot": (0.9, 0.9, 0.01)}
    shown = detectors(**{name: score for name, score in scores.items() if score is not None})
    assert by_intervals(shown, [PROBE]) == expected


def test_all_that_has_seen_labels_must_be_beaten() -> None:
    shown = detectors(sae=(0.8, 0.6, 0.01), probe=(0.5, 0.3, None), window=(0.7, 0.2, None))
    assert by_intervals(shown, [PROBE]) == "above"
    assert by_intervals(shown, [PROBE, WINDOW]) == "undecided"


def best_row(name: str, where: str, layer: int, f1: float, **other: object) -> dict[str, object]:
    """A row of ``best_detectors``; F1 on valid as on test, the interval 0.1 to both sides."""
    type_ = name.split(":", maxsplit=1)[0]
    row = {"concept": name, "concept_type": type_, "layer": layer, "set": where, "f1": f1}
    row |= {"model": "esm2", "own_layer": layer, "variant": where, "base_rate": 0.05}
    row |= {"feature": 7, "valid_f1": f1, "f1_low": f1 - 0.1, "f1_high": f1 + 0.1, "q_value": 0.01}
    row |= {"auroc": 0.9, "auroc_low": 0.8, "auroc_high": 1.0, "selectivity": 0.2}
    return row | {"n_clusters": 3, "always_on_f1": 0.1} | other


N_FOUND = {1: (4, 3), 2: (7, 8), 3: (9, 9)}
"""Layer to how many residues of the concept its SAE feature is on in even and in odd clusters."""


def cluster_counts(n_clusters: int) -> ConceptCounts:
    """Clusters of 10 residues with the concept and 90 without; SAE features of three layers, 5
    residues by the one-hot detector, the rule 2: all are on at nothing else."""
    names = [f"P{i}" for i in range(n_clusters)]
    found = {(layer, SAE, 7 if layer != 2 else 11): each for layer, each in N_FOUND.items()}
    found[0, ONEHOT, 7] = (5, 5)
    rows = [
        {"model": "esm2", "layer": layer, "variant": variant, "feature": feature, "cluster": name}
        | {"tp": each[i % 2], "on": each[i % 2]}
        for (layer, variant, feature), each in found.items()
        for i, name in enumerate(names)
    ]
    rule = {"cluster": names, "tp": 2, "on": 2, "positives": 10, "known": 100}
    return ConceptCounts.of([pd.DataFrame(rows)], pd.DataFrame(rule))


def signal(n_clusters: int) -> list[dict[str, object]]:
    clusters = {"n_clusters": n_clusters}
    return [
        best_row("SIGNAL", SAE, 1, 0.5, **clusters),
        best_row("SIGNAL", SAE, 2, 0.85, feature=11, valid_f1=0.9, **clusters),
        best_row("SIGNAL", SAE, 3, 0.95, valid_f1=0.8, **clusters),
        best_row("SIGNAL", ONEHOT, ALL_LAYERS, 0.66, own_layer=0, **clusters),
        best_row("SIGNAL", RULE, ALL_LAYERS, 0.33, feature=pd.NA, q_value=None, **clusters),
        best_row("SIGNAL", PROBE, 2, 0.99, q_value=None, **clusters),
    ]


def test_compare_takes_the_best_layer_by_valid_and_pairs_clusters() -> None:
    others = [
        best_row("ZN_FING", PROBE, 2, 0.3, q_value=None),
        best_row("COILED", RULE, ALL_LAYERS, 0.3, feature=pd.NA, q_value=None),
        best_row("COILED", SAE, 2, 0.9, feature=11, q_value=None),
    ]
    counts = dict.fromkeys(("SIGNAL", "ZN_FING", "COILED"), cluster_counts(12))
    table = compare(pd.DataFrame([*signal(12), *others]), counts)
    found = table.set_index(["concept", "layer"])
    assert found.loc["SIGNAL", "verdict"].to_dict() == {
        ALL_LAYERS: "above",
        1: "below",
        2: "above",
        3: "above",
    }
    overall = found.loc[("SIGNAL", ALL_LAYERS)]
    assert overall[["of_layer", "feature", "sae_f1", "best_other", "other_f1"]].tolist() == [
        *(2, 11, 0.85, ONEHOT, 0.66)
    ]
    # 2 x 7.5 / (7.5 + 10) less 2 x 5 / (5 + 10).
    assert overall["f1_difference"] == pytest.approx(15 / 17.5 - 10 / 15)
    assert overall["f1_difference_low"] > 0.1
    assert overall["against_supervised"] == "below"
    assert found.loc[("ZN_FING", 2), ["verdict", "against_supervised"]].tolist() == [
        *("not found", "below")
    ]
    # The feature could not be tested, the rule is above always on.
    assert found.loc[("COILED", ALL_LAYERS), "verdict"] == "below"
    numbers = headline(table).set_index("what")["concepts"]
    assert numbers[["compared", "above", "below", "not found"]].tolist() == [3, 1, 1, 1]
    assert numbers["no SAE feature good enough on valid"] == 1
    assert numbers["below, against the supervised"] == 2


def test_nine_clusters_give_no_verdict() -> None:
    table = compare(pd.DataFrame(signal(9)), {"SIGNAL": cluster_counts(9)})
    assert table["verdict"].tolist() == ["too few"] * 4
    assert table["verdict_q_value"].isna().all()


def test_always_on_is_the_largest_where_nothing_else_is() -> None:
    rows = [row for row in signal(12) if row["set"] != ONEHOT]
    overall = compare(pd.DataFrame(rows), {"SIGNAL": cluster_counts(12)}).iloc[0]
    # The rule: 2 x 2 / (2 + 10), always on: 2 x 10 / (100 + 10), or (20 + 10) where half have it.
    assert overall["best_other"] == RULE
    everywhere = CountsByCluster(np.full((12, 1), 10), np.full((12, 1), 20))
    dense = replace(cluster_counts(12), always_on=everywhere)
    overall = compare(pd.DataFrame(rows), {"SIGNAL": dense}).iloc[0]
    assert overall[["best_other", "other_f1"]].tolist() == [ALWAYS_ON, 0.1]
    assert pd.isna(overall["other_f1_low"])
    # 2 x 7.5 / (7.5 + 10) less 2 x 10 / (20 + 10).
    assert overall["f1_difference"] == pytest.approx(15 / 17.5 - 20 / 30)


def finding(name: str, f1: float, **other: object) -> dict[str, object]:
    """A row of ``compare``: above, over all layers, the difference 0.1 to both sides."""
    row = {"concept": name, "layer": ALL_LAYERS, "verdict": "above", "of_layer": 4.0}
    row |= {"feature": 7.0, "n_clusters": 11, "base_rate": 0.05, "verdict_q_value": 1e-4}
    row |= {"sae_f1": f1, "sae_f1_low": 0.5, "sae_f1_high": 0.9, "best_other": RULE}
    row |= {"other_f1": 0.25, "other_f1_low": 0.125, "other_f1_high": 0.375}
    row |= {"f1_difference": 0.5, "f1_difference_low": 0.4, "f1_difference_high": 0.6}
    return row | dict.fromkeys(["supervised_f1", "supervised_f1_low", "supervised_f1_high"]) | other


def there(where: str, **other: object) -> dict[str, object]:
    """A row of the second population, for SIGNAL."""
    row = {"population": "TMbed", "concept": "SIGNAL", "set": where, "layer": 4, "feature": 7}
    row |= {"claimed_f1": 0.75, "claimed_f1_here": 0.7, "found_f1": 0.65, "found_f1_low": 0.6}
    row |= {"found_f1_high": 0.7, "f1_difference": 0.3, "f1_difference_low": -0.1}
    row |= {"f1_difference_high": 0.7, "best_other": ALWAYS_ON, "verdict": "undecided"}
    return row | other


def test_findings_stand_beside_other_proteins() -> None:
    rows = [finding("ZN_FING", 0.5), finding("SIGNAL", 0.75), finding("COILED", 0.9)]
    rows[2]["verdict"] = "undecided"
    found = pd.DataFrame([*rows, finding("SIGNAL", 0.75, layer=4)])
    elsewhere = pd.DataFrame([there(RULE, feature=None), there(SAE)])
    alone = findings_table(stated(found)).splitlines()
    assert alone[0].endswith("| its F1 | difference | q | best supervised |")
    own = (
        "| SIGNAL | 11 | 0.0500 | 4 | 0.75 [0.50, 0.90] | rule | 0.25 [0.12, 0.38] "
        "| +0.50 [+0.40, +0.60] | 1e-04 |"
    )
    assert alone[2] == f"{own} none |"
    both = findings_table(stated(found, elsewhere)).splitlines()
    assert both[2] == (
        f"{own} TMbed: 0.75 / 0.70 / 0.65 [0.60, 0.70] "
        "| +0.30 [-0.10, +0.70] undecided (always on) | none |"
    )
    assert both[3].endswith("| 1e-04 | no labels |  | none |")
    assert len(alone) == len(both) == 4


def test_other_proteins_of_another_run() -> None:
    elsewhere = pd.DataFrame([there(SAE, feature=8)])
    with pytest.raises(UserError) as error:
        stated(pd.DataFrame([finding("SIGNAL", 0.75)]), elsewhere)
    assert str(error.value) == (
        "second_population.tsv: SIGNAL has another feature than in verdicts.tsv; make it again "
        "from the same run (--second-population)"
    )


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
            best_row("SIGNAL", NAMES[COORDINATES], 1, 0.2),
            best_row("SIGNAL", PERMUTED_PROBE, 2, 0.3, valid_f1=0.1),
            best_row("SIGNAL", PERMUTED_PROBE, 5, 0.25),
            best_row("SIGNAL", ONEHOT_PROBE, 0, 0.15),
            best_row("SIGNAL", WINDOW, ALL_LAYERS, 0.6),
        ]
    )
    table = against_probes(best).set_index("layer")
    assert table.index.tolist() == [1, 2]
    assert table["probe_f1"].tolist() == [0.5, 0.7]
    given = table[["sae_f1", "coordinate_f1", "permuted_f1"]]
    assert given.fillna(-1).to_numpy().tolist() == [[-1, 0.2, -1], [0.4, -1, 0.3]]
    levels = table[["permuted_best_f1", "onehot_f1", "window_f1"]]
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
