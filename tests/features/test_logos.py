"""Logos of planted motifs, and of features that only composition, place or family explains."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import binom

from protsae.features import logos as module
from protsae.features.leading_sites import Sites
from protsae.features.logos import FEWEST_WINDOWS, FLANK, Backgrounds, logo_rows
from protsae.proteins.alphabet import STANDARD

N_PROTEINS = 149
AMINO_ACIDS = np.array(list(STANDARD))


def backgrounds_of(sequences: list[str]) -> Backgrounds:
    """Of proteins of train, each in a homology cluster of its own."""
    names = [f"P{i}" for i in range(len(sequences))]
    proteins = {"accession": names, "sequence": sequences, "cluster": names, "split": "train"}
    return Backgrounds.of(pd.DataFrame(proteins))


def sites_at(residue: np.ndarray, feature: int = 0, first: int = 0) -> Sites:
    """One site in each protein from ``first`` on."""
    n = len(residue)
    protein = first + np.arange(n)
    rank = np.zeros(n)
    return Sites(np.full(n, feature), protein, protein, residue, rank, rank.astype(np.float32))


def natural(rng: np.random.Generator, n: int = N_PROTEINS) -> list[str]:
    """Sequences that begin with M and differ in composition and length."""
    found = []
    for length in rng.integers(61, 307, n):
        composition = rng.dirichlet(np.full(20, 5.0))
        found.append("M" + "".join(rng.choice(AMINO_ACIDS, length - 1, p=composition)))
    return found


def test_counts_by_hand() -> None:
    """Thirteen proteins of C, with W at the site; the two last begin there, and D follows."""
    sequences = ["C" * 20 + "W" + "C" * 20] * 11 + ["WD" + "C" * 30] * 2
    table = logo_rows(backgrounds_of(sequences), sites_at(np.array([20] * 11 + [0] * 2)))
    assert table["offset"].tolist() == list(range(-FLANK, FLANK + 1))
    assert table["n_windows"].tolist() == [11] * FLANK + [13] * (FLANK + 1)
    at = {letter: i for i, letter in enumerate(STANDARD)}
    peak, after = table.iloc[FLANK], table.iloc[FLANK + 1]
    assert peak["frequencies"][at["W"]] == 1
    assert after["frequencies"][at["C"]] == pytest.approx(11 / 13)
    assert after["frequencies"][at["D"]] == pytest.approx(2 / 13)
    for row in table.itertuples():
        assert sum(row.frequencies) == pytest.approx(1)
        assert sum(row.background) == pytest.approx(1, abs=1e-3)
    assert peak["enriched"] == "W"
    bias = 19 / (2 * np.log(2) * 13)
    expected = -np.log2(peak["background"][at["W"]]) - bias
    assert peak["information"] == pytest.approx(expected, abs=2e-3)


def test_the_tail_is_a_bound_of_the_exact_law() -> None:
    """Draws with unequal chances: the exact law by convolution is never above the bound."""
    rng = np.random.default_rng(0)
    for _ in range(20):
        chances = rng.beta(0.5, 2, 23)
        law = np.ones(1)
        for chance in chances:
            law = np.convolve(law, [1 - chance, chance])
        exact = law[::-1].cumsum()[::-1]
        counts = np.arange(24.0)
        bound = module._at_least(counts, np.float64(23), np.full(24, chances.sum()))
        assert (bound >= exact - 1e-12).all()
        far = counts >= chances.sum() + 1
        np.testing.assert_allclose(bound[far], binom.sf(counts[far] - 1, 23, chances.mean()))


def test_too_few_windows_have_no_logo() -> None:
    sequences = natural(np.random.default_rng(0))
    few = sites_at(np.full(FEWEST_WINDOWS - 1, 30))
    assert logo_rows(backgrounds_of(sequences), few).empty
    enough = sites_at(np.full(FEWEST_WINDOWS, 30), feature=3)
    assert logo_rows(backgrounds_of(sequences), enough)["feature"].unique().tolist() == [3]


@pytest.mark.parametrize("at_once", [1, 37])
def test_what_is_held_at_a_time_changes_nothing(
    at_once: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    sequences = natural(np.random.default_rng(0))
    sites = Sites.joined([sites_at(np.full(41, 30)), sites_at(np.full(53, 20), feature=2)])
    expected = logo_rows(backgrounds_of(sequences), sites)
    monkeypatch.setattr(module, "AT_ONCE", at_once)
    found = logo_rows(backgrounds_of(sequences), sites)
    pd.testing.assert_frame_equal(found, expected, check_exact=True)


def test_letters_that_are_no_amino_acid_are_not_counted() -> None:
    sequences = ["A" * 15 + "X" + "A" * 15] * 17
    table = logo_rows(backgrounds_of(sequences), sites_at(np.full(17, 15)))
    assert table["n_windows"].tolist() == [17] * FLANK + [0] + [17] * FLANK
    peak = table.iloc[FLANK]
    assert peak["information"] == 0
    assert pd.isna(peak["enriched"])
    assert set(peak["frequencies"]) == {0.0}


def test_a_planted_motif_is_found_at_its_offset_and_nothing_beside_it() -> None:
    """P at 2 residues before the peak and [KR] after it, in 7 of 10 windows."""
    rng = np.random.default_rng(1)
    sequences, residue = natural(rng), np.empty(N_PROTEINS, np.int64)
    for i, sequence in enumerate(sequences):
        letters = list(sequence)
        residue[i] = rng.integers(5, len(letters) - 5)
        if rng.random() < 0.7:
            letters[residue[i] - 2] = "P"
            letters[residue[i] + 1] = rng.choice(["K", "R"])
        sequences[i] = "".join(letters)
    table = logo_rows(backgrounds_of(sequences), sites_at(residue)).set_index("offset")
    assert table["enriched"].dropna().index.tolist() == [-2, 1]
    assert table["enriched"][-2] == "P"
    assert set(table["enriched"][1]) == {"K", "R"}
    assert table["information"].nlargest(2).index.tolist() == [-2, 1]


def explained_by(cause: str, rng: np.random.Generator, sequences: list[str]) -> np.ndarray:
    """A residue of each protein that has nothing to do with the letters around it."""
    lengths = np.array([len(sequence) for sequence in sequences])
    if cause == "nothing":
        return rng.integers(0, lengths)
    if cause == "the N-terminus":
        return np.minimum(rng.geometric(0.3, len(lengths)) - 1, lengths - 1)
    assert cause == "the C-terminus"
    return lengths - np.minimum(rng.geometric(0.3, len(lengths)), lengths)


@pytest.mark.parametrize("cause", ["nothing", "the N-terminus", "the C-terminus", "composition"])
def test_what_composition_or_place_explains_is_not_enriched(cause: str) -> None:
    """67 features a world, 20 worlds: any letter called in at most 5 % of worlds, and a margin.

    Chain ends are conserved: M first, a lysine often among the next, and KDEL at half of the ends.
    Features of composition are in proteins with much leucine.
    """
    called = 0
    for seed in range(20):
        rng = np.random.default_rng(seed)
        sequences = natural(rng)
        for i in range(0, N_PROTEINS, 2):
            sequences[i] = "MK" + sequences[i][2:-4] + "KDEL"
        if cause == "composition":
            share = [-s.count("L") / len(s) for s in sequences]
            sequences = [sequences[i] for i in np.argsort(share)]
        parts = []
        for feature in range(67):
            rich = sequences[:50] if cause == "composition" else sequences
            name = "nothing" if cause == "composition" else cause
            parts.append(sites_at(explained_by(name, rng, rich), feature))
        found = logo_rows(backgrounds_of(sequences), Sites.joined(parts))
        called += found["enriched"].notna().any()
    # 4 or more of 20 are seen once in 60 sets of worlds at a rate of 5 %.
    assert called <= 3
