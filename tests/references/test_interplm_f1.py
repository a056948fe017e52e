from dataclasses import dataclass

import numpy as np
import pandas as pd
import pytest
from scipy import sparse

from protsae.association.pairs.layer_data import Layer
from protsae.references import interplm_f1 as interplm
from protsae.references.interplm_concepts import InterplmConcepts, interplm_concepts
from protsae.references.interplm_f1 import (
    THRESHOLDS,
    ConceptCounts,
    associated_pairs,
    layer_pairs,
    reported_concepts,
)
from tests.association.tiny_layer import LENGTH, build_layer, codes_of


@dataclass
class Proteins:
    """One protein after another, and instances (protein, concept, first, last), 0-based."""

    activations: list[np.ndarray]
    instances: list[tuple[int, int, int, int]]


def counted(
    proteins: Proteins, maximum: np.ndarray, residue_level: list[bool], block: int = 100
) -> ConceptCounts:
    """Counts of all proteins, so many at a time."""
    counts = ConceptCounts(maximum, np.array(residue_level))
    for begin in range(0, len(proteins.activations), block):
        own = proteins.activations[begin : begin + block]
        offset = np.cumsum([0, *map(len, own)])
        rows = [
            (concept, offset[protein - begin] + first, offset[protein - begin] + last)
            for protein, concept, first, last in proteins.instances
            if begin <= protein < begin + block
        ]
        concept, first, last = np.array(rows, int).reshape(-1, 3).T
        counts.update(sparse.csr_array(np.concatenate(own)), concept, first, last + 1)
    return counts


def one(feature: list[float], spans: list[tuple[int, int]], by_residue: bool) -> list[float]:
    """F1 at each threshold of one feature and the given instances of one concept."""
    activations = np.array(feature, np.float32)[:, None]
    proteins = Proteins([activations], [(0, 0, a, b) for a, b in spans])
    return counted(proteins, activations.max(0), [by_residue]).f1[:, 0, 0].tolist()


def test_one_residue_finds_a_whole_domain() -> None:
    """One residue of seven on: P = 1, and R = 1 by instance, 1 / 7 by residue."""
    feature = [0.0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0]
    assert one(feature, [(0, 6)], by_residue=False) == [1.0] * 5
    assert one(feature, [(0, 6)], by_residue=True) == pytest.approx([2 / 7 / (8 / 7)] * 5)


def test_always_on_is_called_above_a_base_rate_of_a_third() -> None:
    """2 p / (1 + p) at p = 3 / 7."""
    assert one([2.0] * 7, [(0, 2)], by_residue=False) == pytest.approx([0.6] * 5)


def test_thresholds_are_shares_of_the_maximum_and_strict() -> None:
    """
    Activations 8, 4, 1 and 0 of a maximum of 8, the first two with the concept (one instance).
    t = 0: 3 on, P = 2/3; 0.15: 2 on, P = 1; 0.5 and above: one on (4 is not above half), P = 1.
    """
    expected = [2 * (2 / 3) / (5 / 3), 1, 1, 1, 1]
    assert one([8.0, 4, 1, 0], [(0, 1)], by_residue=False) == pytest.approx(expected)
    expected = [2 * (2 / 3) / (5 / 3), 1, 2 / 3, 2 / 3, 2 / 3]
    assert one([8.0, 4, 1, 0], [(0, 1)], by_residue=True) == pytest.approx(expected)


def test_a_perfect_feature_misses_an_overwritten_instance() -> None:
    """Residue 3 twice, the second overwrites: H = 1 of D = 2, so F1 = 2 (1/2) / (3/2)."""
    feature = [0.0, 0, 0, 5, 0]
    assert one(feature, [(3, 3), (3, 3)], by_residue=False) == pytest.approx([2 / 3] * 5)
    assert one(feature, [(3, 3), (3, 3)], by_residue=True) == [1.0] * 5


