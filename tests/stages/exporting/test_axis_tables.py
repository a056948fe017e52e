import numpy as np
import pandas as pd
import pytest

from protsae.concepts.concept_table import ConceptTable
from protsae.errors import UserError
from protsae.stages.exporting import axis_tables
from protsae.stages.exporting.axis_tables import (
    concept_codes,
    concept_columns,
    feature_columns,
    protein_rows,
    residue_columns,
)

PROTEINS = pd.DataFrame(
    {
        "accession": ["P1", "P2", "P3"],
        "entry_name": ["ONE", None, "THREE"],
        "organism": ["Homo sapiens"] * 3,
        "taxon_id": pd.array([9606, None, 9606], "Int64"),
        "length": [5, 3, 7],
        "sequence": ["MKCCV", "CKA", "MKVAYIC"],
        "cluster": ["P1", "P2", "P2"],
        "split": ["valid", "test", "test"],
        "has_relative_in_train": [False, True, False],
    }
)
ANNOTATIONS = pd.DataFrame(
    [
        ("P1", "SIGNAL", "", 1, 4, True),
        ("P2", "SIGNAL", "", 1, 2, False),
        ("P3", "SIGNAL", "", 1, 3, True),
    ],
    columns=["accession", "type", "description", "start", "end", "certain"],
)


@pytest.fixture
def concepts() -> ConceptTable:
    return ConceptTable.build(PROTEINS, ANNOTATIONS, min_residues=1, min_clusters=1)


@pytest.mark.parametrize("together", [1, 6, 99])
def test_rows_of_proteins_count_residues_with_each_concept(
    concepts: ConceptTable, monkeypatch: pytest.MonkeyPatch, together: int
) -> None:
    """By hand; where the ends of a signal peptide are not known, neither is its length."""
    monkeypatch.setattr(axis_tables, "RESIDUES_TOGETHER", together)
    rows = protein_rows(PROTEINS, concepts)
    assert rows.index.tolist() == ["P1", "P2", "P3"]
    assert rows["residue: C"].tolist() == [2.0, 1.0, 1.0]
    np.testing.assert_array_equal(rows["SIGNAL"], [4.0, np.nan, 3.0])
    assert rows["entry_name"].isna().tolist() == [False, True, False]
    assert rows["length"].tolist() == [5, 3, 7]
    assert rows["taxon_id"].dropna().tolist() == [9606.0, 9606.0]


def test_whether_residues_have_a_concept(concepts: ConceptTable) -> None:
    chosen = concept_columns(concepts, ["SIGNAL", "residue: C"], "results")
    found = concept_codes(["P2", "P1"], concepts, chosen)
    assert found[:, 0].tolist() == [-1, -1, 0, 1, 1, 1, 1, 0]
    assert found[:, 1].tolist() == [1, 0, 0, 0, 0, 1, 1, 0]
    with pytest.raises(UserError, match=r"^results: no concept 'NONE' among its \d+; expected one"):
        concept_columns(concepts, ["NONE"], "results")


def test_no_residues_but_all_categories() -> None:
    empty = residue_columns(PROTEINS, ["a/b"])
    assert len(empty) == 0
    assert list(empty) == ["protein", "position", "residue", "cluster", "split", "a|b"]
    assert empty["protein"].cat.categories.tolist() == ["P1", "P2", "P3"]
    assert empty["cluster"].cat.categories.tolist() == ["P1", "P2"]
    assert empty["a|b"].cat.categories.tolist() == ["no", "yes"]


def test_names_of_features() -> None:
    rows = pd.DataFrame({"model": "m", "layer": 6, "variant": "topk", "feature": [0, 1]})
    assert feature_columns(rows, "m").index.tolist() == ["6/topk/0", "6/topk/1"]
    assert feature_columns(rows, "other").index.tolist() == ["m/6/topk/0", "m/6/topk/1"]
