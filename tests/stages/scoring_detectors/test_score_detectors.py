"""Sites anywhere in 90 proteins, and detectors that find them or only seem to."""

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import sparse

import protsae
from protsae.stages.scoring_detectors.score_detectors import score_detectors

N, LENGTH = 90, 53
NAMES = [f"P{i:02d}" for i in range(N)]
CLUSTERS = {name: f"C{i // 2:02d}" for i, name in enumerate(NAMES)}
SPLIT = {name: ("train", "valid", "test")[i // 2 % 3] for i, name in enumerate(NAMES)}
LETTERS = {
    name: np.random.default_rng(i).choice(list("ACDEFGHIKL"), LENGTH)
    for i, name in enumerate(NAMES)
}
SITE, CYSTEINE, START = range(3)
FINDS, HALF, LETTER, PLACE = range(4)


def planted() -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """Concepts: a site of 7 residues anywhere, cysteine, the first 5 residues of half of the
    clusters. Detectors: one finds the site, one half of it; cysteine; the first 5 residues."""
    rng = np.random.default_rng(3)
    labels, activations = {}, {}
    for i, name in enumerate(NAMES):
        place = np.arange(LENGTH)
        begin = 5 + rng.integers(LENGTH - 12)
        site = (place >= begin) & (place < begin + 7)
        start = place < 5
        cysteine = LETTERS[name] == "C"
        labels[name] = np.stack([site, cysteine, start & (i // 2 % 2 == 0)], axis=1)
        half = site & (rng.random(LENGTH) < 0.5)
        on = np.stack([site, half, cysteine, start], axis=1)
        activations[name] = (on * rng.uniform(1, 2, on.shape)).astype(np.float32)
    return activations, labels


@pytest.fixture(scope="module")
def found() -> pd.DataFrame:
    activations, labels = planted()
    table = score_detectors(
        activations,
        labels,
        CLUSTERS,
        split=SPLIT,
        baselines={"halves": {name: rows[:, [HALF]] for name, rows in activations.items()}},
        sequences={name: "".join(letters) for name, letters in LETTERS.items()},
        concepts=["site", "cysteine", "start"],
    )
    return table.set_index(["feature", "concept"])


def test_what_finds_the_site_is_above_what_finds_half_of_it(found: pd.DataFrame) -> None:
    row = found.loc[(FINDS, "site")]
    assert row["f1"] == 1
    assert row["n_clusters"] == 15
    assert row["q_value"] < 1e-6
    assert (row["best_baseline"], row["verdict"]) == ("halves", "above")
    half = found.loc[(HALF, "site")]
    assert row["f1_difference"] == pytest.approx(1 - half["f1"])
    assert row["f1_difference_low"] < row["f1_difference"] < row["f1_difference_high"]
    # The same counts: no difference in any replicate.
    assert (half["f1_difference"], half["verdict"]) == (0, "undecided")


def test_a_letter_is_a_rule(found: pd.DataFrame) -> None:
    row = found.loc[(LETTER, "cysteine")]
    assert (row["f1"], row["best_baseline"], row["best_baseline_f1"]) == (1, "rule", 1)
    assert row["verdict"] == "undecided"


def test_a_place_is_not_called(found: pd.DataFrame) -> None:
    """On at the first five residues of all proteins; half of the clusters have the concept."""
    row = found.loc[(PLACE, "start")]
    assert row["rotation_p_value"] < 1e-6
    assert row["p_value"] == row["position_p_value"] > 0.05
    assert pd.isna(row["verdict"]) or row["verdict"] is None


def test_dense_and_sparse_arrays_and_any_order_give_the_same() -> None:
    activations, labels = planted()
    first = score_detectors(activations, labels, CLUSTERS, split=SPLIT)
    packed = {name: sparse.csr_array(rows) for name, rows in activations.items()}
    pd.testing.assert_frame_equal(score_detectors(packed, labels, CLUSTERS, split=SPLIT), first)
    assert protsae.score_detectors is score_detectors


def test_unknown_residues_count_nowhere() -> None:
    """Without the last 20 residues of each chain: as if their labels had never been given."""
    activations, labels = planted()
    known = {name: np.arange(LENGTH) < LENGTH - 20 for name in NAMES}
    masked = {name: rows & known[name][:, None] for name, rows in labels.items()}
    found = score_detectors(activations, labels, CLUSTERS, known=known, split=SPLIT)
    again = score_detectors(activations, masked, CLUSTERS, known=known, split=SPLIT)
    pd.testing.assert_frame_equal(found, again)
    tp = sum(
        rows[: LENGTH - 20, SITE].sum() for name, rows in labels.items() if SPLIT[name] == "test"
    )
    assert found.set_index(["feature", "concept"]).at[(FINDS, "0"), "tp"] == tp


def test_without_a_split_no_cluster_is_on_two_sides() -> None:
    activations, labels = planted()
    found = score_detectors(activations, labels, CLUSTERS)
    assert found.set_index(["feature", "concept"]).at[(FINDS, "0"), "f1"] == 1


@pytest.mark.parametrize("layout", [np.asarray, sparse.csr_array])
def test_nan_is_refused(layout: Callable[[np.ndarray], Any]) -> None:
    """It would rank above all other activations, and be on at no threshold."""
    activations, labels = planted()
    rows = activations["P00"].copy()
    rows[3, 1] = np.nan
    with pytest.raises(ValueError, match="P00: activations hold nan; expected finite numbers"):
        score_detectors({**activations, "P00": layout(rows)}, labels, CLUSTERS)


def test_a_side_without_proteins_is_refused() -> None:
    """One cluster is all drawn for test; without valid there would be a table without rows."""
    activations, labels = planted()
    n = len(activations)
    message = f"no protein is in train: {n} proteins in 1 homology clusters; give more diverse ones"
    with pytest.raises(ValueError, match=message):
        score_detectors(activations, labels, dict.fromkeys(activations, "C"))
    split = {name: side.replace("valid", "train") for name, side in SPLIT.items()}
    with pytest.raises(
        ValueError, match=f"no protein is in valid: the split given has none of the {n}"
    ):
        score_detectors(activations, labels, CLUSTERS, split=split)


def test_what_does_not_fit_is_refused() -> None:
    activations, labels = planted()
    with pytest.raises(ValueError, match="P00: activations hold -1; expected none below 0"):
        score_detectors({**activations, "P00": -np.ones((LENGTH, 4))}, labels, CLUSTERS)
    with pytest.raises(ValueError, match="cluster C00 is on 2 sides of the split"):
        score_detectors(activations, labels, CLUSTERS, split={**SPLIT, "P00": "test"})
    with pytest.raises(ValueError, match="P01: 52 residues labelled, but 53 have activations"):
        score_detectors(activations, {**labels, "P01": labels["P01"][1:]}, CLUSTERS)
    missing = {name: rows for name, rows in labels.items() if name != "P02"}
    with pytest.raises(ValueError, match="P02: no labels"):
        score_detectors(activations, missing, CLUSTERS)


def one_protein_otherwise(mapping: dict[str, np.ndarray], value: object) -> dict[str, object]:
    """The same, but for the fourth protein."""
    return {**mapping, "P03": value}


def without_one_protein(mapping: dict[str, Any]) -> dict[str, Any]:
    """The same without the fourth protein."""
    return {name: value for name, value in mapping.items() if name != "P03"}


@pytest.mark.parametrize(
    ("odd", "message"),
    [(np.nan, "P03: activations hold nan"), (np.inf, "P03: activations hold inf")],
)
def test_activations_that_are_no_numbers_are_refused(odd: float, message: str) -> None:
    activations, labels = planted()
    rows = activations["P03"].copy()
    rows[7, FINDS] = odd
    rows[8, FINDS] = -1.0  # a NaN hides it from a minimum
    with pytest.raises(ValueError, match=f"^{message}; expected finite numbers$"):
        score_detectors(one_protein_otherwise(activations, rows), labels, CLUSTERS, split=SPLIT)


def test_a_label_that_is_nan_is_not_taken_for_true() -> None:
    activations, labels = planted()
    rows = labels["P03"].astype(float)
    rows[0] = np.nan
    message = "^P03: labels hold NaN; expected True or False; known says where$"
    with pytest.raises(ValueError, match=message):
        score_detectors(activations, one_protein_otherwise(labels, rows), CLUSTERS, split=SPLIT)


def test_where_labels_are_not_known_they_may_be_nan() -> None:
    activations, labels = planted()
    known = {name: np.arange(LENGTH) > 0 for name in NAMES}
    unknown = {name: np.where(known[name][:, None], rows, np.nan) for name, rows in labels.items()}
    score = partial(score_detectors, activations, clusters=CLUSTERS, known=known, split=SPLIT)
    pd.testing.assert_frame_equal(score(labels=unknown), score(labels=labels))


def test_a_side_of_another_name_does_not_drop_its_proteins() -> None:
    activations, labels = planted()
    split = {name: side.replace("valid", "val") for name, side in SPLIT.items()}
    message = "^P02: split 'val'; expected one of train, valid, test, left out$"
    with pytest.raises(ValueError, match=message):
        score_detectors(activations, labels, CLUSTERS, split=split)


@pytest.mark.parametrize("names", [["site"], ["site", "C", "start", "end"], ["site", "C", "C"]])
def test_each_column_of_labels_has_a_name_of_its_own(names: list[str]) -> None:
    activations, labels = planted()
    message = f"^concepts {', '.join(names)}; expected 3 different names, one for each column of"
    with pytest.raises(ValueError, match=message):
        score_detectors(activations, labels, CLUSTERS, split=SPLIT, concepts=names)


@pytest.mark.parametrize("odd", [-1, 0.3, 2])
def test_labels_that_are_no_truth_values_are_refused(odd: float) -> None:
    activations, labels = planted()
    rows = labels["P03"].astype(float)
    rows[2] = odd
    message = rf"^P03: labels hold {float(odd)}; expected True or False$"
    score = partial(score_detectors, activations, clusters=CLUSTERS, split=SPLIT)
    with pytest.raises(ValueError, match=message):
        score(one_protein_otherwise(labels, rows))
    unread = {name: np.ones(LENGTH, bool) for name in NAMES}
    unread["P03"] = np.arange(LENGTH) > 2
    score(one_protein_otherwise(labels, rows), known=unread)


def test_labels_that_are_true_nowhere_are_refused() -> None:
    activations, labels = planted()
    nowhere = {name: rows & False for name, rows in labels.items()}
    message = "^labels: no residue has any concept; expected some to be True$"
    with pytest.raises(ValueError, match=message):
        score_detectors(activations, nowhere, CLUSTERS, split=SPLIT)


@pytest.mark.parametrize(
    "what", ["activations", "labels", "clusters", "split", "known", "baseline 'other'"]
)
def test_what_is_no_mapping_of_proteins_is_refused_by_name(what: str) -> None:
    activations, labels = planted()
    given: dict[str, Any] = {
        **{"activations": activations, "labels": labels, "clusters": CLUSTERS, "split": SPLIT},
        "baselines": {"other": [activations["P00"]]} if what.startswith("baseline") else None,
    }
    if what in ("activations", "labels"):
        given[what] = list(given[what].values())
    elif what in ("clusters", "split", "known"):
        given[what] = ["C00", "C01"]
    message = f"^{what}: a list; expected a mapping, such as a dict, from the name of each protein$"
    with pytest.raises(ValueError, match=message):
        score_detectors(**given)


def test_a_series_is_a_mapping_of_proteins() -> None:
    activations, labels = planted()
    table = pd.DataFrame({"cluster": CLUSTERS, "split": SPLIT})
    given = activations, labels, table["cluster"]
    expected = score_detectors(activations, labels, CLUSTERS, split=SPLIT)
    pd.testing.assert_frame_equal(score_detectors(*given, split=table["split"]), expected)
    rows = pd.Series(activations)
    found = score_detectors(rows, pd.Series(labels), CLUSTERS, split=SPLIT)
    pd.testing.assert_frame_equal(found, expected)


def test_arrays_of_nothing_or_text_are_refused_by_name() -> None:
    activations, labels = planted()
    score = partial(score_detectors, clusters=CLUSTERS, split=SPLIT)
    first = next(iter(activations))
    without = {name: array[:, :0] for name, array in activations.items()}
    with pytest.raises(ValueError, match=rf"^{first}: activations of shape \(\d+, 0\); expected"):
        score(without, labels)
    message = rf"^{first}: baseline 'none' of shape \(\d+, 0\); expected"
    with pytest.raises(ValueError, match=message):
        score(activations, labels, baselines={"none": without})
    nothing = {name: array[:, :0] for name, array in labels.items()}
    with pytest.raises(ValueError, match=rf"^{first}: labels of shape \(\d+, 0\); expected some"):
        score(activations, nothing)
    text = {name: array.astype(str) for name, array in labels.items()}
    with pytest.raises(ValueError, match=f"^{first}: labels hold text; expected True or False$"):
        score(activations, text)


def test_arrays_of_another_shape_are_refused_by_name() -> None:
    activations, labels = planted()
    score = partial(score_detectors, clusters=CLUSTERS, split=SPLIT)
    flat = one_protein_otherwise(activations, activations["P03"][:, 0])
    with pytest.raises(ValueError, match=r"^P03: activations of shape \(53,\); expected"):
        score(flat, labels)
    narrow = one_protein_otherwise(activations, activations["P03"][:, :2])
    with pytest.raises(
        ValueError, match=r"^P03: activations of shape \(53, 2\); expected \(53, 4\)$"
    ):
        score(narrow, labels)
    narrow = one_protein_otherwise(labels, labels["P03"][:, :2])
    with pytest.raises(
        ValueError, match=r"^P03: labels or known of other columns than those before$"
    ):
        score(activations, narrow)
    with pytest.raises(ValueError, match=r"^P03: 2 letters, but 53 residues have activations$"):
        score(activations, labels, sequences={**dict.fromkeys(NAMES, "A" * LENGTH), "P03": "AA"})


def test_what_a_protein_lacks_is_named() -> None:
    activations, labels = planted()
    letters = dict.fromkeys(NAMES, "A" * LENGTH)
    score = partial(score_detectors, activations, labels)
    with pytest.raises(ValueError, match=r"^P03: no cluster$"):
        score(without_one_protein(CLUSTERS), split=SPLIT)
    with pytest.raises(ValueError, match=r"^P03: no split$"):
        score(CLUSTERS, split=without_one_protein(SPLIT))
    with pytest.raises(ValueError, match=r"^P03: no sequence$"):
        score(CLUSTERS, split=SPLIT, sequences=without_one_protein(letters))
    with pytest.raises(ValueError, match=r"^P03: no baseline 'other'$"):
        score(CLUSTERS, split=SPLIT, baselines={"other": without_one_protein(activations)})
    with pytest.raises(ValueError, match=r"^no activations; expected those of some proteins$"):
        score_detectors({}, {}, {})


def test_labels_may_be_sparse() -> None:
    activations, labels = planted()
    few = {name: labels[name] for name in NAMES[:30]}
    scored = partial(
        score_detectors, {n: activations[n] for n in few}, clusters=CLUSTERS, split=SPLIT
    )
    as_sparse = {name: sparse.csr_array(rows) for name, rows in few.items()}
    pd.testing.assert_frame_equal(scored(labels=as_sparse), scored(labels=few))


def test_what_is_known_of_no_test_residue_scores_nothing() -> None:
    """The site's labels are known of train and valid alone; the cysteine's everywhere."""
    activations, labels = planted()
    known = {
        name: np.tile([SPLIT[name] != "test", True, True], (LENGTH, 1)) for name in activations
    }
    own = {name: rows[:, [FINDS, LETTER]] for name, rows in activations.items()}
    found = score_detectors(own, labels, CLUSTERS, known=known, split=SPLIT)
    rows = found.set_index(["feature", "concept"])
    assert rows.loc[(1, "1"), "f1"] == 1
    site = rows.loc[(0, "0")]
    assert (site["tp"], site["n_clusters"], site["f1"], site["best_baseline_f1"]) == (0, 0, 0, 0)
    assert site[["f1_low", "auroc", "p_value", "q_value", "f1_difference_low"]].isna().all()


@pytest.mark.filterwarnings("error")
def test_a_concept_and_a_detector_that_test_lacks() -> None:
    activations, labels = planted()
    for name, rows in labels.items():
        rows[:, SITE] &= SPLIT[name] != "test"
        activations[name] *= np.float32(SPLIT[name] != "test")
    own = {name: rows[:, [FINDS]] for name, rows in activations.items()}
    found = score_detectors(own, labels, CLUSTERS, split=SPLIT, baselines={"same": own})
    (site,) = found.query("concept == '0'").to_dict("records")
    assert (site["f1"], site["best_baseline_f1"], site["verdict"]) == (0, 0, None)