def test_an_instance_overwritten_in_its_middle_is_still_one() -> None:
    """Rows 0 to 4, then 2 to 2: the feature on at 0 and 4 finds the first only."""
    feature = [1.0, 0, 0, 0, 1]
    assert one(feature, [(0, 4), (2, 2)], by_residue=False) == pytest.approx([2 / 3] * 5)
    # The other way round the long one covers all, and its number alone is left.
    assert one([0.0, 0, 1, 0, 0], [(2, 2), (0, 4)], by_residue=False) == pytest.approx([2 / 3] * 5)


@pytest.mark.parametrize(
    ("feature", "spans"),
    [
        pytest.param([0.0, 0, 0], [(0, 1)], id="feature never on"),
        pytest.param([1.0, 0, 0], [], id="no instance"),
        pytest.param([1.0, 0, 0], [(1, 2)], id="no true positive"),
    ],
)
@pytest.mark.parametrize("by_residue", [True, False])
def test_nothing_in_common(
    feature: list[float], spans: list[tuple[int, int]], by_residue: bool
) -> None:
    assert one(feature, spans, by_residue) == [0.0] * 5


def random_proteins(seed: int, n_features: int = 5, n_concepts: int = 3) -> Proteins:
    rng = np.random.default_rng(seed)
    activations, instances = [], []
    for protein in range(int(rng.integers(1, 11))):
        length = int(rng.integers(1, 24))
        # A tenth of the values is at a threshold times the maximum, 4.
        x = rng.choice([0, 0.6, 1, 2, 2.4, 3, 3.2, 4], (length, n_features))
        x *= rng.random((length, n_features)) < 0.5
        x[:, -1] = 0
        activations.append(x.astype(np.float32))
        for _ in range(int(rng.integers(0, 5))):
            first = int(rng.integers(0, length))
            last = min(first + int(rng.integers(0, 9)), length - 1)
            instances.append((protein, int(rng.integers(0, n_concepts)), first, last))
    return Proteins(activations, instances)


def slow_f1(
    proteins: Proteins, maximum: np.ndarray, residue_level: list[bool], n_shards: int
) -> dict[tuple[int, int, int], float]:
    """F1_dom by (threshold, concept, feature), from the formulas; TP = 0 has no row."""
    shards = np.array_split(np.arange(len(proteins.activations)), n_shards)
    y: dict[tuple[int, int, int], int] = {}  # (protein, residue, concept): number
    d = {}
    for s, shard in enumerate(shards):
        number = [0] * len(residue_level)
        for protein, concept, first, last in proteins.instances:
            if protein in shard:
                number[concept] += 1
                for residue in range(first, last + 1):
                    y[protein, residue, concept] = number[concept]
        for concept in range(len(residue_level)):
            d[s, concept] = max(
                [j for (p, _, c), j in y.items() if c == concept and p in shard] + [0]
            )
    rows = {}
    for t, threshold in enumerate(np.array(THRESHOLDS, np.float32)):
        for concept, by_residue in enumerate(residue_level):
            n = sum(c == concept for _, _, c in y)
            for f in range(len(maximum)):
                tp = fp = 0
                hit = set()
                for s, shard in enumerate(shards):
                    for p in shard:
                        for i, a in enumerate(proteins.activations[p][:, f]):
                            if maximum[f] > 0 and a / maximum[f] > threshold:
                                j = y.get((p, i, concept), 0)
                                tp, fp = tp + (j > 0), fp + (j == 0)
                                hit |= {(s, j)} if j else set()
                if not tp:
                    continue
                precision, r_res = tp / (tp + fp), tp / n
                r_dom = len(hit) / sum(d[s, concept] for s in range(n_shards))
                recall = r_res if by_residue else r_dom
                rows[t, concept, f] = 2 * precision * recall / (precision + recall)
    return rows


