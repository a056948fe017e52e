import numpy as np
import pandas as pd

from protsae.sparse_probes.sequence_columns import (
    FLANK,
    NAMES,
    NEAR,
    STEPS,
    SequenceColumns,
    sequence_columns,
)

SEQUENCE = "MKVLAXGGWYPCDEKRHHILMNQSTVWYACDKKK"


def by_name(sequence: str) -> pd.DataFrame:
    return pd.DataFrame(sequence_columns(sequence).toarray(), columns=list(NAMES))


def test_each_column_is_what_its_name_says() -> None:
    columns, n = by_name(SEQUENCE), len(SEQUENCE)
    for place in range(n):
        nearby = SEQUENCE[max(0, place - NEAR) : place + NEAR + 1]
        for letter in "ACDEFGHIKLMNPQRSTVWY":
            for offset in range(-FLANK, FLANK + 1):
                inside = 0 <= place + offset < n and SEQUENCE[place + offset] == letter
                assert columns.loc[place, f"{letter}{offset:+d}"] == inside
            share = nearby.count(letter) / len(nearby)
            np.testing.assert_allclose(columns.loc[place, f"{letter}%"], share, rtol=1e-6)
        for step in STEPS:
            assert columns.loc[place, f"n<={step}"] == (place < step)
            assert columns.loc[place, f"c<={step}"] == (n - place <= step)


def test_a_letter_that_is_none_of_the_20_is_nothing() -> None:
    at_x = by_name(SEQUENCE).loc[SEQUENCE.index("X")]
    assert not at_x[[name for name in NAMES if name.endswith("+0")]].any()


def test_proteins_come_whole_and_in_order() -> None:
    proteins = pd.DataFrame({"accession": ["A", "B", "C"], "sequence": ["MK", "ACD", "WYW"]})
    proteins["length"] = proteins["sequence"].str.len()
    columns = SequenceColumns(proteins)
    for max_rows in (1, 4, 100):
        found = list(columns.blocks({"A", "C"}, max_rows))
        assert [name for names, _ in found for name in names] == ["A", "C"]
        together = np.concatenate([rows.toarray() for _, rows in found])
        expected = [by_name(sequence).to_numpy() for sequence in ("MK", "WYW")]
        np.testing.assert_array_equal(together, np.concatenate(expected))
