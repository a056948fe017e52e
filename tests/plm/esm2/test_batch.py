"""Which tokens of a batch are residues, and attention in blocks of queries."""

import numpy as np
import pytest
import torch

from protsae.plm.esm2 import attention as module
from protsae.plm.esm2.attention import attend, attend_packed
from protsae.plm.esm2.batch import Packed, Rows, pack


def test_residues_are_neither_cls_nor_eos():
    batch = pack([np.array([4, 5]), np.array([32])])
    assert batch.residues_N.tolist() == [False, True, True, False, False, True, False]
    assert batch.longest == 4


def test_the_masked_share_of_each_sequence_of_a_row():
    """One of four, none of two; one of three, two of three."""
    tokens_BT = torch.tensor([[0, 32, 5, 2, 0, 2], [4, 32, 6, 32, 32, 7]])
    rows = Rows(tokens_BT, torch.tensor([[1, 1, 1, 1, 2, 2], [3, 3, 3, 4, 4, 4]]))
    expected = [1 / 4] * 4 + [0] * 2 + [1 / 3] * 3 + [2 / 3] * 3
    assert rows.masked_share_N.tolist() == pytest.approx(expected)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_attention_stays_within_its_sequence(dtype):
    """Heads of 8 columns, which a GPU's own kernel would take in bfloat16."""
    lengths = [5, 3, 3]
    generator = torch.Generator().manual_seed(0)
    q, k, v = (torch.randn(11, 2, 8, generator=generator) for _ in range(3))
    parts = [
        torch.einsum("hqt,thk->qhk", (torch.einsum("qhk,thk->hqt", a, b) / 8**0.5).softmax(-1), c)
        for a, b, c in zip(*(x.split(lengths) for x in (q, k, v)), strict=True)
    ]
    found = attend_packed(*(x.to(dtype) for x in (q, k, v)), lengths)
    assert found.dtype == dtype
    assert (found - torch.cat(parts)).abs().max() < (1e-5 if dtype == torch.float32 else 0.05)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
@pytest.mark.parametrize(
    "rows",
    [[7, 0, 10, 4, 9, 7], [6, 3], [5, 6, 8, 9], [*range(11)], []],
    ids=["any order", "one sequence", "as many of each", "all", "none"],
)
def test_attention_of_some_queries_is_that_of_all(rows, dtype):
    """Of sequences of 3, 3 and 5 tokens; one query comes twice."""
    generator = torch.Generator().manual_seed(0)
    q, k, v = (torch.randn(11, 2, 8, generator=generator, dtype=dtype) for _ in range(3))
    wanted = torch.tensor(rows, dtype=torch.int64)
    whole = attend_packed(q, k, v, [3, 3, 5])
    found = attend_packed(q, k, v, [3, 3, 5], wanted)
    torch.testing.assert_close(found, whole[wanted])
    packed = Packed(torch.zeros(11, dtype=torch.int64), (3, 3, 5))
    assert torch.equal(packed.attend(q, k, v, wanted), found)


def test_gradients_reach_the_keys_of_some_queries():
    generator = torch.Generator().manual_seed(0)
    qkv = [torch.randn(8, 2, 4, generator=generator, requires_grad=True) for _ in range(3)]
    rows = torch.tensor([6, 1])
    whole = torch.autograd.grad(attend_packed(*qkv, [3, 5])[rows].square().sum(), qkv)
    found = torch.autograd.grad(attend_packed(*qkv, [3, 5], rows).square().sum(), qkv)
    for one, other in zip(found, whole, strict=True):
        torch.testing.assert_close(one, other)


def test_rows_of_equal_length_give_the_tokens_that_are_wanted():
    generator = torch.Generator().manual_seed(0)
    q, k, v = (torch.randn(6, 2, 4, generator=generator) for _ in range(3))
    segments = torch.tensor([[1, 1, 2], [3, 3, 3]])
    batch, rows = Rows(torch.full((2, 3), 5), segments), torch.tensor([5, 2])
    assert torch.equal(batch.attend(q, k, v, rows), batch.attend(q, k, v)[rows])


@pytest.mark.parametrize("most", [1, 1500, 2**21])
def test_queries_in_blocks_give_the_same(most, monkeypatch):
    """40 tokens and heads of 24 columns: blocks of 16 queries at least, of 18, and all at once."""
    monkeypatch.setattr(module, "MAX_SCORES", most)
    generator = torch.Generator().manual_seed(0)
    q, k, v = (torch.randn(1, 40, 2, 24, generator=generator) for _ in range(3))
    scores = torch.einsum("bqhk,bthk->bhqt", q, k) / 24**0.5
    exact = torch.einsum("bhqt,bthk->bqhk", scores.softmax(-1), v)
    found = attend(*(x.bfloat16() for x in (q, k, v)))
    assert found.shape == exact.shape
    assert (found - exact).abs().max() < 0.05