@pytest.mark.parametrize("seed", range(60))
def test_against_the_formulas(seed: int) -> None:
    proteins = random_proteins(seed)
    residue_level = [True, False, False]
    maximum = np.max([x.max(0) for x in proteins.activations], axis=0)
    counts = counted(proteins, maximum, residue_level, block=1 + seed % 4)
    expected = np.zeros((len(THRESHOLDS), 3, 5))
    for place, f1 in slow_f1(proteins, maximum, residue_level, n_shards=1 + seed % 3).items():
        expected[place] = f1
    np.testing.assert_allclose(counts.f1, expected, rtol=1e-12)


def test_the_threshold_is_chosen_again_on_test() -> None:
    """Valid is best at 0.5, test at 0; a fixed threshold of 0.5 would have found nothing on test.

    Feature 1 is called on valid only.
    """
    valid = Proteins([np.array([[4, 4], [1, 0], [1, 0], [1, 0]], np.float32)], [(0, 0, 0, 0)])
    test = Proteins([np.array([[1, 0], [0, 0], [0, 4], [0, 0]], np.float32)], [(0, 0, 0, 0)])
    maximum = np.array([4, 4], np.float32)
    on_valid, on_test = (counted(x, maximum, [False]) for x in (valid, test))
    pairs = associated_pairs(on_valid, on_test)
    assert pairs.to_dict("list") == {
        "concept": [0],
        "feature": [0],
        "valid_threshold": [0.5],
        "valid_f1": [1.0],
        "test_threshold": [0.0],
        "test_f1": [1.0],
    }


def test_half_is_no_call() -> None:
    """P = 1 / 3 and R = 1 give exactly 1 / 2."""
    proteins = Proteins([np.ones((3, 1), np.float32)], [(0, 0, 0, 0)])
    counts = counted(proteins, np.ones(1, np.float32), [False])
    assert counts.f1.max() == interplm.CALLED_ABOVE
    assert associated_pairs(counts, counts).empty


def test_of_equal_thresholds_the_one_with_the_better_f1_by_residue_is_named() -> None:
    """
    Valid: activations 4 and 1 are the instance. Up to 0.15 both are on, above only the first; by
    instance P = R = 1 at all, by residue R = 1 and 1/2.

    Test: one instance of five residues with 4, one of a residue with 1, six residues of none with
    1. Up to 0.15 P = 6/12 and R = 1, above P = 1 and R = 1/2: F1 = 2/3 at all; by residue 2/3,
    and above P = 1 and R = 5/6, 10/11.
    """
    maximum = np.array([4], np.float32)
    valid = counted(
        Proteins([np.array([[4], [1], [0]], np.float32)], [(0, 0, 0, 1)]), maximum, [False]
    )
    activations = np.repeat([4, 1, 1], [5, 1, 6])[:, None].astype(np.float32)
    test = counted(Proteins([activations], [(0, 0, 0, 4), (0, 0, 5, 5)]), maximum, [False])
    assert valid.f1[:, 0, 0].tolist() == [1] * 5
    assert valid.residue_f1[:, 0, 0].tolist() == pytest.approx([1, 1, *[2 / 3] * 3])
    assert test.f1[:, 0, 0].tolist() == pytest.approx([2 / 3] * 5)
    assert test.residue_f1[:, 0, 0].tolist() == pytest.approx([2 / 3, 2 / 3, *[10 / 11] * 3])
    (pair,) = associated_pairs(valid, test).to_dict("records")
    assert (pair["valid_threshold"], pair["test_threshold"]) == (0, 0.5)


@pytest.mark.parametrize(
    ("name", "n_instances", "n_residues", "reported"),
    [
        ("Helix", 26, 26, True),
        ("Helix", 25, 1500, False),
        ("Helix", 1, 1501, True),
        ("Region_any", 99, 9999, False),
        ("Region_Disordered", 2, 1501, True),
        ("Zinc finger_any", 26, 26, True),
        ("Modified residue_any", 99, 9999, False),
        ("Modified residue_Phosphoserine", 26, 26, True),
    ],
)
def test_reported_concepts(name: str, n_instances: int, n_residues: int, reported: bool) -> None:
    """More than 25 instances or 1,500 residues; five unions are left out."""
    sizes = np.array([n_instances]), np.array([n_residues])
    assert reported_concepts([name], *sizes).tolist() == [reported]


