import pandas as pd
import pytest

from protsae.concepts.evidence import is_experimental, split_by_evidence


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
