from collections import Counter

import pandas as pd
import pytest

from protsae.concepts.uniprot.evidence import is_experimental, split_by_evidence
from protsae.io.protein_files.any_format import read_proteins
from protsae.proteins.entry_features import FeatureCounts, select_features
from tests.helpers.shared_data import SHARED

UNIPROT = SHARED / "uniprot"


@pytest.mark.parametrize(
    ("feature_type", "evidence", "expected"),
    [
        pytest.param("SIGNAL", "ECO:0000269", True, id="publication"),
        pytest.param("MOD_RES", "ECO:0007744", True, id="proteomics"),
        pytest.param("DISULFID", "ECO:0007829", True, id="structure"),
        pytest.param("DISULFID", "ECO:0000244", True, id="structure-before-2020"),
        pytest.param("ACT_SITE", "ECO:0000255,ECO:0000269", True, id="one-of-two"),
        pytest.param("ACT_SITE", "ECO:0000255,ECO:0000305", False, id="none-of-two"),
        pytest.param("BINDING", "ECO:0000250", False, id="similarity"),
        pytest.param("TRANSMEM", "ECO:0000255", False, id="sequence-model"),
        pytest.param("DOMAIN", "ECO:0000259", False, id="interpro"),
        pytest.param("CHAIN", "ECO:0000312", False, id="imported"),
        pytest.param("VAR_SEQ", "ECO:0000303", False, id="author-statement"),
        pytest.param("DOMAIN", "", False, id="no-code"),
        pytest.param("STRAND", "", True, id="secondary-structure-of-old-releases"),
    ],
)
def test_codes(feature_type: str, evidence: str, expected: bool) -> None:
    assert is_experimental(feature_type, evidence) is expected


def test_splitting_keeps_rows_and_counts_reasons() -> None:
    rows = [
        ("P1", "SIGNAL", "ECO:0000269"),
        ("P1", "HELIX", ""),
        ("P2", "SIGNAL", "ECO:0000250"),
        ("P2", "DOMAIN", None),
    ]
    table = pd.DataFrame(rows, columns=["accession", "type", "evidence"], index=[7, 5, 3, 2])
    experimental, others, counts = split_by_evidence(table)
    assert experimental.index.tolist() == [7, 5]
    assert others.index.tolist() == [3, 2]
    assert counts == {"evidence is not experimental": 1, "no evidence given": 1}


def test_no_features() -> None:
    experimental, others, counts = split_by_evidence(pd.DataFrame(columns=["type", "evidence"]))
    assert (len(experimental), len(others), counts) == (0, 0, {})


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        # Features with exact ends: those with an experimental code, and all of the type.
        pytest.param(
            "rest_page_1.json.gz", {"HELIX": (299, 299), "SIGNAL": (9, 32)}, id="json-today"
        ),
        pytest.param("flat_modern.dat.gz", {"MOD_RES": (76, 150), "DOMAIN": (0, 37)}, id="flat"),
        pytest.param("flat_2012.dat.gz", {"HELIX": (257, 257), "DISULFID": (0, 31)}, id="2012"),
    ],
)
def test_real_files(name: str, expected: dict[str, tuple[int, int]]) -> None:
    if not (UNIPROT / name).exists():
        pytest.skip(f"{UNIPROT / name} is not on this machine")
    counts = FeatureCounts()
    found = Counter(
        (feature.type, is_experimental(feature.type, feature.evidence))
        for protein in read_proteins(UNIPROT / name)
        for feature in select_features(protein, counts)
        if feature.certain
    )
    for kind, (experimental, all_of_type) in expected.items():
        assert found[kind, True] == experimental
        assert found[kind, True] + found[kind, False] == all_of_type