def layer_with(rows: list[tuple[str, str, int, int]]) -> tuple[Layer, InterplmConcepts]:
    """Every second protein of each split has these features (type, note, first, last)."""
    layer = build_layer(n_proteins=18)
    names = layer.proteins["accession"].tolist()
    some = [name for i, name in enumerate(names) if i % 6 < 3]
    table = pd.DataFrame(
        [(name, *row) for name in some for row in rows],
        columns=["accession", "type", "description", "start", "end"],
    )
    return layer, interplm_concepts(table, names)


def pairs_of(rows: list[tuple[str, str, int, int]]) -> list[dict[str, object]]:
    """Of feature 0, on at residues 4 to 9 of the proteins with features, and 1, on elsewhere."""
    layer, concepts = layer_with(rows)
    residue = np.arange(1, LENGTH + 1)
    inside = (residue >= 4) & (residue <= 9)
    activations = {}
    for i, name in enumerate(layer.proteins["accession"]):
        on = inside & (i % 6 < 3)
        activations[name] = np.stack([on, ~on], 1).astype(np.float32)
    return layer_pairs(layer, codes_of(activations), concepts).to_dict("records")


def test_the_pairs_of_a_layer(monkeypatch: pytest.MonkeyPatch) -> None:
    """Three proteins of each split have a helix at 4 to 9: six instances."""
    monkeypatch.setattr(interplm, "MIN_INSTANCES", 5)
    (pair,) = pairs_of([("HELIX", "", 4, 9)])
    assert (pair["feature"], pair["concept"]) == (0, "Helix")
    assert pair["valid_f1"] == pair["test_f1"] == 1
    assert pair["valid_threshold"] == pair["test_threshold"] == 0
    assert pairs_of([("SIGNAL", "", 4, 9)]) == []

    monkeypatch.setattr(interplm, "MIN_INSTANCES", 6)
    assert pairs_of([("HELIX", "", 4, 9)]) == []


def test_bonds_are_one_instance_in_valid_and_one_in_test(monkeypatch: pytest.MonkeyPatch) -> None:
    """Residues 4 and 9 in six proteins: twelve residues, two instances. P = 1/3, R = 1."""
    monkeypatch.setattr(interplm, "CALLED_ABOVE", 0.49)
    bond = [("DISULFID", "", 4, 9)]
    monkeypatch.setattr(interplm, "MIN_INSTANCES", 2)
    assert pairs_of(bond) == []
    monkeypatch.setattr(interplm, "MIN_INSTANCES", 1)
    (pair,) = pairs_of(bond)
    assert (pair["feature"], pair["concept"]) == (0, "Disulfide bond")
    assert pair["test_f1"] == pytest.approx(0.5)
    monkeypatch.setattr(interplm, "MIN_INSTANCES", 2)
    monkeypatch.setattr(interplm, "MIN_RESIDUES", 11)
    assert len(pairs_of(bond)) == 1


def test_residues_of_overlapping_instances_count_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Residues 4 to 9 and 5 to 9 of six proteins are 36 residues, not 66, in 12 instances."""
    monkeypatch.setattr(interplm, "MIN_INSTANCES", 12)
    monkeypatch.setattr(interplm, "MIN_RESIDUES", 35)
    overlapping = [("COILED", "", 4, 9), ("COILED", "", 5, 9)]
    assert [pair["concept"] for pair in pairs_of(overlapping)] == ["Coiled coil"]
    monkeypatch.setattr(interplm, "MIN_RESIDUES", 36)
    assert pairs_of(overlapping) == []
