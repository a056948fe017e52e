import numpy as np
import pandas as pd
import pytest
from scipy import sparse

from protsae.concepts.uniprot.spans import Spans
from protsae.missing_annotations.active_segments import Detectors, find_segments
from protsae.missing_annotations.calibration import hidden_recovery, hide_instances, reliability
from protsae.missing_annotations.candidate_ranking import (
    QUANTILE_EDGES,
    activation_quantiles,
    annotated_share,
    missing_share,
    rank_candidates,
)


def spans_of(rows: list[tuple[int, int, int, int]]) -> Spans:
    """Spans from (protein, column, start, end)."""
    return Spans.of_features(*np.array(rows, dtype=np.int64).reshape(-1, 4).T)


def segments_of(
    activations: np.ndarray,
    lengths: list[int],
    spans: Spans,
    detectors: Detectors,
    near: int = 0,
    known: np.ndarray | None = None,
) -> pd.DataFrame:
    """Of proteins P0, P1, ...; all residues known unless the one column of ``known`` says not."""
    n_concepts = 1 + int(max(detectors.concept))
    known = np.ones((len(activations), 1), bool) if known is None else known
    return find_segments(
        detectors,
        sparse.csc_array(activations),
        [f"P{i}" for i in range(len(lengths))],
        np.array(lengths),
        spans,
        known,
        np.zeros(n_concepts, int),
        near,
    )


ONE = Detectors(np.array([0]), np.array([0]), np.array([1.0]))


def test_segments_end_with_their_protein() -> None:
    """On above 1 at rows 2 to 4 and 6; P0 ends with row 3. The first of equal peaks is named."""
    activations = np.array([0, 1, 2, 5, 5, 0, 3.0])[:, None]
    found = segments_of(activations, [4, 3], spans_of([]), ONE)
    columns = ["accession", "start", "end", "peak", "activation"]
    assert found[columns].values.tolist() == [
        ["P0", 3, 4, 4, 5.0],
        ["P1", 1, 1, 1, 5.0],
        ["P1", 3, 3, 3, 3.0],
    ]


@pytest.mark.parametrize(
    ("span", "near", "annotated"),
    [
        pytest.param((0, 0, 6, 7), 0, True, id="around the segment"),
        pytest.param((0, 0, 7, 9), 0, True, id="one residue shared"),
        pytest.param((0, 0, 8, 9), 0, False, id="next to it"),
        pytest.param((0, 0, 8, 9), 1, True, id="next to it, near"),
        pytest.param((0, 0, 1, 3), 2, False, id="three before"),
        pytest.param((0, 0, 1, 3), 3, True, id="three before, near"),
        pytest.param((0, 1, 6, 7), 9, False, id="another concept"),
        pytest.param((1, 0, 6, 7), 9, False, id="another protein"),
        pytest.param((1, 0, 1, 2), 9, False, id="the next protein's first residues"),
    ],
)
def test_what_counts_as_annotated(
    span: tuple[int, int, int, int], near: int, annotated: bool
) -> None:
    """P0 has 11 residues, on at 6 and 7; P1 has 7 and is off."""
    activations = np.zeros((18, 1))
    activations[5:7] = 2
    found = segments_of(activations, [11, 7], spans_of([span]), ONE, near)
    assert found["annotated"].tolist() == [annotated]


def test_a_long_instance_behind_a_short_one() -> None:
    """Instances 1 to 9 and 2 to 3; the segment at 7 lies in the first, which begins earlier."""
    activations = np.zeros((11, 1))
    activations[6] = 2
    found = segments_of(activations, [11], spans_of([(0, 0, 1, 9), (0, 0, 2, 3)]), ONE)
    assert found["annotated"].tolist() == [True]


def test_a_segment_with_an_unknown_residue_does_not_count() -> None:
    activations = np.array([2, 2, 0, 2, 0, 2, 2.0])[:, None]
    known = np.array([True, False, False, True, False, True, True])[:, None]
    found = segments_of(activations, [7], spans_of([]), ONE, known=known)
    assert found["start"].tolist() == [4, 6]


