"""Sparse sums against the same with dense arrays."""

import numpy as np
import pytest
import torch
from torch import Tensor

from protsae.sae.autoencoder import Batch, columns_beside
from protsae.sae.sparse import largest
from protsae.sae.sparse.largest import (
    _ranked_in_rows,
    _ranked_of_all,
    fired,
    largest_in_rows,
    largest_of_all,
)
from protsae.sae.sparse.support import (
    Support,
    decode_selected,
    encode_selected,
    gather_sum,
    scatter_sum,
    spread,
)

N, D, F = 13, 5, 23
E = D + columns_beside(D)


def generator(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def random_codes(seed: int, share: float = 0.2) -> Tensor:
    """Dense codes; row 3 and feature 7 are empty."""
    codes_NF = torch.rand(N, F, generator=generator(seed))
    codes_NF *= torch.rand(N, F, generator=generator(seed + 1)) < share
    codes_NF[3], codes_NF[:, 7] = 0, 0
    return codes_NF


def sparse(codes_NF: Tensor) -> tuple[Support, Tensor]:
    rows, features = codes_NF.nonzero().unbind(1)
    return Support(rows, features, *codes_NF.shape), codes_NF[rows, features]


@pytest.mark.parametrize("share", [0.0, 0.2, 1.0], ids=["none", "some", "all"])
def test_sums_are_matrix_products(share: float) -> None:
    codes_NF = random_codes(0, share)
    support, values = sparse(codes_NF)
    table_FD = torch.randn(F, D, generator=generator(2))
    table_ND = torch.randn(N, D, generator=generator(3))
    torch.testing.assert_close(gather_sum(support, values, table_FD), codes_NF @ table_FD)
    torch.testing.assert_close(scatter_sum(support, values, table_ND), codes_NF.T @ table_ND)
    assert torch.equal(support.fired_F, (codes_NF > 0).any(0))


@pytest.mark.parametrize("seed", range(5))
def test_gradients_are_those_of_dense_arrays(seed: int) -> None:
    x_ND = torch.randn(N, D, generator=generator(seed))
    encoder = torch.randn(E, F, generator=generator(seed + 10), requires_grad=True)
    decoder = torch.randn(F, D, generator=generator(seed + 20), requires_grad=True)
    target = torch.randn(N, D, generator=generator(seed + 30))
    batch = Batch.of(x_ND)

    support, values = encode_selected(batch, encoder, lambda pre_NF: largest_in_rows(pre_NF, 4))
    loss = (decode_selected(support, values, decoder) - target).square().sum()
    found = torch.autograd.grad(loss, (encoder, decoder))

    pre_NF = batch.x1_NE @ encoder
    edge_N1 = pre_NF.topk(4, dim=1).values[:, -1:]
    dense = (pre_NF.relu() * (pre_NF >= edge_N1) @ decoder - target).square().sum()
    torch.testing.assert_close(loss, dense)
    for one, two in zip(found, torch.autograd.grad(dense, (encoder, decoder)), strict=True):
        torch.testing.assert_close(one, two, atol=1e-4, rtol=1e-4)


def test_where_rows_begin_by_hand() -> None:
    """Rows of 2, 0 and 1 non-zeros; features 0 and 3 of 4 without any."""
    support = Support(torch.tensor([0, 0, 2]), torch.tensor([1, 2, 1]), 3, 4)
    assert support.row_offsets.tolist() == [0, 2, 2, 3]
    order, offsets = support.by_feature
    assert order.tolist() == [0, 2, 1]
    assert offsets.tolist() == [0, 0, 2, 3, 3]
    assert support.fired_F.tolist() == [False, True, True, False]


@pytest.mark.parametrize("n_features", [2**15 - 1, 2**15], ids=["narrow", "wide"])
def test_by_feature_is_a_stable_sort_of_any_width(n_features: int) -> None:
    features = torch.randint(n_features - 50, n_features, (400,), generator=generator(1))
    support = Support(torch.arange(400), features, 400, n_features)
    order, offsets = support.by_feature
    assert torch.equal(order, features.argsort(stable=True))
    assert offsets.dtype == torch.int64
    assert torch.equal(offsets.diff(), torch.bincount(features, minlength=n_features))
    assert offsets[0] == 0


def test_no_gradient_where_nothing_is_selected() -> None:
    x_ND = torch.randn(N, D, generator=generator(1))
    encoder = torch.randn(E, F, generator=generator(2), requires_grad=True)
    decoder = torch.randn(F, D, generator=generator(3), requires_grad=True)
    empty = torch.zeros(0, dtype=torch.int64)
    nothing = Support(empty, empty, N, F)
    support, values = encode_selected(Batch.of(x_ND), encoder, lambda _: nothing)
    rebuilt_ND = decode_selected(support, values, decoder)
    assert torch.equal(rebuilt_ND, torch.zeros(N, D))
    for gradient in torch.autograd.grad(rebuilt_ND.sum(), (encoder, decoder)):
        assert not gradient.any()


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=str)
def test_selected_values_are_float32_of_the_products(dtype: torch.dtype) -> None:
    batch = Batch.of(torch.randn(N, D, generator=generator(1)), dtype)
    encoder = torch.randn(E, F, generator=generator(2))
    support, values = encode_selected(batch, encoder, lambda pre_NF: largest_in_rows(pre_NF, 3))
    assert values.dtype == torch.float32
    pre_NF = batch.x1_NE @ encoder.to(dtype)
    assert torch.equal(values, pre_NF[support.rows, support.features].float())


