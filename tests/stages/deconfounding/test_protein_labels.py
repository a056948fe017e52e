"""Labels of whole proteins, by hand."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from protsae.concepts.concept_table import ConceptTable
from protsae.errors import UserError
from protsae.stages.deconfounding.deconfound_run import protein_label, sae_name
from protsae.stages.deconfounding.protein_labels import (
    by_composition,
    by_length,
    by_taxon,
    read_label_table,
)

PROTEINS = pd.DataFrame(
    {
        "accession": ["P1", "P2", "P3", "P4", "P5"],
        "sequence": ["MKKKK", "MKV", "MLLLLLL", "MKKKKKKK", "MLK"],
        "cluster": ["a", "b", "c", "d", "e"],
        "split": ["train", "train", "train", "valid", "test"],
        "taxon_id": pd.array([9606, 562, 9606, None, 562], dtype="Int64"),
    }
)
ANNOTATIONS = pd.DataFrame(
    [("P4", "TRANSMEM", "", 2, 3, True), ("P5", "TRANSMEM", "", 1, 1, True),
     ("P1", "TRANSMEM", "", 1, 2, False), ("P5", "SIGNAL", "", 1, 2, True),
     ("P4", "SIGNAL", "", 1, 1, True)],
    columns=["accession", "type", "description", "start", "end", "certain"],
)  # fmt: skip


def concepts() -> ConceptTable:
    return ConceptTable.build(PROTEINS, ANNOTATIONS, min_residues=1, min_clusters=1)


def values(text: str, table: Path | None = None) -> list:
    return protein_label(text, PROTEINS, concepts, table).values.tolist()


def test_length_is_above_the_median_of_train() -> None:
    label = by_length(PROTEINS)
    assert label.meaning == "longer than 5 residues"
    assert label.values.tolist() == [0, 0, 1, 1, 0]


def test_a_median_between_two_lengths_is_said_as_it_is_used() -> None:
    """Of lengths 5, 7, 8 and 9, the last two are above 7.5, and longer than 7."""
    sequences = ["M" * length for length in (5, 7, 8, 9)]
    label = by_length(pd.DataFrame({"sequence": sequences, "split": "train"}))
    assert label.values.tolist() == [0, 0, 1, 1]
    assert label.meaning == "longer than 7 residues"


def test_composition_is_the_first_component_of_train() -> None:
    """Lysine against leucine."""
    label = by_composition(PROTEINS)
    assert label.meaning.startswith("rich in L")
    assert "poor in" in label.meaning
    # P2 is the middle of train; equal to the median is not above.
    assert label.values.tolist() == [0, 0, 1, 0, 1]


def test_taxon() -> None:
    label = by_taxon(PROTEINS, "taxon=562")
    assert label.meaning == "of taxon 562"
    np.testing.assert_array_equal(label.values, [0, 1, 0, np.nan, 1])


def test_a_concept_at_any_residue_and_unknown_where_it_may_be() -> None:
    """P1 has a segment without exact ends: whether it has the concept is not known."""
    np.testing.assert_array_equal(values("TRANSMEM"), [np.nan, 0, 0, 1, 1])
    assert values("SIGNAL") == [0, 0, 0, 1, 1]


def test_a_column_of_a_table(tmp_path: Path) -> None:
    path = tmp_path / "mine.tsv"
    path.write_text("accession\tsoluble\tlength\nP2\tYes\t1\nP4\t0\t0\nP9\t1\t1\nP1\t\t1\n")
    np.testing.assert_array_equal(values("soluble", path), [np.nan, 1, np.nan, 0, np.nan])
    # A column goes before what has the same name otherwise.
    np.testing.assert_array_equal(values("length", path), [1, 1, np.nan, 0, np.nan])
    assert protein_label("soluble", PROTEINS, concepts, path).meaning == "with soluble in mine.tsv"


def test_blanks_around_an_accession_are_no_part_of_it(tmp_path: Path) -> None:
    path = tmp_path / "mine.tsv"
    path.write_text("accession\tsoluble\nP2 \tyes\n P4\tno\nP5\n")
    np.testing.assert_array_equal(values("soluble", path), [np.nan, 1, np.nan, 0, np.nan])


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (
            "SIGNALS",
            "'SIGNALS': no label of proteins; expected length, composition, taxon=ID, or a",
        ),
        ("taxon=7", "taxon=7: no protein of this taxon; the commonest of the run: 9606, 562"),
        ("taxon=E. coli", "taxon=E. coli: no protein of this taxon; "),
        ("taxon=\N{SUPERSCRIPT TWO}", "taxon=\N{SUPERSCRIPT TWO}: no protein of this taxon; "),
    ],
)
def test_no_such_label(text: str, line: str) -> None:
    with pytest.raises(UserError, match=f"^{line}"):
        values(text)


@pytest.mark.parametrize(
    ("content", "line"),
    [
        ("protein\ta\nP1\t1\n", "no column accession; .* table with one; it has 'protein', 'a'$"),
        (
            "accession,a\nP1,1\n",
            "no column accession; expected a tab-separated table with one; it has 'accession,a'$",
        ),
        ("accession\ta\nP1\t1\nP1\t0\n", "P1 occurs twice; expected a protein on one line$"),
        ("accession\ta\nP1\t0.5\n", "P1 has '0.5' in column a; expected 1 or 0, yes or no, or n"),
        (
            "accession\ta\nP1\t1\t\nP2\t0\t\n",
            "lines have more cells than the header, 2; expected as many; is there a tab at their",
        ),
        (
            "accession\ta\nQ1\t1\nQ2\t0\n",
            "none of its 2 proteins is in the run, such as Q1; name them as the run does",
        ),
        ("accession\ta\n", "none of its 0 proteins is in the run, as it has none; name them as"),
    ],
)
def test_a_table_that_is_none(content: str, line: str, tmp_path: Path) -> None:
    path = tmp_path / "t.tsv"
    path.write_text(content)
    with pytest.raises(UserError, match=f"t.tsv: {line}"):
        values("a", path)


def test_a_table_that_is_missing(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"none.tsv: .*; expected a tab-separated table"):
        read_label_table(tmp_path / "none.tsv")


@pytest.mark.parametrize("text", ["topk", "x/topk", "6/topk/3", "6/", "\N{SUPERSCRIPT TWO}/topk"])
def test_names_of_saes(text: str) -> None:
    with pytest.raises(UserError, match=f"--sae '{text}'; expected LAYER/SAE, such as 6/topk"):
        sae_name(text)