@pytest.mark.parametrize("seed", range(60))
def test_segments_against_brute_force(seed: int) -> None:
    rng = np.random.default_rng(seed)
    lengths = rng.integers(1, 14, 5).tolist()
    activations = rng.integers(0, 4, (sum(lengths), 3)) * (rng.random((sum(lengths), 3)) < 0.7)
    rows = []
    for _ in range(int(rng.integers(0, 7))):
        protein = int(rng.integers(0, 5))
        start = int(rng.integers(1, lengths[protein] + 1))
        end = min(start + int(rng.integers(0, 5)), lengths[protein])
        rows.append((protein, int(rng.integers(0, 2)), start, end))
    known = rng.random((sum(lengths), 1)) < 0.9
    near = int(rng.integers(0, 4))
    # Two pairs share a feature.
    detectors = Detectors(np.array([2, 0, 2]), np.array([1, 0, 0]), np.array([0.0, 1, 2]))
    found = segments_of(activations * 1.0, lengths, spans_of(sorted(rows)), detectors, near, known)

    expected = []
    first_rows = np.cumsum([0, *lengths])
    for pair in range(3):
        f, c, threshold = (x[pair] for x in (detectors.feature, detectors.concept, [0, 1, 2]))
        for p, length in enumerate(lengths):
            x = activations[first_rows[p] : first_rows[p + 1], f]
            on = [a > threshold for a in x] + [False]
            start = None
            for i in range(length + 1):
                if on[i] and start is None:
                    start = i
                if not on[i] and start is not None:
                    reach = range(start + 1 - near, i + near + 1)
                    hit = any(
                        q == p and d == c and any(a <= r <= b for r in reach) for q, d, a, b in rows
                    )
                    if known[first_rows[p] + start : first_rows[p] + i].all():
                        peak = start + int(np.argmax(x[start:i]))
                        expected.append((f"P{p}", start + 1, i, pair, c, f, peak + 1, x[peak], hit))
                    start = None
    assert list(found.itertuples(index=False, name=None)) == expected


def test_no_segment_at_all() -> None:
    found = segments_of(np.zeros((7, 1)), [7], spans_of([(0, 0, 1, 2)]), ONE)
    ranked = rank_candidates(found, np.zeros(0), np.full((1, 7), 0.5))
    assert ranked.empty
    recovery = hidden_recovery(ranked, ["P0"], spans_of([(0, 0, 1, 2)]), np.array([True]), 1.0, 0)
    assert recovery.concepts[["n_hidden", "n_found"]].values.tolist() == [[1, 0]]
    assert recovery.reliability.empty


@pytest.mark.parametrize("factor", [0.1, 10])
def test_the_scale_of_a_feature_changes_no_quantile(factor: float) -> None:
    rng = np.random.default_rng(0)
    train = rng.exponential(size=(101, 3)) * (rng.random((101, 3)) < 0.5)
    feature, value = rng.integers(0, 3, 31), rng.exponential(size=31)
    one, two = (
        activation_quantiles(sparse.csc_array(train * by), feature, value * by)
        for by in (1, factor)
    )
    assert one.tolist() == two.tolist()


@pytest.mark.parametrize("seed", range(5))
def test_the_share_annotated_rises_with_the_quantile(seed: int) -> None:
    rng = np.random.default_rng(seed)
    quantile = rng.beta(4, 1, 97)
    share = annotated_share(rng.integers(0, 3, 97), quantile, rng.random(97) < quantile**3, 5)
    assert share.shape == (5, len(QUANTILE_EDGES) + 1)
    assert (np.diff(share, axis=1) >= -1e-15).all()
    assert ((share > 0) & (share < 1)).all()
    assert (share[3:] == 0.5).all()  # nothing is known of these pairs