def places(support: Support) -> list[tuple[int, int]]:
    return list(zip(support.rows.tolist(), support.features.tolist(), strict=True))


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=str)
@pytest.mark.parametrize("seed", range(20))
def test_the_largest_against_torch(seed: int, dtype: torch.dtype) -> None:
    """bfloat16 has many ties: the values agree, whichever of equal ones is taken."""
    pre_NF = torch.randn(N, F, generator=generator(seed)).to(dtype)
    rows = largest_in_rows(pre_NF, 5)
    wanted = pre_NF.flatten()[_ranked_in_rows(pre_NF, 5)]
    assert torch.equal(pre_NF[rows.rows, rows.features].sort().values, wanted.sort().values)
    assert int(torch.bincount(rows.rows, minlength=N).max()) <= 5
    wanted = pre_NF.relu().flatten().topk(40).values
    for hint in (0.0, 0.5, 9.0):
        whole = largest_of_all(pre_NF, 40, hint)
        flat = _ranked_of_all(pre_NF, 40, hint)
        assert (flat.diff() > 0).all()
        for found in (pre_NF[whole.rows, whole.features], pre_NF.flatten()[flat]):
            assert torch.equal(found.sort(descending=True).values, wanted)
    for support in (rows, whole):
        assert places(support) == sorted(places(support))
        assert (pre_NF[support.rows, support.features] > 0).all()


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=str)
def test_of_equal_ones_the_first_are_taken(dtype: torch.dtype) -> None:
    pre_NF = torch.tensor([[1, 2, 1, 1, 3], [0, 0, 0, 0, 0], [1, 1, 1, 1, 1]]).to(dtype)
    assert places(largest_in_rows(pre_NF, 3)) == [
        *[(0, 0), (0, 1), (0, 4)],
        *[(2, 0), (2, 1), (2, 2)],
    ]
    assert places(largest_of_all(pre_NF, 4, 0.0)) == [(0, 0), (0, 1), (0, 2), (0, 4)]


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=str)
@pytest.mark.parametrize("hint", [0.0, 1e-38, 2.0])
def test_only_positive_ones_count_however_small(hint: float, dtype: torch.dtype) -> None:
    """Of 0, -0, negative, subnormal and tiny numbers, with room for all of them."""
    pre_NF = torch.tensor([[1.0, -2.0, 0.0], [1e-39, 1e-30, -0.0]]).to(dtype)
    positive = [(0, 0), (1, 0), (1, 1)]
    assert places(largest_in_rows(pre_NF, 3)) == positive
    assert places(largest_in_rows(pre_NF, 2)) == positive
    assert places(largest_of_all(pre_NF, 6, hint)) == positive
    assert places(largest_of_all(pre_NF, 4, hint)) == positive


@pytest.mark.parametrize("k", [1, 2, 5])
def test_of_no_positive_ones_none(k: int) -> None:
    pre_NF = -torch.ones(3, 5)
    pre_NF[1] = 0
    for support in (largest_in_rows(pre_NF, k), largest_of_all(pre_NF, 3 * k, 0.5)):
        assert places(support) == []
        assert support.row_offsets.tolist() == [0, 0, 0, 0]
        assert not support.fired_F.any()


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=str)
def test_fired(dtype: torch.dtype) -> None:
    f_NF = torch.tensor([[0.0, 1e-30, 0.0], [0.0, 0.0, 7.0]]).to(dtype)
    assert fired(f_NF).tolist() == [False, True, True]


