"""The concepts that InterPLM's parser takes, each worked out by hand from its rules."""

import numpy as np
import pandas as pd
import pytest

from protsae.references import interplm_concepts as module
from protsae.references.interplm_concepts import InterplmConcepts, interplm_concepts

COLUMNS = ["accession", "type", "description", "start", "end"]
Row = tuple[str, str, str, int, int]


@pytest.fixture(autouse=True)
def _few_notes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MIN_NOTES", 2)


def concepts_of(*rows: Row) -> InterplmConcepts:
    return interplm_concepts(pd.DataFrame(rows, columns=COLUMNS), ["P1", "P2"])


def instances(concepts: InterplmConcepts) -> dict[str, list[tuple[int, int, int]]]:
    """Protein, first and last residue of the instances of each concept, in their order."""
    spans = concepts.spans
    found: dict[str, list[tuple[int, int, int]]] = {name: [] for name in concepts.names}
    for protein, column, begin, end in zip(
        spans.protein, spans.column, spans.begin, spans.end, strict=True
    ):
        found[concepts.names[column]].append((int(protein), int(begin) + 1, int(end)))
    return found


def test_a_note_counts_from_enough_features_on_and_any_is_of_those_only() -> None:
    """SH2 twice, in two proteins; SH3 once; a domain without a note. The rest is in no concept."""
    found = concepts_of(
        ("P2", "DOMAIN", "SH2", 3, 9),
        ("P1", "DOMAIN", "SH2; atypical", 1, 4),
        ("P1", "DOMAIN", "SH3", 6, 8),
        ("P1", "DOMAIN", "", 9, 11),
    )
    both = [(0, 1, 4), (1, 3, 9)]
    assert instances(found) == {"Domain_SH2": both, "Domain_any": both}


def test_copy_numbers_are_part_of_the_note() -> None:
    """Each EGF-like domain has a number of its own, so that none is a concept."""
    rows = [("P1", "DOMAIN", f"EGF-like {n}", 3 * n, 3 * n + 1) for n in (1, 2, 3)]
    assert instances(concepts_of(*rows)) == {}
    found = instances(concepts_of(*rows, ("P2", "DOMAIN", "EGF-like 2; truncated", 5, 7)))
    assert found["Domain_EGF-like 2"] == found["Domain_any"] == [(0, 6, 7), (1, 5, 7)]


@pytest.mark.parametrize(
    "feature_type",
    [
        "ACT_SITE",
        "CARBOHYD",
        "COMPBIAS",
        "DOMAIN",
        "MOD_RES",
        "MOTIF",
        "REGION",
        "SIGNAL",
        "TRANSIT",
        "ZN_FING",
    ],
)
def test_without_a_note_these_types_are_empty(feature_type: str) -> None:
    assert instances(concepts_of(*[("P1", feature_type, "", 1, 5)] * 3)) == {}
    named = concepts_of(*[("P1", feature_type, "Tat-type signal", 1, 5)] * 2)
    any_, one = sorted(named.names, key=len)
    assert one.endswith("_Tat-type signal")
    assert any_ == one.replace("Tat-type signal", "any")


@pytest.mark.parametrize(
    ("feature_type", "name"),
    [
        ("HELIX", "Helix"),
        ("STRAND", "Beta strand"),
        ("TURN", "Turn"),
        ("COILED", "Coiled coil"),
        ("LIPID", "Lipidation"),
    ],
)
def test_these_count_whole_whatever_the_note(feature_type: str, name: str) -> None:
    found = concepts_of(("P1", feature_type, "", 2, 4), ("P2", feature_type, "rare", 5, 5))
    assert instances(found) == {name: [(0, 2, 4), (1, 5, 5)]}
    assert found.numbered.tolist() == [True]


def test_a_bond_is_its_two_ends_and_is_not_numbered() -> None:
    found = concepts_of(("P1", "DISULFID", "", 3, 8), ("P2", "DISULFID", "Interchain", 5, 5))
    assert instances(found) == {"Disulfide bond": [(0, 3, 3), (0, 8, 8), (1, 5, 5)]}
    assert found.numbered.tolist() == [False]


@pytest.mark.parametrize(
    "feature_type", ["BINDING", "TRANSMEM", "TOPO_DOM", "PROPEP", "REPEAT", "SITE", "DNA_BIND"]
)
def test_these_are_no_concept(feature_type: str) -> None:
    assert instances(concepts_of(*[(("P1", feature_type, "Zn(2+)", 1, 5))] * 3)) == {}


def test_recall_is_by_residue_where_the_name_says_so() -> None:
    """In the whole name, so that a region's note can decide, too."""
    notes = [("REGION", "Active site loop"), ("REGION", "Disordered"), ("ACT_SITE", "Nucleophile")]
    found = concepts_of(*[("P1", kind, note, 2, 3) for kind, note in notes for _ in range(2)])
    assert dict(zip(found.names, found.residue_level.tolist(), strict=True)) == {
        "Active site_Nucleophile": True,
        "Active site_any": True,
        "Region_Active site loop": True,
        "Region_Disordered": False,
        "Region_any": False,
    }


def test_a_feature_without_exact_ends_counts_for_its_note_only() -> None:
    table = pd.DataFrame(
        [("P1", "TRANSIT", "Mitochondrion", 1, 5), ("P2", "TRANSIT", "Mitochondrion", 1, 9)],
        columns=COLUMNS,
    )
    found = instances(interplm_concepts(table.assign(certain=[True, False]), ["P1", "P2"]))
    assert found == {
        "Transit peptide_Mitochondrion": [(0, 1, 5)],
        "Transit peptide_any": [(0, 1, 5)],
    }


def test_no_features() -> None:
    found = concepts_of()
    assert (found.names, len(found.spans.begin)) == ((), 0)
    assert found.residue_level.dtype == found.numbered.dtype == np.bool_