def test_order_of_candidates() -> None:
    """By probability, then quantile, then accession and place; annotated ones are none."""
    segments = pd.DataFrame(
        {
            "accession": ["B", "A", "A", "C", "D"],
            "start": [1, 9, 2, 4, 5],
            "pair": [0, 0, 0, 1, 1],
            "annotated": [False, False, False, False, True],
        }
    )
    share = np.array([[0.1] * 6 + [0.7], [0.2] * 6 + [0.9]])
    ranked = rank_candidates(segments, np.array([0.6, 0.6, 0.6, 0.99, 1.0]), share)
    assert list(zip(ranked["accession"], ranked["start"], strict=True)) == [
        ("C", 4),
        ("A", 2),
        ("A", 9),
        ("B", 1),
    ]
    assert ranked["probability"].tolist() == [0.9, 0.1, 0.1, 0.1]
    assert ranked["rank"].tolist() == [1, 2, 3, 4]


def test_hidden_instances() -> None:
    """A fifth of 10, of 4 (0.8, so 1) and of 2 (0.4, so 0), the same for the same seed."""
    column = np.array([5] * 10 + [0] * 4 + [2] * 2)[np.random.default_rng(0).permutation(16)]
    hidden = [hide_instances(column, 0.2, seed) for seed in (1, 1, 2)]
    for one in hidden:
        assert [int(one[column == c].sum()) for c in (5, 0, 2)] == [2, 1, 0]
    assert hidden[0].tolist() == hidden[1].tolist() != hidden[2].tolist()
    assert hide_instances(column[:0], 0.2, 0).tolist() == []


def test_every_instance_is_hidden_as_often() -> None:
    column = np.array([0, 1, 0, 0, 0, 1, 0])
    often = np.mean([hide_instances(column, 0.5, seed) for seed in range(2000)], axis=0)
    np.testing.assert_allclose(often[column == 0], 2 / 5, atol=0.05)  # 2.5, to the even 2
    np.testing.assert_allclose(often[column == 1], 1 / 2, atol=0.05)


def test_recovery_by_hand() -> None:
    """
    Concept 0: hidden in P0 at 3 to 5 and 9 to 9, in P1 at 3 to 5; not hidden in P1 at 20 to 22.
    Candidates in P0 at 5 to 8, which touches the first (the second is one further: near), in P1
    at 12, which touches nothing. Concept 1: hidden in P0 at 5, a candidate there only for 0.
    """
    spans = spans_of([(0, 0, 3, 5), (0, 0, 9, 9), (0, 1, 5, 5), (1, 0, 3, 5), (1, 0, 20, 22)])
    candidates = pd.DataFrame(
        {
            "rank": [1, 2, 3],
            "accession": ["P1", "P0", "P0"],
            "start": [12, 5, 5],
            "end": [12, 8, 6],
            "concept": [0, 0, 0],
            "probability": [0.9, 0.5, 0.5],
        }
    )
    hidden = np.array([True, True, True, True, False])
    recovery = hidden_recovery(candidates, ["P0", "P1"], spans, hidden, 0.5, near=1)
    assert recovery.concepts.to_dict("list") == {
        "concept": [0, 1],
        "n_instances": [4, 1],
        "n_hidden": [3, 1],
        "n_found": [2, 0],
        "found_share": [2 / 3, 0.0],
        "n_candidates": [3, 0],
        "n_found_first": [2, 0],  # by the candidates of rank 2, among the first 3
        "median_rank": pytest.approx([2.0, np.nan], nan_ok=True),
    }
    assert recovery.reliability.to_dict("list") == {
        "p_from": [0.5, 0.9],
        "p_to": [0.6, 1.0],
        "n_candidates": [2, 1],
        "n_hidden": [2, 0],
        "probability": [0.5, 0.9],
        # 0.5 * 0.5 / (0.5 + 0.25) and 0.5 * 0.9 / (0.1 + 0.45)
        "expected_share": pytest.approx([1 / 3, 9 / 11]),
        "observed_share": [1.0, 0.0],
    }


def test_candidates_needed_to_find_an_instance() -> None:
    """One of two hidden; its candidate is the first of concept 0 in one case, the second else."""
    spans = spans_of([(0, 0, 3, 5), (1, 0, 3, 5)])
    table = pd.DataFrame({"rank": [1, 2], "start": [4, 9], "end": [4, 9], "concept": [0, 0]})
    table = table.assign(accession="P0", probability=0.5)
    for rank, found in (([1, 2], 1), ([2, 1], 0)):
        ranked = table.assign(rank=rank)
        recovery = hidden_recovery(ranked, ["P0", "P1"], spans, np.array([True, False]), 0.5, 0)
        assert recovery.concepts["n_found"].tolist() == [1]
        assert recovery.concepts["n_found_first"].tolist() == [found]


