"""How often each concept occurs, and what is said of those that are not scored, by hand."""

import numpy as np
import pandas as pd
import pytest

from protsae.concepts.concept_table import ConceptTable
from protsae.concepts.frequency import occurrence_rows
from protsae.concepts.label_sets import LabelSet
from protsae.schema.concept_tables import CONCEPTS
from protsae.schema.table import conform

COUNTS = ("residues", "known", "instances", "proteins", "clusters")

PROTEINS = pd.DataFrame(
    [
        ("A1", "MKCMKCM", "a", "train"),
        ("V1", "MKCMKCM", "b", "valid"),
        ("V2", "MKCMK", "b", "valid"),
        ("V3", "MKC", "c", "valid"),
        ("T1", "MKCMKCMKCMK", "d", "test"),
        ("T2", "MK", "e", "test"),
    ],
    columns=["accession", "sequence", "cluster", "split"],
)
ANNOTATIONS = pd.DataFrame(
    [
        # 3 + 2 residues of 2 proteins of one cluster, and 1 of another; stretches overlap in V1.
        ("V1", "DOMAIN", "PH", 1, 2),
        ("V1", "DOMAIN", "PH 2", 2, 3),
        ("V2", "DOMAIN", "SH3", 4, 5),
        ("V3", "DOMAIN", "SH3", 3, 3),
        ("T1", "DOMAIN", "PH", 2, 9),
        ("T2", "DOMAIN", "SH3", 1, 1),
        # A bond has two ends, each an instance.
        ("T1", "DISULFID", "", 3, 9),
        # Known from residue 2 to 6 of V1, and nowhere else in valid.
        ("V1", "HELIX", "", 2, 3),
        ("V1", "HELIX", "", 5, 6),
    ],
    columns=["accession", "type", "description", "start", "end"],
)


@pytest.fixture(scope="module")
def rows() -> pd.DataFrame:
    """All concepts, at 3 residues and 2 clusters."""
    structure = LabelSet("structure", ("H",), "PDB", {"T2": np.array([1, 0], np.uint8)})
    table = ConceptTable.build(PROTEINS, ANNOTATIONS, 3, 2, label_sets=[structure])
    features = {
        "BINDING": {"start after end": 1, "positions refer to an isoform": 2},
        "CHAIN": {"covers nearly the whole protein": 1234},
        "DOMAIN": {"start after end": 5},
    }
    found = conform(occurrence_rows(table.occurrence, table.reasons, features), CONCEPTS, "rows")
    assert not found["concept"].duplicated().any()
    return found.set_index("concept")


@pytest.mark.parametrize(
    ("name", "split", "counts"),
    [
        pytest.param("DOMAIN", "valid", [6, 15, 4, 3, 2], id="overlap-counts-once-in-residues"),
        pytest.param("DOMAIN", "test", [9, 13, 2, 2, 2], id="type-holds-its-names"),
        pytest.param("DOMAIN", "train", [0, 7, 0, 0, 0], id="absent"),
        pytest.param("DOMAIN: PH", "valid", [3, 15, 2, 1, 1], id="name"),
        pytest.param("DOMAIN: SH3", "valid", [3, 15, 2, 2, 2], id="other-name"),
        pytest.param("DISULFID", "test", [2, 13, 2, 1, 1], id="ends-of-a-bond"),
        pytest.param("HELIX", "valid", [4, 5, 2, 1, 1], id="known-in-part"),
        pytest.param("HELIX", "test", [0, 0, 0, 0, 0], id="known-nowhere"),
        pytest.param("residue: M", "train", [3, 7, None, 1, 1], id="no-instances"),
        pytest.param("structure: H", "test", [1, 1, None, 1, 1], id="label-set"),
    ],
)
def test_counts(rows: pd.DataFrame, name: str, split: str, counts: list[int | None]) -> None:
    found = rows.loc[name, [f"{split}_{count}" for count in COUNTS]]
    assert [None if pd.isna(n) else n for n in found] == counts


@pytest.mark.parametrize(
    ("name", "kind", "left_out"),
    [
        pytest.param("DOMAIN", "DOMAIN", "", id="scored"),
        pytest.param(
            "DOMAIN: SH3",
            "DOMAIN",
            "fewer than 3 residues in valid or test: 3 in valid, 1 in test",
            id="residues",
        ),
        pytest.param(
            "DOMAIN: PH",
            "DOMAIN",
            "fewer than 2 homology clusters in valid or test: 1 in valid, 1 in test",
            id="clusters",
        ),
        pytest.param(
            "position: N-terminal 10",
            "position",
            "no residue known to lack it in valid or test",
            id="nothing-lacks-it",
        ),
        pytest.param(
            "CHAIN", "CHAIN", "covers nearly the whole protein: 1,234 features", id="type"
        ),
        pytest.param(
            "BINDING",
            "BINDING",
            "start after end: 1 feature; positions refer to an isoform: 2 features",
            id="type-of-which-nothing-is-kept",
        ),
    ],
)
def test_reasons(rows: pd.DataFrame, name: str, kind: str, left_out: str) -> None:
    assert rows.loc[name, ["concept_type", "left_out"]].tolist() == [kind, left_out]


def test_what_gives_no_labels_comes_last_and_has_no_counts(rows: pd.DataFrame) -> None:
    assert rows.index[-3:].tolist() == ["structure: H", "BINDING", "CHAIN"]
    assert (
        rows.loc[["BINDING", "CHAIN"]].filter(regex="_(residues|clusters)$").isna().all(axis=None)
    )
    assert rows.drop(["BINDING", "CHAIN"])["test_residues"].notna().all()


def test_a_name_without_an_experiment_is_a_row() -> None:
    features = ANNOTATIONS.assign(evidence="ECO:0000255")
    table = ConceptTable.build(PROTEINS, features, 3, 2, evidence="experimental")
    rows = occurrence_rows(table.occurrence, table.reasons, {}).set_index("concept")
    reason = "no feature with experimental evidence"
    assert rows.loc["DOMAIN: PH", ["concept_type", "left_out"]].tolist() == ["DOMAIN", reason]
    assert (rows["left_out"] == reason).sum() == len(
        ["DOMAIN", "DOMAIN: PH", "DOMAIN: SH3", "DISULFID"]
    )
    assert rows.loc["HELIX", "valid_residues"] == 4, "always experimental"
