"""Feature types and the residues they mean."""

import pytest

from protsae.proteins.records import FEATURE_TYPES, binding_description, feature_key, residue_spans

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
    ("qualifiers", "text"),
    [
        pytest.param(("ATP", None, None, None, None), "ATP", id="ligand"),
        pytest.param(
            ("heme c", "Fe", "1", "covalent", "axial"),
            "heme c; part Fe; label 1; covalent; axial",
            id="all",
        ),
        pytest.param((None, None, None, None, "SH3"), "SH3", id="no-binding-site"),
        pytest.param((None, None, None, None, ""), "", id="nothing"),
    ],
)
def test_description_of_qualifiers(qualifiers, text):
    assert binding_description(*qualifiers) == text