def test_without_gaps_no_candidate_is_one() -> None:
    """The lower bound p is none for candidates: with nothing missing, all are wrong."""
    assert missing_share(np.array([0.0, 0.5, 0.99]), 0.0).tolist() == [0, 0, 0]
    assert missing_share(np.array([0.0, 0.5, 1.0]), 1.0).tolist() == [0, 0.5, 1]


N_PROTEINS, LENGTH = 3000, 41


def planted(rng: np.random.Generator) -> tuple[sparse.csc_array, Spans]:
    """One instance in each protein, residues 11 to 17, found by nine tenths of proteins; noise.

    The feature is on at three residues of it, and at residue 31 of half of the proteins, where its
    activation is lower in general.
    """
    activations = np.zeros((N_PROTEINS, LENGTH), np.float32)
    found = rng.random(N_PROTEINS) < 0.9
    activations[found, 12:15] = rng.lognormal(0.7, 0.7, (N_PROTEINS, 3))[found]
    noise = rng.random(N_PROTEINS) < 0.5
    activations[noise, 30] = rng.lognormal(0, 0.7, N_PROTEINS)[noise]
    protein = np.arange(N_PROTEINS)
    column = np.zeros(N_PROTEINS, int)
    spans = Spans(protein, column, np.full(N_PROTEINS, 11), np.full(N_PROTEINS, 17))
    return sparse.csc_array(activations.reshape(-1, 1)), spans


@pytest.mark.parametrize("seed", range(5))
def test_hidden_instances_are_found_as_often_as_predicted(seed: int) -> None:
    """From train (quantiles) and valid (shares) to test: within 4 standard errors in every bin."""
    rng = np.random.default_rng(seed)
    train, _ = planted(rng)
    ranked = pd.DataFrame()
    share = np.empty(0)
    detectors = Detectors(np.array([0]), np.array([0]), np.array([0.5]))
    names = [f"P{i}" for i in range(N_PROTEINS)]
    for split in ("valid", "test"):
        x, spans = planted(rng)
        hidden = hide_instances(spans.column, 0.2 if split == "test" else 0.0, seed)
        segments = find_segments(
            detectors,
            x,
            names,
            np.full(N_PROTEINS, LENGTH),
            spans.take(~hidden),
            np.ones((x.shape[0], 1), bool),
            np.array([0]),
            near=2,
        )
        quantile = activation_quantiles(
            train, segments["feature"].to_numpy(), segments["activation"].to_numpy()
        )
        if split == "valid":
            annotated = segments["annotated"].to_numpy()
            share = annotated_share(segments["pair"].to_numpy(), quantile, annotated, 1)
        else:
            ranked = rank_candidates(segments, quantile, share)
    recovery = hidden_recovery(ranked, names, spans, hidden, 0.2, near=2)
    table = recovery.reliability
    assert len(table) >= 3  # bins, from noise to nearly sure
    expected, number = table["expected_share"], table["n_candidates"]
    error = np.sqrt(expected * (1 - expected) / number)
    # 0.02: the shares come from a sample too, and are one value for a whole bin of quantiles.
    assert ((table["observed_share"] - expected).abs() <= 4 * error + 0.02).all(), table
    # Above the threshold 0.5 is nearly every instance that the feature finds: 0.9 of all.
    row = recovery.concepts.iloc[0]
    assert row["n_hidden"] == 600
    assert row["found_share"] == pytest.approx(0.9, abs=4 * np.sqrt(0.9 * 0.1 / 600))


def test_reliability_bins_cover_everything() -> None:
    p = np.linspace(0, 1, 101)
    table = reliability(p, np.arange(101) > 70, 0.2)
    assert len(table) == 10
    assert table["n_candidates"].sum() == 101
    assert table["n_hidden"].sum() == 30
    assert (
        (table["probability"] >= table["p_from"]) & (table["probability"] <= table["p_to"])
    ).all()
