"""The window probe of one concept: fitted to train, and what counts as much by hand."""

import numpy as np
import pandas as pd
import pytest

from protsae.concepts.concept_table import ConceptTable
from protsae.config.stage_settings import ProbeSettings
from protsae.references.linear_probe import LinearProbe
from protsae.references.residue_data import Residues, blosum_reader
from protsae.references.window_judge import WindowJudge, fit_window_judge
from tests.helpers.tiny_run import protein_rows

NOWHERE = np.zeros(1)
ANYTHING = LinearProbe(np.zeros((60, 1)), NOWHERE, NOWHERE, NOWHERE, NOWHERE)
SETTINGS = ProbeSettings(train_residues=800, batch=100)


def after_tryptophan(proteins: pd.DataFrame) -> ConceptTable:
    """DISULFID: the residue after each W, in all proteins."""
    rows = [
        (name, "DISULFID", "", at + 2, at + 2)
        for name, sequence in zip(proteins["accession"], proteins["sequence"], strict=True)
        for at in (i for i, letter in enumerate(sequence[:-1]) if letter == "W")
    ]
    columns = ["accession", "type", "description", "start", "end"]
    return ConceptTable.build(proteins, pd.DataFrame(rows, columns=columns), 1, 1)


def fitted(proteins: pd.DataFrame, flank: int = 1) -> WindowJudge:
    concepts = after_tryptophan(proteins)
    column = [one.name for one in concepts.concepts].index("DISULFID")
    residues = Residues(blosum_reader(proteins, flank), proteins, concepts, SETTINGS)
    return fit_window_judge(residues, column, flank)


def test_a_window_tells_what_follows_from_it() -> None:
    judge = fitted(protein_rows(90))
    assert judge.concept == "DISULFID"
    assert judge.valid_f1 == 1.0
    assert judge.is_on("AWCDWWA").tolist() == [False, False, True, False, False, True, True]
    assert judge.share("AWCDWWA") == pytest.approx(3 / 7)


def test_a_window_that_does_not_reach_tells_nothing() -> None:
    assert fitted(protein_rows(90), flank=0).valid_f1 < 0.3


def test_test_proteins_are_not_read() -> None:
    """Where their letters are others, the probe, its threshold and the bar stay."""
    proteins = protein_rows(90)
    others = proteins.assign(sequence=proteins["sequence"])
    is_test = others["split"] == "test"
    others.loc[is_test, "sequence"] = others.loc[is_test, "sequence"].str[::-1]
    one, other = fitted(proteins), fitted(others)
    np.testing.assert_array_equal(one.probe.weights, other.probe.weights)
    assert one.threshold == other.threshold
    assert one.usual(29) == other.usual(29)


def test_the_bar_is_what_nearly_all_of_valid_do_not_exceed() -> None:
    """Of 20 proteins the 19th by share, cut to the length of the sequence."""
    valid = [np.array([i < n for i in range(10)]) for n in [0] * 18 + [3, 7]]
    judge = WindowJudge("C", ANYTHING, 0.0, 0.5, 1, tuple(valid))
    assert judge.usual(10) == 0.3
    assert judge.usual(4) == 0.75
    assert judge.usual(99) == 0.3


@pytest.mark.parametrize(("threshold", "holds"), [(0.0, True), (0.5, False)])
def test_more_than_the_bar_is_asked(threshold: float, holds: bool) -> None:
    """The probe is 0 everywhere: on at all residues, or at none, as in valid."""
    valid = (np.array([False, True]),) * 3
    judge = WindowJudge("C", ANYTHING, threshold, 0.5, 1, valid)
    assert judge.holds("MKV") is holds
    full = WindowJudge("C", ANYTHING, threshold, 0.5, 1, (np.ones(2, bool),))
    assert not full.holds("MKV")
