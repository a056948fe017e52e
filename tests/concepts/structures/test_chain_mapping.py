import numpy as np
import pytest

from protsae.concepts.structures.chain_mapping import likeliest_proteins, resolved_positions, spread

RNASE = "KETAAAKFERQHMDSSTSAASSSNYCNQMMKSRNLTKDRCKPVNTFVHESLADVQAVCSQKNVACKNGQTNCYQSYSTMSITDC"
OTHER = "MKVLAAGIVGLCAGFTAFAHNLDEPWRKYCTVGDE"


@pytest.mark.parametrize(
    ("chain", "expected"),
    [
        pytest.param(RNASE[10:40], list(range(10, 40)), id="part"),
        pytest.param(
            "GSHM" + RNASE[:30], [-1] * 4 + list(range(30)), id="tag-is-no-part-of-the-protein"
        ),
        pytest.param(RNASE[:20] + RNASE[31:60], [*range(20), *range(31, 60)], id="missing-loop"),
        pytest.param(RNASE[:30] + "W" + RNASE[31:60], list(range(60)), id="point-mutation"),
    ],
)
def test_places(chain: str, expected: list[int]) -> None:
    places = resolved_positions(chain, RNASE)
    assert places is not None
    assert places.tolist() == expected


def test_a_homologue_is_another_protein() -> None:
    mutated = "".join("W" if i % 9 == 4 else letter for i, letter in enumerate(RNASE))
    assert resolved_positions(mutated, RNASE) is None


def test_a_fusion_that_is_mostly_something_else() -> None:
    assert resolved_positions(RNASE[:20] + OTHER, RNASE) is None


def test_nothing_in_common() -> None:
    assert resolved_positions("WWWWWWWW", "GGGGGGGG") is None


def test_the_protein_with_most_words_wins() -> None:
    proteins = {"P1": OTHER, "P2": RNASE[:50], "P3": RNASE, "P4": RNASE}
    assert likeliest_proteins([RNASE[8:80], OTHER[:16], "SHORT", ""], proteins) == [
        *("P3", "P1", "", "")
    ]


def test_spread_leaves_the_unresolved_unknown() -> None:
    assert spread("HHE", np.array([1, 2, -1]), 4) == "?HH?"
    assert spread("", np.zeros(0, dtype=int), 2) == "??"


def test_more_optimal_alignments_than_an_integer_holds() -> None:
    """Of a long chain and a relative of half its letters."""
    rng = np.random.default_rng(0)
    sequence = "".join(rng.choice(list(RNASE), 1900))
    chain = "".join(a if rng.random() < 0.5 else rng.choice(list(RNASE)) for a in sequence)
    assert resolved_positions(chain, sequence) is None
