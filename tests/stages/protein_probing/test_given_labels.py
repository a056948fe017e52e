"""Labels of a run's proteins from tables and from UniProt's entries."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from protsae.errors import UserError
from protsae.stages.deconfounding.protein_labels import ProteinLabel
from protsae.stages.protein_probing.given_labels import (
    collect_labels,
    concept_labels,
    table_labels,
    uniprot_labels,
)
from tests.io.protein_files.test_ontology import go, write_ontology

RUN = [f"P{i}" for i in range(8)]


def test_a_table_in_the_order_of_the_run(tmp_path: Path) -> None:
    path = tmp_path / "labels.tsv"
    path.write_text("accession\tsoluble\tTm\nP2\tyes\t51.5\nP0\tno\t40\nQ9\tyes\t1\nP1\tNA\t\n")
    given = table_labels(path, RUN)
    soluble, melting = given.targets
    assert (soluble.name, soluble.kind, melting.name, melting.kind) == (
        *("soluble", "yes/no"),
        *("Tm", "number"),
    )
    np.testing.assert_array_equal(soluble.values, [0, np.nan, 1, *[np.nan] * 5])
    np.testing.assert_array_equal(melting.values, [40, np.nan, 51.5, *[np.nan] * 5])
    assert given.notes == [f"1 proteins of {path} are not in the run"]
    assert [target.name for target in table_labels(path, RUN, ["Tm"]).targets] == ["Tm"]
    [classes] = table_labels(path, RUN, ["Tm"], ["Tm"]).targets
    assert classes.classes == ("40", "51.5")


def test_a_data_frame_by_index_or_by_column() -> None:
    frame = pd.DataFrame({"accession": ["P1", "P0"], "x": [1, 0]})
    for table in (frame, frame.set_index("accession")):
        [target] = table_labels(table, RUN[:2]).targets
        assert target.values.tolist() == [0, 1]


@pytest.mark.parametrize(
    ("text", "names", "line"),
    [
        ("accession\tx\nP0\t1\n", ["y"], "no column 'y'; it has x$"),
        ("accession\nP0\n", [], "no column but accession; expected a label in another$"),
        ("accession\tx\nQ1\t1\n", [], "none of its 1 proteins is in the run, such as Q1; name"),
        ("accession\tx\nP0\t1\nP0\t0\n", [], "P0 occurs twice; expected a protein on one line$"),
        ("protein\tx\nP0\t1\n", [], "no column accession; .*; it has 'protein', 'x'$"),
    ],
)
def test_tables_that_are_none(text: str, names: list[str], line: str, tmp_path: Path) -> None:
    path = tmp_path / "t.tsv"
    path.write_text(text)
    with pytest.raises(UserError, match=f"t.tsv: {line}"):
        table_labels(path, RUN, names)


def test_a_frame_with_a_protein_twice() -> None:
    frame = pd.DataFrame({"accession": ["P1", "P1"], "x": [1, 0]})
    with pytest.raises(UserError, match="the table of labels: P1 occurs twice; expected a protein"):
        table_labels(frame, RUN)


def entries(path: Path) -> Path:
    """P0 to P2 are EC 3, P3 and P4 EC 1, P5 is of both, P6 no enzyme; Q1 is not in the run."""
    numbers = {name: ["3.1.1.1"] for name in ("P0", "P1", "P2", "Q1")}
    numbers |= {"P3": ["1.1.-.-"], "P4": ["1.2.1.1", "1.2.1.2"], "P5": ["1.1.1.1", "3.1.1.1"]}
    found = [
        {
            "primaryAccession": name,
            "proteinDescription": {
                "recommendedName": {"ecNumbers": [{"value": n} for n in numbers.get(name, [])]}
            },
            "uniProtKBCrossReferences": [
                {
                    "database": "GO",
                    "id": "GO:1",
                    "properties": [{"key": "GoEvidenceType", "value": f"{code}:X"}],
                }
                for code in (["IDA"] if name in ("P0", "P1") else ["IEA"])
            ]
            if name != "P6"
            else [],
            "keywords": [{"name": "A"}] if name in ("P0", "P1") else [{"name": "B"}],
        }
        for name in (*RUN[:7], "Q1")
    ]
    path.write_text(json.dumps(found))
    return path


def test_ec_numbers(tmp_path: Path) -> None:
    """P5 has two classes, P6 none: neither is known. P7 is not in the file."""
    path = entries(tmp_path / "e.json")
    given = uniprot_labels(path, "ec", RUN, least=1)
    enzyme, first = given.targets
    np.testing.assert_array_equal(enzyme.values, [1, 1, 1, 1, 1, 1, 0, np.nan])
    assert first.classes == ("EC 3", "EC 1")  # the commoner first
    np.testing.assert_array_equal(first.values, [0, 0, 0, 1, 1, *[np.nan] * 3])
    assert given.notes == [f"7 of 8 proteins are in {path}"]
    [only] = uniprot_labels(path, "ec", RUN, least=2).targets
    assert only.name == "EC class"


def test_keywords_and_terms(tmp_path: Path) -> None:
    path = entries(tmp_path / "e.json")
    a, b = sorted(uniprot_labels(path, "keyword", RUN, least=2).targets, key=lambda t: t.name)
    np.testing.assert_array_equal(a.values, [1, 1, 0, 0, 0, 0, 0, np.nan])
    np.testing.assert_array_equal(b.values, [0, 0, 1, 1, 1, 1, 1, np.nan])
    line = "e.json: no label of go is told by 1 proteins of the run and lacked by as many; 7 of its"
    with pytest.raises(UserError, match=line):  # all with a term have the same
        uniprot_labels(path, "go", RUN, least=1)
    with pytest.raises(UserError, match="no label of go-experimental is told by 1"):
        uniprot_labels(path, "go-experimental", RUN, least=1)


def test_no_protein_in_the_file(tmp_path: Path) -> None:
    path = entries(tmp_path / "e.json")
    with pytest.raises(UserError, match=r"e.json: no protein of the run, such as X1, is in it$"):
        uniprot_labels(path, "ec", ["X1"])


def test_all_together(tmp_path: Path) -> None:
    table = tmp_path / "l.tsv"
    table.write_text("accession\tSIGNAL\nP0\t1\nP1\t0\n")

    def label_of(name: str) -> ProteinLabel:
        return ProteinLabel(name, np.array([1.0, 0, np.nan, 1, 0, 0, 0, 0]))

    of_table = (str(table), (), ())
    given = collect_labels(RUN, label_of, of_table, (None, "ec", None), ["TRANSMEM"])
    assert [target.name for target in given.targets] == ["SIGNAL", "TRANSMEM"]
    with pytest.raises(UserError, match=r"^two labels are called SIGNAL; give one of them another"):
        collect_labels(RUN, label_of, of_table, (None, "ec", None), ["SIGNAL"])
    with pytest.raises(UserError, match=r"^no labels; give --labels, --labels-from or --concepts$"):
        collect_labels(RUN, label_of, (None, (), ()), (None, "ec", None), [])
    with pytest.raises(UserError, match=r"^--ontology is of the GO terms of --labels-from; give"):
        collect_labels(RUN, label_of, of_table, (None, "go", "go.obo"), [])
    assert concept_labels(["SIGNAL"], label_of).targets[0].kind == "yes/no"


def go_entries(path: Path) -> Path:
    """P0 and P1 are in an early endosome, P1 by experiment; P2 in the cytoplasm, P3 transports."""
    terms = {"P0": (4, "IEA"), "P1": (4, "IDA"), "P2": (2, "IEA"), "P3": (5, "IMP")}
    found = [
        {
            "primaryAccession": name,
            "uniProtKBCrossReferences": [
                {
                    "database": "GO",
                    "id": go(number),
                    "properties": [
                        {"key": "GoTerm", "value": "C:early endosome"},
                        {"key": "GoEvidenceType", "value": f"{code}:X"},
                    ],
                }
            ],
        }
        for name, (number, code) in terms.items()
    ]
    path.write_text(json.dumps(found))
    return path


def test_go_terms_hold_for_narrower_ones_with_an_ontology(tmp_path: Path) -> None:
    path, obo = go_entries(tmp_path / "e.json"), write_ontology(tmp_path / "go.obo")
    given = uniprot_labels(path, "go", RUN, least=1, ontology=obo)
    values = {target.name: target.values[:4].tolist() for target in given.targets}
    assert values == {
        f"{go(2)} C:cytoplasm": [1, 1, 1, 0],
        f"{go(4)} C:early endosome": [1, 1, 0, 0],
        f"{go(5)} P:transport": [0, 0, 0, 1],
    }
    # Endosome is early endosome here, and the root is cytoplasm.
    same = f"2 GO terms are of the same proteins as a narrower one, and left out, such as {go(1)}"
    assert given.notes == [f"4 of 8 proteins are in {path}", same]
    given = uniprot_labels(path, "go", RUN, least=2, ontology=obo)
    assert given.notes[1:] == [same, "2 labels of go left out: in fewer than 2 proteins"]
    given = uniprot_labels(path, "go-experimental", RUN, least=1, ontology=obo)
    values = {target.name: target.values[:4] for target in given.targets}
    assert sorted(values) == [f"{go(4)} C:early endosome", f"{go(5)} P:transport"]
    np.testing.assert_array_equal(values[f"{go(5)} P:transport"], [np.nan, 0, np.nan, 1])


def test_an_ontology_where_there_are_no_go_terms(tmp_path: Path) -> None:
    path, obo = go_entries(tmp_path / "e.json"), write_ontology(tmp_path / "go.obo")
    with pytest.raises(UserError) as caught:
        uniprot_labels(path, "keyword", RUN, ontology=obo)
    assert str(caught.value) == ("--ontology is of GO terms; expected --of go, found --of keyword")
