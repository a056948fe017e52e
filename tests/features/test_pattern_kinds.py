import itertools

import numpy as np
import pandas as pd
import pytest
from scipy import sparse

from protsae.features import activation_patterns as patterns_module
from protsae.features.activation_patterns import ActivationPatterns, on_thresholds
from protsae.features.pattern_kinds import KINDS

LENGTHS = [211, 97, 151, 307, 113, 127, 89]


def table_of(
    proteins: list[np.ndarray], threshold: np.ndarray, cluster: list[int] | None = None
) -> pd.DataFrame:
    """The table from one block of proteins, each (n_residues, n_features); a cluster for each."""
    lengths = np.array([len(protein) for protein in proteins])
    own = np.arange(len(proteins)) if cluster is None else np.array(cluster)
    patterns = ActivationPatterns(threshold, int(own.max()) + 1)
    patterns.update(sparse.csc_array(np.concatenate(proteins)), lengths, own)
    return patterns.table()


def planted(kind: str, length: int, rng: np.random.Generator) -> np.ndarray:
    """Activations of one protein for a feature of that kind."""
    x = np.zeros(length, np.float32)
    middle = int(rng.integers(length // 2 - 15, length // 2 + 5))
    if kind == "whole protein":
        x[:] = 1
    elif kind == "N-terminal":
        x[: rng.integers(15, 26)] = 1
    elif kind == "C-terminal":
        x[-rng.integers(3, 9) :] = 1
    elif kind == "heptads":
        for start in range(30, length - 30, 7):
            x[start : start + 2] = 1
    elif kind == "turns":  # two helices, of 3.6 residues to a turn, with a loop between
        for begin in (5, length - 35):
            x[np.floor(begin + 3.6 * np.arange(7)).astype(int)] = 1
    elif kind == "repeats":  # 24 residues, give or take 2, as leucine-rich ones
        start = 3
        while start < length - 11:
            x[start : start + 11] = 1
            start += 24 + int(rng.integers(-2, 3))
    elif kind == "point":
        x[rng.choice(np.arange(2, length, 2), size=5, replace=False)] = 1
    elif kind == "short motif":
        x[middle : middle + rng.integers(4, 12)] = 1
    elif kind == "medium motif":
        x[middle - 10 : middle + rng.integers(11, 25)] = 1
    elif kind == "domain":
        x[length // 10 : length // 10 + 60] = rng.uniform(0.4, 1, 60)
    return x


@pytest.mark.parametrize(
    ("pattern", "kind"),
    [
        *((kind, kind) for kind in KINDS if kind not in ("rare", "periodic")),
        ("heptads", "periodic"),
        ("turns", "periodic"),
        ("repeats", "periodic"),
    ],
)
def test_planted_patterns(pattern: str, kind: str) -> None:
    """On at seven proteins; then also with stray single residues in as many others."""
    rng = np.random.default_rng(0)
    proteins = [planted(pattern, length, rng)[:, None] for length in LENGTHS]
    assert table_of(proteins, np.array([0.1]))["kind"].tolist() == [kind]
    if kind in ("dead", "N-terminal", "C-terminal"):
        return  # one stray residue makes it another kind, as it should
    strays = [np.zeros((length, 1)) for length in LENGTHS]
    for stray in strays[:3]:
        stray[len(stray) // 2] = 1
    assert table_of(proteins + strays, np.array([0.1]))["kind"].tolist() == [kind]


@pytest.mark.parametrize("density", [0.01, 0.1, 0.3, 0.5, 0.7])
def test_residues_at_random_are_not_periodic_nor_terminal(density: float) -> None:
    rng = np.random.default_rng(0)
    proteins = [(rng.random((length, 31)) < density) * 1.0 for length in LENGTHS * 3]
    found = set(table_of(proteins, np.full(31, 0.5))["kind"])
    assert found <= ({"point"} if density < 0.2 else {"point", "short motif"})


@pytest.mark.parametrize(("n_proteins", "kind"), [(4, "rare"), (5, "point")])
def test_few_proteins(n_proteins: int, kind: str) -> None:
    proteins = [np.zeros((31, 1)) for _ in range(7)]
    for protein in proteins[:n_proteins]:
        protein[15] = 1
    assert table_of(proteins, np.array([0.5]))["kind"].tolist() == [kind]


def test_by_hand() -> None:
    """
    Protein 1 (11 residues): .##.##.##..  runs 2, 2, 2, which start 3 apart
    Protein 2 (7 residues):  ######.      a run of 6, 6 of 7 residues: on as a whole
    Protein 3 (5 residues):  .....        off
    """
    first = np.array([0, 1, 1, 0, 1, 2, 0, 1, 1, 0, 0.0])
    second = np.array([3, 1, 1, 1, 1, 1, 0.0])
    proteins = [x[:, None] for x in (first, second, np.zeros(5))]
    row = table_of(proteins, np.array([0.5]), cluster=[0, 2, 1]).iloc[0]
    assert row["n_proteins"] == 2
    assert row["prevalence"] == 2 / 3
    assert row["active_share"] == 12 / 18
    assert (row["run_median"], row["run_n50"]) == (2, 2)  # of 2, 2, 2, 6; 6 of 12 residues in 2s
    assert row["whole_share"] == 6 / 12
    # The peak of the first is in the middle, that of the second at its first residue.
    assert (row["n_terminal_share"], row["c_terminal_share"]) == (1 / 2, 0)
    assert (row["repeated_share"], row["regular_share"]) == (6 / 12, 6 / 12)
    assert (row["spacing_median"], row["spacing_pair_share"]) == (3, 1)
    # Mass 7 in one cluster and 8 in another, of three.
    assert row["effective_clusters"] == pytest.approx(15**2 / (7**2 + 8**2))
    assert row["cluster_share"] == pytest.approx(row["effective_clusters"] / 3)


def slow_row(proteins: list[np.ndarray], threshold: float, cluster: list[int]) -> dict[str, float]:
    """The columns of one feature, residue by residue."""
    runs, spacings = [], []
    n_on = n_residues = n_proteins = at_start = at_end = whole = repeated = regular = 0
    mass = dict.fromkeys(cluster, 0)
    for x, own in zip(proteins, cluster, strict=True):
        on = [i for i, a in enumerate(x) if a > threshold]
        if not on:
            continue
        starts = [i for i in on if i - 1 not in on]
        ends = [i for i in on if i + 1 not in on]
        runs += [b - a + 1 for a, b in zip(starts, ends, strict=True)]
        gaps = [b - a for a, b in itertools.pairwise(starts)]
        n_proteins, n_on, n_residues = n_proteins + 1, n_on + len(on), n_residues + len(x)
        whole += len(on) * (len(on) / len(x) >= 0.8)
        peaks = [i for i in on if x[i] == max(x)]
        at_start += all(i < 30 and i < len(x) / 4 for i in peaks)
        at_end += all(len(x) - 1 - i < 30 and len(x) - 1 - i < len(x) / 4 for i in peaks)
        if len(starts) >= 3:
            spacings += gaps
            repeated += len(on)
            regular += len(on) * (np.std(gaps) / np.mean(gaps) <= 0.25)
        mass[own] += sum(round(16 * x[i] / threshold) for i in on)
    pairs = [sum(s in (k, k + 1) for s in spacings) for k in spacings]
    by_residue = sorted(length for length in runs for _ in range(length))
    total, squares = sum(mass.values()), sum(m**2 for m in mass.values())
    effective = total**2 / squares if squares else 0.0
    return {
        "n_proteins": n_proteins,
        "prevalence": n_proteins / len(proteins),
        "active_share": n_on / n_residues if n_on else 0.0,
        "run_median": sorted(runs)[(len(runs) - 1) // 2] if runs else np.nan,
        "run_n50": by_residue[(n_on - 1) // 2] if runs else np.nan,
        "whole_share": whole / n_on if n_on else 0.0,
        "n_terminal_share": at_start / n_proteins if n_on else 0.0,
        "c_terminal_share": at_end / n_proteins if n_on else 0.0,
        "repeated_share": repeated / n_on if n_on else 0.0,
        "regular_share": regular / n_on if n_on else 0.0,
        "spacing_median": sorted(spacings)[(len(spacings) - 1) // 2] if spacings else np.nan,
        "spacing_pair_share": max(pairs) / len(spacings) if spacings else 0.0,
        "effective_clusters": effective,
        "cluster_share": effective / len(mass),
    }


def random_proteins(seed: int) -> tuple[list[np.ndarray], list[int]]:
    """Proteins of 1 to 40 residues, features from never on to always, equal peaks; clusters."""
    rng = np.random.default_rng(seed)
    density = np.array([0, 0.05, 0.2, 0.5, 0.8, 0.95, 1])
    proteins = [
        rng.integers(1, 4, (length, 7)) * (rng.random((length, 7)) < density) * np.float32(0.7)
        for length in rng.integers(1, 41, rng.integers(1, 14))
    ]
    return proteins, rng.integers(0, 5, len(proteins)).tolist()


@pytest.mark.parametrize("seed", range(200))
def test_against_brute_force(seed: int) -> None:
    proteins, cluster = random_proteins(seed)
    threshold = np.full(7, 0.75)
    table = table_of(proteins, threshold, cluster)
    for f in range(7):
        expected = slow_row([p[:, f] for p in proteins], 0.75, cluster)
        assert table.drop(columns="kind").iloc[f].to_dict() == pytest.approx(expected, nan_ok=True)


@pytest.mark.parametrize("block_features", [2, patterns_module.BLOCK_FEATURES])
def test_the_order_and_grouping_change_no_bit(
    block_features: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(patterns_module, "BLOCK_FEATURES", block_features)
    proteins, cluster = random_proteins(1)
    # Activations whose floating-point sums depend on the order.
    rng = np.random.default_rng(0)
    proteins = [p * rng.random(p.shape).astype(np.float32) for p in proteins]
    threshold = np.full(7, 0.1, np.float32)
    patterns = ActivationPatterns(threshold, max(cluster) + 1)
    for protein, own in reversed(list(zip(proteins, cluster, strict=True))):
        x = sparse.csc_array(protein)
        patterns.update(x, np.array([len(protein)]), np.array([own]))
    pd.testing.assert_frame_equal(
        patterns.table(), table_of(proteins, threshold, cluster), check_exact=True
    )


@pytest.mark.parametrize("factor", [0.1, 10])
def test_the_scale_of_a_feature_changes_nothing(factor: float) -> None:
    rng = np.random.default_rng(0)
    proteins = [
        (rng.exponential(size=(n, 7)) * (rng.random((n, 7)) < 0.4)).astype(np.float32)
        for n in LENGTHS
    ]

    def scaled(by: float) -> pd.DataFrame:
        own = [protein * np.float32(by) for protein in proteins]
        return table_of(own, on_thresholds(sparse.csc_array(np.concatenate(own))))

    exact = [c for c in scaled(1).columns if c not in ("effective_clusters", "cluster_share")]
    pd.testing.assert_frame_equal(scaled(1)[exact], scaled(factor)[exact], check_exact=True)
    # The rounding of the mass, to 1 / 16 of the threshold, may fall either way.
    np.testing.assert_allclose(
        scaled(1)["effective_clusters"], scaled(factor)["effective_clusters"], rtol=1e-4
    )


def test_a_protein_read_backwards_swaps_its_ends() -> None:
    proteins, cluster = random_proteins(3)
    threshold = np.full(7, 0.75)
    table = table_of(proteins, threshold, cluster)
    turned = table_of([p[::-1] for p in proteins], threshold, cluster)
    assert table["n_terminal_share"].tolist() == turned["c_terminal_share"].tolist()
    assert table["c_terminal_share"].tolist() == turned["n_terminal_share"].tolist()


def test_rows_in_any_order_within_a_column() -> None:
    ordered = sparse.csc_array(np.array([[1.0], [0], [2], [3]]))
    shuffled = sparse.csc_array(
        (np.array([3.0, 1, 2]), np.array([3, 0, 2]), np.array([0, 3])), shape=(4, 1)
    )
    tables = []
    for x in (ordered, shuffled):
        patterns = ActivationPatterns(np.array([0.5]), 1)
        patterns.update(x, np.array([4]), np.array([0]))
        tables.append(patterns.table())
    pd.testing.assert_frame_equal(*tables)


@pytest.mark.parametrize("threshold", [0.0, -1.0, np.nan])
def test_a_threshold_that_is_not_above_zero(threshold: float) -> None:
    with pytest.raises(ValueError, match=r"feature 1: threshold .*, expected above 0"):
        ActivationPatterns(np.array([1.0, threshold]), 1)
