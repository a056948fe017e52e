"""What an entry's features annotate, by hand: certain, uncertain, or left out with a reason."""

import pytest

from protsae.proteins.entry_features import Annotation, FeatureCounts, select_features
from protsae.proteins.records import FEATURE_TYPES, Feature, Protein

NO_CONCEPTS = {key for key, row in FEATURE_TYPES.items() if row.left_out}


def select(*features, length=20):
    counts = FeatureCounts()
    protein = Protein("P1", "", "", None, "A" * length, features=features)
    return select_features(protein, counts), counts


def feature(key, start, end):
    """Feature with positions as UniProt writes them: ``"<5"``, ``"?22"``, ``"?"``, ``"7"``."""
    marks, values = [], []
    for text in (start, end):
        digits = text.lstrip("<>?")
        marks.append(text.removesuffix(digits) if digits else "")
        values.append(int(digits) if digits else None)
    return Feature(key, *values, start_mark=marks[0], end_mark=marks[1])


def stretches(*features, length=20):
    """Type, start, end and certainty of what the first feature annotates beside the others."""
    found, _ = select(*features, length=length)
    return [(a.start, a.end, a.certain) for a in found if a.type == features[0].type]


@pytest.mark.parametrize(
    ("start", "end", "expected"),
    [
        pytest.param("3", "9", (3, 9, True), id="exact"),
        pytest.param("<1", "9", (1, 9, True), id="before-the-chain"),
        pytest.param("3", ">20", (3, 20, True), id="beyond-the-chain"),
        pytest.param("<1", ">20", (1, 20, True), id="on-both-sides"),
        pytest.param("3", "?", (3, 20, False), id="no-end"),
        pytest.param("?", "9", (1, 9, False), id="no-start"),
        pytest.param("?", "?", (1, 20, False), id="neither"),
        pytest.param("3", "?9", (3, 20, False), id="unsure-end"),
        pytest.param("?3", "9", (1, 9, False), id="unsure-start"),
        pytest.param("?3", "?9", (1, 20, False), id="unsure-both"),
        pytest.param("<1", "?", (1, 20, False), id="before-the-chain-and-no-end"),
        pytest.param("<2", "9", (1, 9, False), id="starts-before-2"),
        pytest.param("3", ">19", (3, 20, False), id="ends-after-19"),
        pytest.param("3", "<9", (3, 20, False), id="a-mark-on-the-wrong-side"),
        pytest.param("?7", "?7", (1, 20, False), id="one-residue"),
        pytest.param("<1", "1", (1, 1, True), id="first-residue"),
        pytest.param("20", ">20", (20, 20, True), id="last-residue"),
    ],
)
@pytest.mark.parametrize("key", ["DOMAIN", "SIGNAL", "HELIX"])
def test_ends(key, start, end, expected):
    assert stretches(feature(key, start, end)) == [expected]


@pytest.mark.parametrize(
    ("own", "neighbours", "expected"),
    [
        pytest.param(("1", "?"), [("CHAIN", "8", "20")], (1, 7), id="ends-before-the-chain"),
        pytest.param(
            ("1", "?"), [("CHAIN", "11", "20"), ("PROPEP", "8", "10")], (1, 7), id="the-next-one"
        ),
        pytest.param(("1", "?5"), [("CHAIN", "?6", "20")], (1, 20), id="a-start-that-is-unsure"),
        pytest.param(("1", "?"), [("CHAIN", "1", "20")], (1, 20), id="starts-at-the-same-residue"),
        pytest.param(("1", "?9"), [("CHAIN", "8", "20")], (1, 20), id="never-below-what-is-stated"),
        pytest.param(("1", "?"), [("CHAIN", "8", "?")], (1, 7), id="other-end-does-not-matter"),
        pytest.param(("1", "?"), [("DOMAIN", "8", "20")], (1, 20), id="no-product-of-cleavage"),
        pytest.param(("1", "?"), [("CHAIN", "28", "40")], (1, 20), id="outside-the-sequence"),
        pytest.param(("?", "12"), [("PEPTIDE", "1", "3")], (4, 12), id="starts-after-the-last"),
        pytest.param(
            ("?6", "?12"), [("PEPTIDE", "1", "3"), ("CHAIN", "15", "20")], (4, 14), id="between"
        ),
        pytest.param(("?", "?"), [("CHAIN", "15", "20")], (1, 20), id="could-be-anywhere"),
    ],
)
@pytest.mark.parametrize("key", ["SIGNAL", "TRANSIT"])
def test_products_of_cleavage_do_not_reach_into_each_other(key, own, neighbours, expected):
    found = stretches(feature(key, *own), *(feature(*other) for other in neighbours))
    assert found == [(*expected, False)]


def test_positions_on_an_isoform_bound_nothing():
    other = Feature("CHAIN", 8, 20, isoform="P1-2")
    assert stretches(feature("SIGNAL", "1", "?"), other) == [(1, 20, False)]


