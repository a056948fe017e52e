"""When sums over active features take the place of matrix products."""

import pytest
import torch

from protsae.sae.sparse import few
from protsae.sae.sparse.few import above, positive, where_few

N, F = 13, 23


@pytest.mark.parametrize("dtype", few.MOST_ACTIVE, ids=str)
def test_sums_up_to_a_share_of_active_features(dtype: torch.dtype) -> None:
    most = int(few.MOST_ACTIVE[dtype] * N * F)
    active_NF = torch.zeros(N, F, dtype=torch.bool)
    active_NF.view(-1)[torch.randperm(N * F, generator=torch.manual_seed(0))[:most]] = True
    support = where_few(active_NF, dtype)
    assert support is not None
    places = torch.stack([support.rows, support.features], 1)
    assert torch.equal(places, active_NF.nonzero())
    assert (support.n_rows, support.n_features) == (N, F)
    active_NF.view(-1)[active_NF.flatten().logical_not().nonzero()[0]] = True
    assert where_few(active_NF, dtype) is None


def test_sums_where_nothing_is_active() -> None:
    support = where_few(torch.zeros(N, F, dtype=torch.bool), torch.float32)
    assert support is not None
    assert support.row_offsets.tolist() == [0] * (N + 1)


@pytest.mark.parametrize("dtype", few.MOST_ACTIVE, ids=str)
def test_positive(dtype: torch.dtype) -> None:
    pre_NF = torch.tensor([[0.0, 1e-30, -0.0], [-1.0, 7.0, -1e-30]]).to(dtype)
    assert positive(pre_NF).tolist() == [[False, True, False], [False, True, False]]


@pytest.mark.parametrize("least", [0.0, -0.5])
@pytest.mark.parametrize("dtype", few.MOST_ACTIVE, ids=str)
def test_above(dtype: torch.dtype, least: float) -> None:
    pre_NF = torch.randn(N, F, generator=torch.manual_seed(0)).to(dtype)
    edge_F = (torch.rand(F, generator=torch.manual_seed(1)) + least).to(dtype)
    edge_F[:3] = torch.tensor([0.0, -0.0, 0.5])
    pre_NF[:3, :3] = edge_F[:3]
    assert torch.equal(above(pre_NF, edge_F), pre_NF > edge_F)
