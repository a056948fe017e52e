"""Terms of rules: where each holds, by hand; and JSON both ways."""

import json

import numpy as np
import pandas as pd
import pytest

from protsae.concepts.concept_table import ConceptTable
from protsae.descriptions.described_rows import DescribedRows
from protsae.descriptions.terms import (
    NEAR,
    PARTS,
    Annotated,
    Neighbour,
    Term,
    from_json,
    needs_annotations,
    to_json,
    vocabulary,
)
from protsae.references.rules.sequence_rules import Letters, LowComplexity, Pattern, Place, Share

SEQUENCES = ["MKCDEFGHIKLMNPQRSTVW", "MCCA"]


def described() -> DescribedRows:
    """A domain at 8-13 of the first protein; the second has none. One cluster."""
    columns = ["accession", "sequence", "length", "cluster", "split"]
    rows = [
        (f"P{i}", s, len(s), "c", split) for i, s in enumerate(SEQUENCES) for split in ["train"]
    ]
    proteins = pd.DataFrame(rows, columns=columns)
    others = proteins.assign(accession=["V", "T"], split=["valid", "test"], sequence=SEQUENCES[0])
    every = pd.concat([proteins, others.assign(length=len(SEQUENCES[0]))], ignore_index=True)
    names = [("P0", 8, 13), ("V", 8, 13), ("T", 8, 13)]
    spans = [(name, "DOMAIN", "", start, end) for name, start, end in names]
    annotations = pd.DataFrame(spans, columns=["accession", "type", "description", "start", "end"])
    return DescribedRows(proteins, ConceptTable.build(every, annotations, 1, 1))


def positions(term: Term) -> list[int]:
    """1-based, of both proteins one after another."""
    return (np.flatnonzero(described().holds(term)) + 1).tolist()


@pytest.mark.parametrize(
    ("part", "expected"),
    [
        ("in", [8, 9, 10, 11, 12, 13]),
        ("first", [8]),
        ("last", [13]),
        ("start", [8, 9, 10, 11, 12]),
        ("end", [9, 10, 11, 12, 13]),
        ("before", [3, 4, 5, 6, 7]),
        ("after", [14, 15, 16, 17, 18]),
        ("protein", [*range(1, 21)]),
    ],
)
def test_parts_of_an_annotation(part: str, expected: list[int]) -> None:
    assert NEAR == 5
    assert positions(Annotated("DOMAIN", part)) == expected


def test_every_part_is_tested_above() -> None:
    assert set(PARTS) == {"in", "first", "last", "start", "end", "before", "after", "protein"}


@pytest.mark.parametrize(
    ("term", "expected"),
    [
        (Letters("C"), [3, 22, 23]),
        (Neighbour("K", 1), [1, 9]),  # not 20, though the next protein's second residue is C
        (Neighbour("M", -1), [2, 13, 22]),  # not 21, the first of the second protein
        (Neighbour("C", -2), [5, 24]),
        (Place("C", 1, 2), [19, 20, 23, 24]),
    ],
)
def test_terms_on_the_sequence_keep_to_their_protein(term: Term, expected: list[int]) -> None:
    assert positions(term) == expected


def test_a_rule_holds_where_all_its_terms_do() -> None:
    rows = described()
    rule = (Letters("K"), Annotated("DOMAIN"))
    assert (np.flatnonzero(rows.all_hold(rule)) + 1).tolist() == [10]
    assert rows.all_hold(()).all()
    assert needs_annotations(rule)
    assert not needs_annotations((Letters("K"),))


def test_relatives_share_a_weight() -> None:
    assert described().weight.tolist() == [0.5] * 24


@pytest.mark.parametrize(
    "term",
    [
        Letters("aromatic"),
        Place("N", 1, 20),
        Pattern("N-glycosylation"),
        LowComplexity(),
        Share("E", 3, 40, True),
        Neighbour("C", -3),
        Annotated("SIGNAL", "after"),
    ],
)
def test_json_and_back(term: Term) -> None:
    written = to_json((term, Letters("C")))
    assert from_json(written) == (term, Letters("C"))
    assert set(json.loads(written)[1]) == {"term", "letters"}


def test_the_vocabulary_has_each_term_once_and_every_kind() -> None:
    concepts = described().concepts
    terms = list(vocabulary(concepts.concepts, concepts.has_instances))
    assert len(set(terms)) == len(terms)
    annotated = [term for term in terms if isinstance(term, Annotated)]
    assert annotated == [Annotated("DOMAIN", part) for part in PARTS]
    assert {type(term) for term in terms} == {
        *(Letters, Place, Pattern, LowComplexity, Share, Neighbour, Annotated),
    }