def test_numbers_of_features_are_spread_over_their_non_zeros() -> None:
    support, values = sparse(random_codes(0))
    per_F = torch.randn(F, generator=generator(1), requires_grad=True)
    spread_out = spread(per_F, support)
    assert torch.equal(spread_out, per_F[support.features])
    (gradient,) = torch.autograd.grad(spread_out, per_F, values)
    torch.testing.assert_close(gradient, random_codes(0).sum(0))


def test_fired_where_some_values_are_0() -> None:
    support = Support(torch.tensor([0, 0, 2]), torch.tensor([1, 2, 1]), 3, 4)
    fired_F = support.fired_with(torch.tensor([0.0, 0.0, 2.0]))
    assert fired_F.tolist() == [False, True, False, False]


def first_by_sorting(pre_NF: Tensor, k: int) -> list[tuple[int, int]]:
    """The k largest positive ones of each row, the first of equal ones, by a stable sort."""
    order = (-pre_NF).argsort(dim=1, stable=True)[:, :k]
    return [
        (row, feature)
        for row in range(len(pre_NF))
        for feature in sorted(order[row].tolist())
        if pre_NF[row, feature] > 0
    ]


DTYPES = [torch.float32, torch.float64, torch.bfloat16]


@pytest.mark.parametrize("whole", [0, 8 * F], ids=["by a bound", "whole rows"])
@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("k", [1, 2, 5, 23])
@pytest.mark.parametrize("n_values", [1, 3, 1000])
def test_the_largest_of_a_row_against_sorting(
    k: int, n_values: int, dtype: torch.dtype, whole: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With many ties and with few, some rows negative: the first of equal ones are taken."""
    monkeypatch.setattr(largest, "WHOLE", whole)
    pre_NF = torch.randint(1, n_values + 1, (N, F), generator=generator(k)).float() / n_values
    pre_NF[:4] -= 0.9
    pre_NF = pre_NF.to(dtype)
    assert places(largest_in_rows(pre_NF, k)) == first_by_sorting(pre_NF, k)


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("n_features", [7, 101, 613])
@pytest.mark.parametrize("seed", range(5))
def test_rows_of_any_size(n_features: int, dtype: torch.dtype, seed: int) -> None:
    """Rows that say nothing of the next: tiny or huge, of one size or of many, mostly negative."""
    drawn = generator(seed)
    size_N1 = 10.0 ** torch.randint(-30, 31, (53, 1), generator=drawn).double()
    spread_N1 = torch.randint(0, 9, (53, 1), generator=drawn)
    pre_NF = torch.randn(53, n_features, generator=drawn).double()
    pre_NF = (size_N1 * pre_NF.sign() * pre_NF.abs() ** spread_N1).to(dtype)
    pre_NF[::3] -= 2 * size_N1[::3].to(dtype)
    for k in (1, 3, 7):
        assert places(largest_in_rows(pre_NF, k)) == first_by_sorting(pre_NF, k)


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_the_smallest_number_there_is_counts(dtype: torch.dtype) -> None:
    pre_NF = torch.zeros(2, 5, dtype=dtype)
    largest.keys(pre_NF)[:] = [[0, 1, 0, 1, 0], [1, 2, 0, 0, 1]]
    assert places(largest_in_rows(pre_NF, 1)) == [(0, 1), (1, 1)]
    assert places(largest_in_rows(pre_NF, 2)) == [(0, 1), (0, 3), (1, 0), (1, 1)]
    assert places(largest_in_rows(pre_NF, 3)) == [(0, 1), (0, 3), (1, 0), (1, 1), (1, 4)]


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_what_is_no_number_counts_as_large(dtype: torch.dtype) -> None:
    """So that it shows; also where every bit but the sign is 1, and there are more than k."""
    pre_NF = torch.ones(3, 11, dtype=dtype)
    pre_NF[0, 4], pre_NF[0, 6], pre_NF[0, 7] = torch.inf, torch.nan, 2.0
    pre_NF[1] = torch.nan
    largest.keys(pre_NF)[2] = np.iinfo(largest.keys(pre_NF).dtype).max
    found = places(largest_in_rows(pre_NF, 3))
    assert found[:6] == [(0, 4), (0, 6), (0, 7), (1, 0), (1, 1), (1, 2)]
    assert found[6:] == [(2, 0), (2, 1), (2, 2)]
