import itertools

import pytest
import torch

from benchmarks.planted_scores import (
    atom_cosines,
    match_atoms,
    mean_max_cosine,
    recovered_share,
    support_f1,
)

N, D, A, F = 13, 5, 7, 11


def random_cosines(n_atoms: int = A, n_features: int = F, seed: int = 0) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    atoms_AD = torch.randn(n_atoms, D, generator=generator)
    return atom_cosines(atoms_AD, torch.randn(n_features, D, generator=generator))


def test_cosines_by_hand() -> None:
    atoms = torch.tensor([[2.0, 0.0], [0.0, 0.5]])
    decoder = torch.tensor([[3.0, 4.0], [-7.0, 0.0], [0.0, 0.0]])
    expected = torch.tensor([[0.6, -1.0, 0.0], [0.8, 0.0, 0.0]])
    torch.testing.assert_close(atom_cosines(atoms, decoder), expected)


def test_cosines_have_a_row_per_atom_and_ignore_lengths() -> None:
    generator = torch.Generator().manual_seed(1)
    atoms_AD = torch.randn(A, D, generator=generator)
    decoder_FD = torch.randn(F, D, generator=generator)
    found = atom_cosines(atoms_AD, decoder_FD)
    assert found.shape == (A, F)
    one_by_one = torch.nn.functional.cosine_similarity(atoms_AD[2], decoder_FD, dim=1)
    torch.testing.assert_close(found[2], one_by_one)
    torch.testing.assert_close(atom_cosines(3 * atoms_AD, 0.1 * decoder_FD), found)


def test_a_decoder_that_holds_the_atoms_in_another_order_recovers_all() -> None:
    atoms_AD = torch.randn(A, D, generator=torch.Generator().manual_seed(2))
    order = torch.tensor([3, 0, 6, 1, 5, 2, 4])
    cosine_AF = atom_cosines(atoms_AD, 0.3 * atoms_AD[order])
    assert mean_max_cosine(cosine_AF) == pytest.approx(1, abs=1e-6)
    assert recovered_share(cosine_AF, 0.999) == 1
    atoms, features = match_atoms(cosine_AF)
    assert atoms.tolist() == list(range(A))
    assert order[features].tolist() == list(range(A))


def test_an_inverted_atom_is_not_recovered() -> None:
    cosine_AF = atom_cosines(torch.eye(2), torch.tensor([[1.0, 0.0], [0.0, -1.0]]))
    assert mean_max_cosine(cosine_AF) == 0.5
    assert recovered_share(cosine_AF, 0.9) == 0.5


def test_the_bound_counts_as_recovered() -> None:
    cosine_AF = torch.tensor([[0.5, 0.25], [0.0, 0.4375]])
    assert recovered_share(cosine_AF, 0.5) == 0.5
    assert recovered_share(cosine_AF, 0.4375) == 1


def test_two_atoms_cannot_share_a_match() -> None:
    """Both are nearest to feature 1; the largest sum gives it to the second."""
    cosine_AF = torch.tensor([[0.5, 0.9, 0.0], [0.1, 0.8, 0.2]])
    assert cosine_AF.argmax(1).tolist() == [1, 1]
    atoms, features = match_atoms(cosine_AF)
    assert atoms.tolist() == [0, 1]
    assert features.tolist() == [0, 1]


@pytest.mark.parametrize("seed", range(5))
def test_matching_is_the_best_of_all(seed: int) -> None:
    cosine_AF = random_cosines(4, 5, seed)
    atoms, features = match_atoms(cosine_AF)
    best = max(
        sum(float(cosine_AF[a, f]) for a, f in enumerate(chosen))
        for chosen in itertools.permutations(range(5), 4)
    )
    assert float(cosine_AF[atoms, features].sum()) == pytest.approx(best)


def test_with_fewer_features_than_atoms_each_feature_gets_one() -> None:
    atoms, features = match_atoms(random_cosines(A, 3))
    assert len(atoms) == 3
    assert sorted(features.tolist()) == [0, 1, 2]
    assert atoms.tolist() == sorted(set(atoms.tolist()))


def test_support_by_hand() -> None:
    present = torch.tensor([[1, 1, 0], [0, 0, 1], [0, 0, 0], [1, 0, 0]]).bool()
    active = torch.tensor([[1, 0, 1], [0, 0, 1], [0, 1, 0], [0, 0, 0]]).bool()
    # TP 2; FP 2 (rows 0 and 2); FN 2 (rows 0 and 3).
    precision, recall = 2 / 4, 2 / 4
    expected = 2 * precision * recall / (precision + recall)
    assert support_f1(present, active) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("present", "active", "expected"),
    [
        pytest.param(True, True, 1.0, id="all found"),
        pytest.param(True, False, 0.0, id="none found"),
        pytest.param(False, True, 0.0, id="none to find"),
        pytest.param(False, False, 0.0, id="nothing anywhere"),
    ],
)
def test_support_at_the_ends(present: bool, active: bool, expected: float) -> None:
    shape = (N, A)
    assert support_f1(torch.full(shape, present), torch.full(shape, active)) == expected
