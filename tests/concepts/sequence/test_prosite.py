import re

import numpy as np
import pytest

from protsae.concepts.sequence.prosite import (
    ELEMENTS,
    MOTIFS,
    Motif,
    element_labels,
    matches,
    motif_labels,
    pattern_regex,
)


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        pytest.param("R-G-D", "RGD", id="letters"),
        pytest.param("R-G-D.", "RGD", id="final-stop"),
        pytest.param("[ST]-x-[RK]", "[ST].[RK]", id="sets-and-any"),
        pytest.param("N-{PG}-[ST]", "N[^PGBJXZ][ST]", id="not"),
        pytest.param("[RK](2)-x(3)", "[RK]{2}.{3}", id="repeats"),
        pytest.param("C-x(2,4)-C", "C.{2,4}C", id="range"),
        pytest.param("<M-A-x>", "^MA.$", id="both-ends"),
        pytest.param("F-[GSTV]-P-[G>]", "F[GSTV]P(?:[G]|$)", id="set-or-end"),
    ],
)
def test_syntax(pattern: str, expected: str) -> None:
    assert pattern_regex(pattern).pattern == expected


@pytest.mark.parametrize(
    ("pattern", "element"),
    [
        pytest.param("N-p-S", "2, 'p'", id="lower-case"),
        pytest.param("N-[P-S", r"2, '\[P'", id="open-bracket"),
        pytest.param("NP-S", "1, 'NP'", id="no-dash"),
        pytest.param("N--S", "2, ''", id="two-dashes"),
        pytest.param("", "1, ''", id="empty"),
        pytest.param("N-x(2,)-S", r"2, 'x\(2,\)'", id="no-maximum"),
        pytest.param("A-<M", "2, '<M'", id="start-inside"),
        pytest.param("A>-M", "1, 'A>'", id="end-inside"),
        pytest.param("[A>]-M", r"1, '\[A>\]'", id="set-or-end-inside"),
    ],
)
def test_mistakes_name_the_element(pattern: str, element: str) -> None:
    with pytest.raises(ValueError, match=f"element {element}"):
        pattern_regex(pattern)


@pytest.mark.parametrize(
    ("pattern", "sequence", "expected"),
    [
        pytest.param("N-{P}-[ST]-{P}", "NNTSG", [(1, 4), (2, 5)], id="overlap"),
        pytest.param("N-{P}-[ST]-{P}", "NPTS", [], id="excluded"),
        pytest.param("N-{P}-[ST]-{P}", "NGT", [], id="cut-by-the-end"),
        pytest.param("N-{P}-[ST]-{P}", "NXTG", [], id="unknown-letter-may-be-excluded"),
        pytest.param("[ST]-x-[RK]", "SXK", [(1, 3)], id="x-matches-unknown"),
        pytest.param("[ST]-x-[RK]", "SARTK", [(1, 3)], id="first"),
        pytest.param("[ST]-x-[RK]", "AASAR", [(3, 5)], id="last"),
        pytest.param("R(2)", "RRR", [(1, 2), (2, 3)], id="runs"),
        pytest.param("A-x(1,3)-C", "AGCGC", [(1, 5)], id="longest"),
        pytest.param("K-D-E-L>", "KDELKDEL", [(5, 8)], id="c-terminal"),
        pytest.param("<M-x", "MAMA", [(1, 2)], id="n-terminal"),
        pytest.param("P-[G>]", "PGAP", [(1, 2), (4, 4)], id="or-end"),
        pytest.param("R-G-D", "", [], id="empty"),
    ],
)
def test_matches(pattern: str, sequence: str, expected: list[tuple[int, int]]) -> None:
    assert matches(sequence, pattern) == expected


@pytest.mark.parametrize(
    ("name", "sequence", "expected"),
    [
        pytest.param("N-glycosylation", "MKNGTAV", [(3, 6)], id="PS00001"),
        pytest.param("cAMP phosphorylation", "LRRASLG", [(2, 5)], id="PS00004-kemptide"),
        pytest.param("PKC phosphorylation", "AASLRA", [(3, 5)], id="PS00005"),
        pytest.param("CK2 phosphorylation", "RRRASDDD", [(5, 8)], id="PS00006"),
        pytest.param("ER retention", "DTAEKDEL", [(5, 8)], id="PS00014-BiP"),
        pytest.param("RGD", "TGRGDSP", [(3, 5)], id="PS00016-fibronectin"),
        pytest.param("P-loop", "MTEYKLVVVGAGGVGKSALT", [(10, 17)], id="PS00017-ras"),
        pytest.param(
            "zinc finger C2H2", "ICSFADCGAAYNKNWKLQAHLCKHTG", [(2, 24)], id="PS00028-TFIIIA"
        ),
        pytest.param("peroxisomal C-terminus", "MAASKL", [(4, 6)], id="PS00342"),
    ],
)
def test_known_sites(name: str, sequence: str, expected: list[tuple[int, int]]) -> None:
    motif = next(motif for motif in MOTIFS if motif.name == name)
    assert matches(sequence, motif.pattern) == expected


def test_labels_cover_matches() -> None:
    column = [motif.name for motif in MOTIFS].index("N-glycosylation")
    labels = motif_labels("NNTSGA")
    assert labels.dtype == np.uint8
    assert labels[:, column].tolist() == [1, 1, 1, 1, 1, 0]
    assert motif_labels("").shape == (0, len(MOTIFS))


def test_elements_of_the_zinc_finger_of_TFIIIA() -> None:
    """C-x(4)-C-x(3)-Y-x(8)-H-x(3)-H from residue 2: C 2, C 7, Y 11, H 20, H 24."""
    labels = element_labels("ICSFADCGAAYNKNWKLQAHLCKHTG")
    found = {
        (element.number, element.text): (np.flatnonzero(column) + 1).tolist()
        for element, column in zip(ELEMENTS, labels.T, strict=True)
        if element.motif == "zinc finger C2H2"
    }
    assert found == {
        (1, "C"): [2],
        (3, "C"): [7],
        (5, "[LIVMFYWC]"): [11],
        (7, "H"): [20],
        (9, "H"): [24],
    }


def test_elements_are_those_that_name_letters() -> None:
    texts = [element.text for element in ELEMENTS if element.motif == "peroxisomal C-terminus"]
    assert texts == ["[STAGCN]", "[RKH]", "[LIVMAFY]"]
    assert len(ELEMENTS) == 4 + 2 + 2 + 2 + 4 + 3 + 4 + 5 + 3
    assert element_labels("").shape == (0, 29)


@pytest.mark.parametrize("motif", MOTIFS, ids=lambda motif: motif.accession)
def test_listed_patterns_are_of_the_syntax(motif: Motif) -> None:
    assert pattern_regex(motif.pattern)
    assert re.fullmatch(r"PS\d{5}", motif.accession)
