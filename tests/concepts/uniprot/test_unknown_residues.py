"""Residues that are unknown for a type or a name, by hand and against one residue at a time."""

import numpy as np
import pandas as pd
import pytest

from protsae.concepts.concept_table import ConceptTable
from protsae.concepts.uniprot.evidence import is_experimental
from protsae.concepts.uniprot.feature_names import feature_name
from protsae.proteins.records import FEATURE_TYPES, residue_spans

COLUMNS = ["accession", "type", "description", "start", "end", "evidence", "certain"]
EXPERIMENT, MODEL = "ECO:0000269", "ECO:0000255"
LENGTH = 11


def build(*rows, evidence="all"):
    """Annotations of two proteins: V is valid, T is test."""
    proteins = pd.DataFrame(
        [("V", "A" * LENGTH, "v", "valid"), ("T", "A" * LENGTH, "t", "test")],
        columns=["accession", "sequence", "cluster", "split"],
    )
    table = pd.DataFrame(rows, columns=COLUMNS).astype({"certain": bool})
    return ConceptTable.build(proteins, table, 1, 1, evidence=evidence)


def known(table, name, accession="T"):
    """One letter per residue: ``+`` has the concept, ``-`` lacks it, ``?`` unknown."""
    column = [p.name for p in table.concepts].index(name)
    labels = table.labels([accession]).toarray()[:, column]
    mask = table.known([accession])[:, table.known_column[column]]
    assert not labels[~mask].any(), "an unknown residue has no label"
    pairs = zip(labels, mask, strict=True)
    return "".join("+" if has else "-" if sure else "?" for has, sure in pairs)


def both(kind, description, start, end, certain=True, evidence=EXPERIMENT):
    return [(name, kind, description, start, end, evidence, certain) for name in "VT"]


def test_what_a_feature_may_cover_is_unknown_for_its_type():
    table = build(*both("SIGNAL", "", 2, 3), *both("SIGNAL", "", 1, 6, certain=False))
    assert known(table, "SIGNAL") == "?++???-----"
    assert table.features_left_out == {
        "without exact ends, so that the residues they may cover are unknown": 2
    }


def test_uncertain_features_are_no_instances():
    table = build(*both("SIGNAL", "", 2, 3), *both("SIGNAL", "", 1, 6, certain=False))
    found = table.instances(["T"])
    assert list(zip(found.begin.tolist(), found.end.tolist(), strict=True)) == [(1, 3)]


def test_the_whole_of_an_uncertain_bond_is_unknown():
    """Of a certain one the two ends are, of an uncertain one every residue."""
    table = build(*both("DISULFID", "", 2, 4), *both("DISULFID", "", 3, 6, certain=False))
    assert known(table, "DISULFID") == "-+?+??-----"


def test_other_types_are_known():
    table = build(*both("SITE", "", 2, 3), *both("SIGNAL", "", 1, 6, certain=False))
    assert known(table, "SITE") == "-++--------"
    assert table.known_column[[p.name for p in table.concepts].index("SITE")] == 0


def test_names_are_unknown_where_their_type_is():
    table = build(
        *both("BINDING", "heme", 2, 3),
        *both("BINDING", "ATP", 5, 6),
        *both("BINDING", "heme", 2, 8, certain=False),
    )
    assert known(table, "BINDING") == "-++?++??---"
    assert known(table, "BINDING: heme") == "-++?????---"
    assert known(table, "BINDING: ATP") == "---?++??---"


def test_a_name_of_which_nothing_is_certain_is_no_concept_and_says_why():
    table = build(*both("BINDING", "ATP", 5, 6), *both("BINDING", "heme", 2, 8, certain=False))
    assert str(table.reasons["BINDING: heme"]) == "no feature with exact ends"
    assert known(table, "BINDING") == "-???++??---"


def test_a_type_of_which_nothing_is_certain_says_why():
    table = build(*both("SITE", "", 2, 3), *both("SIGNAL", "", 1, 6, certain=False))
    assert str(table.reasons["SIGNAL"]) == "no feature with exact ends"


def test_with_the_evidence_filter():
    """An uncertain feature leaves residues unknown, with an experiment behind it or without."""
    table = build(
        *both("SIGNAL", "", 3, 3),
        *both("SIGNAL", "", 2, 3, evidence=MODEL),
        *both("SIGNAL", "", 5, 6, certain=False),
        *both("SIGNAL", "", 8, 9, certain=False, evidence=MODEL),
        evidence="experimental",
    )
    assert known(table, "SIGNAL") == "-?+-??-??--"
    assert table.features_left_out == {
        "evidence is not experimental": 2,
        "without exact ends, so that the residues they may cover are unknown": 4,
    }


def test_a_predicted_name_beside_an_experimental_one_is_unknown_not_negative():
    table = build(
        *both("BINDING", "ATP", 5, 6),
        *both("BINDING", "heme", 2, 2),
        *both("BINDING", "heme", 4, 7, evidence=MODEL),
        evidence="experimental",
    )
    assert known(table, "BINDING") == "-+-?++?----"
    assert known(table, "BINDING: ATP") == "---?++?----"
    assert known(table, "BINDING: heme") == "-+-????----"


def test_uncertain_helices_do_not_widen_what_a_structure_shows():
    table = build(
        *both("HELIX", "", 2, 3),
        *both("HELIX", "", 9, 9),
        *both("HELIX", "", 5, 11, certain=False),
    )
    assert known(table, "HELIX") == "?++-????+??"


def test_counts_are_of_known_residues():
    table = build(*both("SIGNAL", "", 2, 3), *both("SIGNAL", "", 1, 6, certain=False))
    row = table.occurrence.set_index("concept").loc["SIGNAL"]
    assert (row["test_residues"], row["test_known"], row["test_instances"]) == (2, 7, 1)


@pytest.mark.parametrize("evidence", ["all", "experimental"])
@pytest.mark.parametrize("seed", range(4))
def test_against_one_residue_at_a_time(seed, evidence):
    rng = np.random.default_rng(seed)
    rows = []
    for _ in range(23):
        kind = str(rng.choice(["DOMAIN", "BINDING", "DISULFID"]))
        name = str(rng.choice(["", "SH3", "PH"])) if kind != "DISULFID" else ""
        start, end = sorted(int(n) for n in rng.integers(1, LENGTH + 1, 2))
        code = str(rng.choice([EXPERIMENT, MODEL]))
        rows.append((str(rng.choice(["V", "T"])), kind, name, start, end, code, rng.random() < 0.6))
    table = build(*rows, evidence=evidence)
    checked = 0
    for found in (p for p in table.concepts if p.source == "UniProt"):
        for accession in "VT":
            expected = ""
            for position in range(1, LENGTH + 1):
                own = [row[1:] for row in rows if row[0] == accession]
                expected += reference(own, position, found.name, evidence)
            assert known(table, found.name, accession) == expected
            checked += expected.count("?")
    assert checked > 0


def reference(rows, position, name, evidence):
    """Label of a residue by the definition, for a type or a name."""
    sure: set[str] = set()
    open_: set[str] = set()
    for kind, description, start, end, codes, certain in rows:
        counts = certain and (evidence == "all" or is_experimental(kind, codes))
        spans = residue_spans(kind, start, end) if certain else [(start, end)]
        if any(first <= position <= last for first, last in spans):
            own, text = feature_name(kind, description)
            (sure if counts else open_).update({own, f"{own}: {text}" if text else own})
    kind = name.split(": ")[0]
    assert kind in FEATURE_TYPES
    if name in sure:
        return "+"
    return "?" if name in open_ or (kind in open_ and kind not in sure) else "-"