@pytest.mark.parametrize(
    ("start", "end", "expected"),
    [
        pytest.param("3", "9", [(3, 9, True)], id="exact"),
        pytest.param("3", "3", [(3, 3, True)], id="between-chains"),
        pytest.param("3", "?", [(3, 3, True), (4, 20, False)], id="no-partner"),
        pytest.param("3", "?9", [(3, 3, True), (4, 20, False)], id="unsure-partner"),
        pytest.param("?", "9", [(1, 8, False), (9, 9, True)], id="partner-before"),
        pytest.param("3", ">9", [(3, 3, True), (10, 20, False)], id="partner-after-9"),
        pytest.param("<3", "9", [(1, 2, False), (9, 9, True)], id="partner-before-3"),
        pytest.param("3", ">20", [(3, 3, True)], id="partner-beyond-the-chain"),
        pytest.param("<1", "9", [(9, 9, True)], id="partner-before-the-chain"),
        pytest.param("20", "?", [(20, 20, True)], id="no-residue-left"),
        pytest.param("?", "?", [(1, 20, False)], id="neither"),
        pytest.param("<3", ">9", [(1, 2, False), (10, 20, False)], id="both-sides"),
    ],
)
@pytest.mark.parametrize("key", ["DISULFID", "CROSSLNK"])
def test_bonds(key, start, end, expected):
    assert stretches(feature(key, start, end)) == expected


@pytest.mark.parametrize(
    ("feature", "reason"),
    [
        (Feature("Frobnication", 1, 2), "unknown feature type"),
        (Feature("CHAIN", 1, 20), "covers nearly the whole protein"),
        (Feature("CHAIN", 1, None), "covers nearly the whole protein"),
        (Feature("VARIANT", 7, 7), "describes another sequence than the one given"),
        (Feature("HELIX", 1, 5, isoform="P1-2"), "positions refer to an isoform"),
        (Feature("HELIX", 1, None, isoform="P1-2"), "positions refer to an isoform"),
        (Feature("HELIX", 6, 5), "start after end"),
        (Feature("HELIX", 6, 5, end_mark="?"), "start after end"),
        (Feature("HELIX", 0, 5), "outside the sequence"),
        (Feature("HELIX", 17, 21), "outside the sequence"),
        (Feature("HELIX", 17, 21, end_mark=">"), "outside the sequence"),
        (Feature("HELIX", 21, None), "outside the sequence"),
        (
            Feature("DISULFID", 1, 20, start_mark="<", end_mark=">"),
            "outside the sequence",
        ),
    ],
)
def test_what_is_left_out_is_counted_with_its_reason(feature, reason):
    found, counts = select(feature)
    assert found == []
    assert counts.left_out == {(feature.type, reason): 1}
    assert not counts.kept
    assert not counts.uncertain
    assert not counts.merged


def test_every_type_is_kept_or_left_out():
    found, counts = select(*(Feature(key, 1, 20) for key in FEATURE_TYPES))
    assert len(found) == 36 + 3 - len(NO_CONCEPTS) == sum(counts.kept.values())
    assert {key for key, _ in counts.left_out} == NO_CONCEPTS


def test_counts_by_certainty():
    """A bond with one known end is counted on both sides, all else on one."""
    _, counts = select(
        feature("SIGNAL", "1", "?"),
        feature("DISULFID", "3", "?"),
        feature("DISULFID", "4", "9"),
        feature("METAL", "5", "?"),
    )
    assert counts.kept == {"DISULFID": 2}
    assert counts.uncertain == {"SIGNAL": 1, "DISULFID": 1, "BINDING": 1}
    assert counts.merged == {"METAL": 1}


def test_first_and_last_residue_are_inside():
    found, _ = select(Feature("SIGNAL", 1, 1), Feature("SITE", 20, 20))
    assert [annotation.type for annotation in found] == ["SIGNAL", "SITE"]


def test_old_binding_types_become_binding_and_keep_what_they_bind():
    found, counts = select(
        Feature("METAL", 3, 3, "Zinc 1; catalytic", "ECO:1"),
        Feature("NP_BIND", 1, 2, "ATP"),
        Feature("CA_BIND", 4, 9, "2"),
        Feature("CA_BIND", 14, 19),
        Feature("BINDING", 2, 2, "substrate"),
    )
    assert found == [
        Annotation("BINDING", "ATP", 1, 2),
        Annotation("BINDING", "substrate", 2, 2),
        Annotation("BINDING", "Zinc 1; catalytic", 3, 3, "ECO:1"),
        Annotation("BINDING", "Ca(2+); 2", 4, 9),
        Annotation("BINDING", "Ca(2+)", 14, 19),
    ]
    assert counts.kept == {"BINDING": 5}
    assert counts.merged == {"METAL": 1, "NP_BIND": 1, "CA_BIND": 2}


def test_sorted_by_start_then_end():
    found, _ = select(Feature("TURN", 5, 9), Feature("HELIX", 5, 7), Feature("SITE", 2, 2))
    assert [(a.start, a.end) for a in found] == [(2, 2), (5, 7), (5, 9)]
