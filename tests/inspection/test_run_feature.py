"""A feature of a run: what is read of it, what is said, and what is refused."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from protsae.errors import UserError
from protsae.inspection.feature_lines import feature_lines, stability_words
from protsae.inspection.feature_name import FeatureName
from protsae.inspection.run_feature import read_feature
from tests.helpers.configured_run import write_configured_run
from tests.helpers.run_folder import MODEL, joined_feature_rows
from tests.helpers.stored_tables import load, store

FIRST = FeatureName(MODEL, 2, "topk", 0)
NO_PAIRS = pd.DataFrame(columns=["concept", "q_value", "f1"])


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_configured_run(tmp_path_factory.mktemp("run") / "results")


def test_what_is_read(results: Path) -> None:
    feature = read_feature(results, FIRST)
    assert feature.row[["layer", "variant", "feature", "concept"]].tolist() == [
        *(2, "topk", 0, "SIGNAL"),
    ]
    assert feature.examples["residues"].tolist() == ["MKLCAW", "MST"]
    assert feature.logo["offset"].tolist() == list(range(-10, 11))
    assert feature.associations["concept"].tolist() == ["SIGNAL", "residue: C"]
    assert feature.calibration.empty  # features 0 of relu and 3 of topk have one
    assert read_feature(results, FeatureName(MODEL, 2, "topk", 3)).calibration["bin"].tolist() == [
        1
    ]


def test_it_prints_its_lines(results: Path) -> None:
    feature = read_feature(results, FIRST)
    text = str(feature)
    assert text == "\n".join(feature.lines(80))
    described = (
        "  label       Signal peptide (confidence: moderate)\n  described   Signal peptide: 80%"
    )
    assert f"Feature 2/topk/0 of esm2_tiny\n{described} of the activation is there." in text
    assert "\n  concept     SIGNAL, called (q 0.001)," in text
    assert "  F1          0.80 [0.60, 0.85] on test, 1 homology cluster with the concept;" in text
    assert "    P00001 K2 4 " in text
    assert (
        f"  logo        {'.' * 10}C{'.' * 10} from -10 to +10 of the peak, in 12 homology" in text
    )
    assert "enriched (q ≤ 0.05): 0 C" in text
    assert max(map(len, text.splitlines())) <= 80
    assert "\x1b" not in text
    wide = feature.lines(200)
    head = wide[: wide.index("")]
    assert 80 < max(map(len, head)) <= 100


def test_a_feature_without_concept_or_logo(results: Path) -> None:
    text = str(read_feature(results, FeatureName(MODEL, 1, "relu", 2)))
    assert "concept     none; no pair of it was kept" in text
    assert "F1" not in text
    assert "logo        none: fewer than 10 homology clusters have activations above" in text
    assert "Examples: none; it is active nowhere" in text


def test_no_such_feature(results: Path) -> None:
    with pytest.raises(UserError, match=r"results: 2/topk has no feature 4; it has 0 to 3$"):
        read_feature(results, FeatureName(MODEL, 2, "topk", 4))


def test_tables_of_another_run_are_refused(tmp_path: Path) -> None:
    results = write_configured_run(tmp_path / "results")
    path = results / "annotation" / MODEL / "layer-02" / "examples.parquet"
    store(path, load(path), {"split_sha256": "13"})
    with pytest.raises(UserError, match=r"examples\.parquet: of another run: its split_sha256"):
        read_feature(results, FIRST)
    (results / "annotation" / MODEL / "layer-02" / "logos.parquet").unlink()
    with pytest.raises(UserError, match=r"logos\.parquet: no such file"):
        read_feature(results, FIRST)


def test_an_example_beyond_its_protein(tmp_path: Path) -> None:
    results = write_configured_run(tmp_path / "results")
    path = results / "annotation" / MODEL / "layer-02" / "examples.parquet"
    rows = load(path)
    store(path, rows.assign(end=rows["end"].where(rows["accession"] != "P00003", 99)))
    with pytest.raises(UserError, match="residues 1-99 of P00003 do not fit the protein"):
        read_feature(results, FIRST)


def told(**changed: object) -> str:
    """What is said of feature 0 of the tiny run, its row changed, with white space as one blank."""
    rows = joined_feature_rows(MODEL, 1)
    row = rows[(rows["feature"] == 0) & (rows["variant"] == "topk")].iloc[0].copy()
    for name, value in changed.items():
        row[name] = value
    pairs = pd.DataFrame(
        {
            "concept": ["SIGNAL", "HELIX", "residue: L", "TURN"],
            "q_value": [0.01, 0.02, 0.05, 0.06],
            "f1": [0.8, 0.6, 0.4, 0.3],
        }
    )
    return " ".join(" ".join(feature_lines(row, pairs, pd.DataFrame(), pd.DataFrame())).split())


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({}, "called (q 0.001), above all baselines; the best is coordinate 0.50"),
        ({"verdict": "below"}, "called (q 0.001), below the best baseline, coordinate 0.50"),
        ({"verdict": "undecided"}, "undecided against the best baseline, coordinate 0.50"),
        ({"verdict": None}, "no verdict: too few homology clusters"),
        ({"q_value": 0.3}, "SIGNAL, not called (q 0.3): no finding"),
        ({"q_value": np.nan}, "SIGNAL, not called (no q): no finding"),
        ({"defined_by_sequence": 1}, "called (q 0.001), but the sequence defines it"),
        ({"freeze": "decoder"}, "of esm2_tiny, a baseline: its decoder is frozen"),
        ({"frozen_f1": 0.375}, "coordinate 0.50, frozen SAE 0.38, "),
        ({}, "also HELIX 0.60, residue: L 0.40 stability"),
        ({}, "stability not known: the SAE has one seed"),
        (
            {"f1_without_relatives": 0.59, "n_clusters_without_relatives": 5},
            "recall 0.80; F1 0.59 in the 5 clusters without a relative in train; base rate",
        ),
        ({"f1_without_relatives": 0.6}, "precision 0.80, recall 0.80; base rate"),
        ({"f1_low": np.nan, "f1_high": np.nan}, "F1 0.80 on test, 1 homology cluster"),
        ({"model": "a\nb"}, "of a b concept"),
        ({"density": 0.0}, "activity active at no test residue"),
    ],
)
def test_what_is_said(changed: dict[str, object], said: str) -> None:
    assert said in told(**changed)


@pytest.mark.parametrize(
    ("stability", "recurs", "said"),
    [
        (0.9, 1, "it recurs (correlation 0.90 with its matches in other seeds); by chance 0.20"),
        (0.4, 0, "other seeds do not find it (correlation 0.40); by chance 0.20 with"),
        (0.9, pd.NA, "not known whether it recurs: active in fewer than 10 test clusters (corr"),
        (np.nan, pd.NA, "not known: it is active at no test residue"),
    ],
)
def test_stability(stability: float, recurs: object, said: str) -> None:
    row = {"stability": stability, "random_stability": 0.2, "exchanged_stability": 0.1}
    row |= {"stability_cosine": 0.5, "recurs": recurs}
    assert stability_words(pd.Series(row, dtype=object)).startswith(said)


def test_no_line_is_too_wide() -> None:
    rows = joined_feature_rows(MODEL, 1)
    names = [name for name in rows if name.endswith("_f1")]
    for _, row in rows.iterrows():
        row[names] = 0.123456
        row["model"] = "x" * 30
        assert max(map(len, feature_lines(row, NO_PAIRS, pd.DataFrame(), pd.DataFrame()))) <= 80
