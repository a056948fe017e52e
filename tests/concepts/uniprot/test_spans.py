import numpy as np
import pandas as pd
import pytest

from protsae.concepts.uniprot.spans import feature_spans, span_labels

COLUMNS = ["accession", "type", "description", "start", "end"]
LENGTHS = {"P1": 11, "P2": 7}


def features(*rows: tuple[str, str, str, int, int]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=COLUMNS)


def positions(table: pd.DataFrame, name: str, protein: int = 0) -> list[int]:
    """1-based residues of one protein that carry a concept."""
    concepts, spans, _ = feature_spans(table, LENGTHS)
    own, _ = spans.of(np.array([protein]))
    length = list(LENGTHS.values())[protein]
    labels = span_labels(own, np.zeros(len(own.begin), dtype=int), length, len(concepts))
    column = [concept.name for concept in concepts].index(name)
    return (np.flatnonzero(labels.toarray()[:, column]) + 1).tolist()


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        pytest.param(("HELIX", 3, 6), [3, 4, 5, 6], id="span"),
        pytest.param(("SIGNAL", 1, 2), [1, 2], id="from-the-first"),
        pytest.param(("COILED", 10, 11), [10, 11], id="to-the-last"),
        pytest.param(("ACT_SITE", 5, 5), [5], id="single"),
        pytest.param(("TURN", 1, 11), list(range(1, 12)), id="whole"),
        pytest.param(("DISULFID", 2, 9), [2, 9], id="bond"),
        pytest.param(("DISULFID", 4, 4), [4], id="bond-between-chains"),
        pytest.param(("CROSSLNK", 1, 11), [1, 11], id="cross-link"),
    ],
)
def test_residues_of_a_feature(row: tuple[str, int, int], expected: list[int]) -> None:
    kind, start, end = row
    assert positions(features(("P1", kind, "", start, end)), kind) == expected


def test_type_includes_named_and_unnamed() -> None:
    table = features(
        ("P1", "DOMAIN", "EGF-like 1", 2, 3),
        ("P1", "DOMAIN", "EGF-like 2; calcium-binding", 3, 5),
        ("P1", "DOMAIN", "", 8, 8),
        ("P1", "DOMAIN", "SH3", 10, 11),
    )
    assert positions(table, "DOMAIN") == [2, 3, 4, 5, 8, 10, 11]
    assert positions(table, "DOMAIN: EGF-like") == [2, 3, 4, 5]
    assert positions(table, "DOMAIN: SH3") == [10, 11]


def test_instances_are_kept_apart() -> None:
    table = features(("P1", "DOMAIN", "SH3 1", 2, 5), ("P1", "DOMAIN", "SH3 2", 4, 7))
    _, spans, _ = feature_spans(table, LENGTHS)
    assert sorted(zip(spans.column, spans.begin, spans.end, strict=True)) == [
        (0, 1, 5),
        (0, 3, 7),
        (1, 1, 5),
        (1, 3, 7),
    ]


def test_256_overlapping_features_are_still_a_1() -> None:
    """Counts in uint8 would wrap around to 0."""
    assert positions(features(*[("P1", "HELIX", "", 2, 3)] * 256), "HELIX") == [2, 3]


def test_old_binding_types_are_one_concept() -> None:
    table = features(
        ("P1", "METAL", "Zinc", 1, 1),
        ("P1", "NP_BIND", "ATP", 3, 4),
        ("P1", "BINDING", "Zn(2+)", 6, 6),
        ("P2", "CA_BIND", "1", 2, 5),
    )
    concepts, _, _ = feature_spans(table, LENGTHS)
    names = [concept.name for concept in concepts]
    assert names == ["BINDING", "BINDING: ATP", "BINDING: Ca(2+)", "BINDING: Zn(2+)"]
    assert positions(table, "BINDING") == [1, 3, 4, 6]
    assert positions(table, "BINDING: Zn(2+)") == [1, 6]
    assert positions(table, "BINDING: Ca(2+)", protein=1) == [2, 3, 4, 5]


def test_order_follows_the_manual_and_not_the_input() -> None:
    rows = [
        ("P1", "HELIX", "", 1, 2),
        ("P2", "DOMAIN", "SH3", 1, 2),
        ("P1", "SIGNAL", "", 1, 2),
        ("P1", "DOMAIN", "PH", 1, 2),
    ]
    expected = ["SIGNAL", "DOMAIN", "DOMAIN: PH", "DOMAIN: SH3", "HELIX"]
    for table in (features(*rows), features(*rows[::-1])):
        concepts, _, _ = feature_spans(table, LENGTHS)
        assert [concept.name for concept in concepts] == expected
    assert {concept.source for concept in concepts} == {"UniProt"}


def test_types_without_a_function_are_named() -> None:
    table = features(("P1", "CHAIN", "Src", 1, 11), ("P1", "HELIX", "", 1, 2))
    concepts, _, left_out = feature_spans(table, LENGTHS)
    assert [concept.name for concept in concepts] == ["HELIX"]
    assert left_out == {"CHAIN": "covers nearly the whole protein"}


@pytest.mark.parametrize(
    ("row", "message"),
    [
        pytest.param(
            ("P2", "HELIX", "", 6, 8),
            r"P2: HELIX 6\.\.8 lies beyond the end of the sequence, residue 7",
            id="beyond-the-end",
        ),
        pytest.param(("P2", "HELIX", "", 0, 2), r"P2: HELIX 0\.\.2", id="before-the-start"),
        pytest.param(("P2", "HELIX", "", 5, 4), r"P2: HELIX 5\.\.4", id="end-before-start"),
        pytest.param(("P9", "HELIX", "", 1, 2), "P9: .* belongs to no protein", id="no-protein"),
        pytest.param(("P1", "HELICES", "", 1, 2), "P1: unknown feature type", id="unknown-type"),
    ],
)
def test_impossible_features(row: tuple[str, str, str, int, int], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        feature_spans(features(row), LENGTHS)


def test_no_features() -> None:
    concepts, spans, left_out = feature_spans(features(), LENGTHS)
    assert (concepts, len(spans.begin), left_out) == ((), 0, {})
