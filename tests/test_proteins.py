"""Feature types, the residues they mean, and which features are kept."""

import pytest

from protsae.proteins import (
    FEATURE_TYPES,
    Feature,
    FeatureCounts,
    Protein,
    feature_key,
    residue_spans,
    select_features,
)

NO_CONCEPTS = {
    "INIT_MET",
    "CHAIN",
    "VAR_SEQ",
    "VARIANT",
    "MUTAGEN",
    "UNSURE",
    "CONFLICT",
    "NON_CONS",
    "NON_TER",
}


def select(*features, length=20):
    counts = FeatureCounts()
    protein = Protein("P1", "", "", None, "A" * length, features=features)
    return select_features(protein, counts), counts


def test_every_type_of_uniprot_is_there_once():
    assert len(FEATURE_TYPES) == 36 + 3
    assert len({row.rest_name for row in FEATURE_TYPES.values()}) == 39
    assert {key for key, row in FEATURE_TYPES.items() if row.left_out} == NO_CONCEPTS
    assert {k: row.merged_into for k, row in FEATURE_TYPES.items() if row.merged_into} == {
        "METAL": "BINDING",
        "NP_BIND": "BINDING",
        "CA_BIND": "BINDING",
    }
    assert {k for k, row in FEATURE_TYPES.items() if row.kind == "ends"} == {
        "DISULFID",
        "CROSSLNK",
    }


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("Zinc finger", "ZN_FING"),
        ("ZN_FING", "ZN_FING"),
        ("Metal binding", "METAL"),
        ("Nucleotide binding", "NP_BIND"),
        ("Calcium binding", "CA_BIND"),
        ("Frobnication", "Frobnication"),
    ],
)
def test_key_of_either_name(name, key):
    assert feature_key(name) == key


@pytest.mark.parametrize(
    ("key", "start", "end", "spans"),
    [
        ("HELIX", 3, 9, [(3, 9)]),
        ("HELIX", 1, 1, [(1, 1)]),
        ("DISULFID", 3, 9, [(3, 3), (9, 9)]),
        ("DISULFID", 3, 4, [(3, 3), (4, 4)]),
        ("DISULFID", 3, 3, [(3, 3)]),
        ("CROSSLNK", 1, 20, [(1, 1), (20, 20)]),
        ("SITE", 11, 12, [(11, 12)]),
    ],
)
def test_residue_spans(key, start, end, spans):
    assert residue_spans(key, start, end) == spans


@pytest.mark.parametrize(("key", "start", "end"), [("HELIX", 0, 3), ("HELIX", 4, 3), ("X", 1, 2)])
def test_impossible_spans(key, start, end):
    with pytest.raises(ValueError, match=f"{key}"):
        residue_spans(key, start, end)


@pytest.mark.parametrize(
    ("feature", "reason"),
    [
        (Feature("Frobnication", 1, 2), "unknown feature type"),
        (Feature("CHAIN", 1, 20), "covers nearly the whole protein"),
        (Feature("VARIANT", 7, 7), "describes another sequence than the one given"),
        (Feature("HELIX", 1, 5, isoform="P1-2"), "positions refer to an isoform"),
        (Feature("HELIX", None, 5), "fuzzy or unknown end"),
        (Feature("HELIX", 1, None), "fuzzy or unknown end"),
        (Feature("HELIX", 6, 5), "start after end"),
        (Feature("HELIX", 0, 5), "outside the sequence"),
        (Feature("HELIX", 17, 21), "outside the sequence"),
    ],
)
def test_what_is_left_out_is_counted_with_its_reason(feature, reason):
    kept, counts = select(feature)
    assert kept == []
    assert counts.left_out == {(feature.type, reason): 1}
    assert not counts.kept


def test_every_type_is_kept_or_left_out():
    kept, counts = select(*(Feature(key, 1, 20) for key in FEATURE_TYPES))
    assert len(kept) == 36 + 3 - len(NO_CONCEPTS) == sum(counts.kept.values())
    assert {key for key, _ in counts.left_out} == NO_CONCEPTS


def test_first_and_last_residue_are_inside():
    kept, _ = select(Feature("SIGNAL", 1, 1), Feature("SITE", 20, 20))
    assert [feature.type for feature in kept] == ["SIGNAL", "SITE"]


def test_old_binding_types_become_binding():
    old = [
        Feature("METAL", 3, 3, "Calcium", "ECO:1"),
        Feature("NP_BIND", 1, 2),
        Feature("CA_BIND", 4, 9),
    ]
    kept, counts = select(*old, Feature("BINDING", 2, 2))
    assert {feature.type for feature in kept} == {"BINDING"}
    assert Feature("BINDING", 3, 3, "Calcium", "ECO:1") in kept
    assert counts.kept == {"BINDING": 4}
    assert counts.merged == {"METAL": 1, "NP_BIND": 1, "CA_BIND": 1}


def test_sorted_by_start_then_end():
    kept, _ = select(Feature("TURN", 5, 9), Feature("HELIX", 5, 7), Feature("SITE", 2, 2))
    assert [(f.start, f.end) for f in kept] == [(2, 2), (5, 7), (5, 9)]
