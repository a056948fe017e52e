"""Kernels against PyTorch: compiled where there is a GPU, elsewhere by Triton's interpreter."""

import os
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from protsae.sae.sparse import support as sparse
from protsae.sae.sparse.support import Support, decode_selected, gather_sum, scatter_sum

DEVICE = "cuda" if torch.cuda.is_available() else "cpu"
if DEVICE == "cpu":
    os.environ["TRITON_INTERPRET"] = "1"  # read as kernels are declared: before their import
pytest.importorskip("triton", reason="triton is not installed")
kernels = import_module("protsae.sae.sparse.triton_kernels")

R = 37
SIZES = {
    "ragged": [3, 0, 1, 101, 0, 31, 32, 33, 0],
    "one bag of all": [173],
    "one member": [1],
    "empty bags alone": [0, 0],
    "no bags": [],
}


def random_bags(
    seed: int, sizes: list[int], d: int, dtype: torch.dtype
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Values, table, indices and offsets, on the CPU; values in float32 at least."""
    generator = torch.Generator().manual_seed(seed)
    offsets = F.pad(torch.tensor(sizes, dtype=torch.int64).cumsum(0), (1, 0))
    indices = torch.randint(R, (sum(sizes),), generator=generator)
    table_RD = torch.randn(R, d, generator=generator, dtype=torch.float64).to(dtype)
    values = torch.randn(sum(sizes), generator=generator, dtype=torch.float64)
    return (
        values.to(max(dtype, torch.float32, key=lambda t: t.itemsize)),
        table_RD,
        indices,
        offsets,
    )


def on_device(*tensors: Tensor) -> list[Tensor]:
    return [tensor.to(DEVICE) for tensor in tensors]


def embedding_bag(values: Tensor, table_RD: Tensor, indices: Tensor, offsets: Tensor) -> Tensor:
    return F.embedding_bag(
        indices,
        table_RD.to(values.dtype),
        offsets,
        per_sample_weights=values,
        mode="sum",
        include_last_offset=True,
    )


def test_sums_by_hand() -> None:
    """Row 0 twice and row 2 once; nothing; row 1."""
    table_RD = torch.tensor([[1.0, 10.0, 100.0], [2.0, 20.0, 200.0], [3.0, 30.0, 300.0]])
    values = torch.tensor([0.5, 2.0, 1.5, -1.0])
    indices, offsets = torch.tensor([0, 2, 0, 1]), torch.tensor([0, 3, 3, 4])
    sums_BD = kernels.bag_sum(*on_device(values, table_RD, indices, offsets))
    assert sums_BD.tolist() == [[8.0, 80.0, 800.0], [0.0, 0.0, 0.0], [-2.0, -20.0, -200.0]]


def test_products_by_hand() -> None:
    """Rows 0 and 2 with the gradient of bag 0, row 1 with that of bag 2."""
    table_RD = torch.tensor([[1.0, 10.0, 100.0], [2.0, 20.0, 200.0], [3.0, 30.0, 300.0]])
    gradient_BD = torch.tensor([[1.0, 0.0, -1.0], [7.0, 7.0, 7.0], [0.5, 2.0, 0.0]])
    bags, indices = torch.tensor([0, 0, 2]), torch.tensor([0, 2, 1])
    products = kernels.bag_dot(*on_device(gradient_BD, table_RD, bags, indices))
    assert products.tolist() == [-99.0, -297.0, 41.0]


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float64], ids=str)
@pytest.mark.parametrize("d", [1, 5, 131])
@pytest.mark.parametrize("sizes", SIZES.values(), ids=SIZES.keys())
def test_sums_and_gradients_are_those_of_embedding_bag(
    sizes: list[int], d: int, dtype: torch.dtype
) -> None:
    values, table_RD, indices, offsets = random_bags(0, sizes, d, dtype)
    values.requires_grad_()
    here = [tensor.detach().to(DEVICE) for tensor in (values, table_RD, indices, offsets)]
    here[0].requires_grad_()
    found_BD, wanted_BD = kernels.bag_sum(*here), embedding_bag(values, table_RD, indices, offsets)
    torch.testing.assert_close(found_BD.cpu(), wanted_BD, atol=2e-5, rtol=1e-5)

    weights_BD = torch.randn(wanted_BD.shape, generator=torch.Generator().manual_seed(1))
    weights_BD = weights_BD.to(values.dtype)
    (found,) = torch.autograd.grad(found_BD, here[0], weights_BD.to(DEVICE))
    (wanted,) = torch.autograd.grad(wanted_BD, values, weights_BD)
    torch.testing.assert_close(found.cpu(), wanted, atol=2e-5, rtol=1e-5)


def test_gradient_is_that_of_the_dense_product() -> None:
    """In float64 by autograd, of values in float32."""
    values, table_RD, indices, offsets = random_bags(3, SIZES["ragged"], 131, torch.float32)
    bags = torch.arange(len(offsets) - 1).repeat_interleave(offsets.diff())
    exact = values.double().requires_grad_()
    codes_BR = torch.zeros(len(offsets) - 1, R, dtype=torch.float64)
    dense_BD = codes_BR.index_put((bags, indices), exact, accumulate=True) @ table_RD.double()
    (wanted,) = torch.autograd.grad(dense_BD.square().sum(), exact)

    here = on_device(values, table_RD, indices, offsets)
    here[0].requires_grad_()
    (found,) = torch.autograd.grad(kernels.bag_sum(*here).square().sum(), here[0])
    scale = float(wanted.abs().max())
    torch.testing.assert_close(found.cpu().double(), wanted, atol=1e-6 * scale, rtol=1e-6)


def test_views_with_strides() -> None:
    values, table_RD, indices, offsets = on_device(*random_bags(4, [5, 2], 7, torch.float32))
    wanted_BD = kernels.bag_sum(values, table_RD, indices, offsets)
    column_major_RD = table_RD.T.contiguous().T
    others = [torch.stack([one, one + 1], 1)[:, 0] for one in (values, indices, offsets)]
    found_BD = kernels.bag_sum(others[0], column_major_RD, *others[1:])
    assert torch.equal(found_BD, wanted_BD)

    wanted = kernels.bag_dot(table_RD, table_RD, indices, indices)
    found = kernels.bag_dot(column_major_RD, column_major_RD, others[1], others[1])
    assert torch.equal(found, wanted)


def test_what_is_not_finite_stays_in_its_bag() -> None:
    """Bags of one tile and a bit lie side by side, and a tile reaches into the next bag."""
    values, table_RD, indices, offsets = random_bags(8, [33, 33, 33], 5, torch.float32)
    values[33:66], indices[:33], indices[66:] = float("nan"), 1, 2
    table_RD[0] = float("inf")  # the row that masked members would name
    sums_BD = kernels.bag_sum(*on_device(values, table_RD, indices, offsets))
    assert sums_BD.isfinite().all(1).tolist() == [True, False, True]


def test_a_table_beyond_int32() -> None:
    """Of 2^31 + 1,024 numbers, of which only the first and the last row are touched."""
    table_RD = torch.empty(2**21 + 1, 1024, dtype=torch.bfloat16, device=DEVICE)
    table_RD[0], table_RD[-1] = 1, torch.arange(1024) % 128
    values, indices, offsets, bags = on_device(
        torch.tensor([2.0, 3.0]), *map(torch.tensor, ([2**21, 0], [0, 1, 2], [0, 1]))
    )
    sums_BD = kernels.bag_sum(values, table_RD, indices, offsets)
    assert torch.equal(sums_BD[0], 2 * table_RD[-1].float())
    assert torch.equal(sums_BD[1], torch.full_like(sums_BD[1], 3))
    products = kernels.bag_dot(torch.ones_like(sums_BD), table_RD, bags, indices)
    assert products.tolist() == [8 * sum(range(128)), 1024]


def test_a_table_has_no_gradient() -> None:
    values, table_RD, indices, offsets = on_device(*random_bags(5, [2], 3, torch.float32))
    sums_BD = kernels.bag_sum(values, table_RD.requires_grad_(), indices, offsets)
    with pytest.raises(AssertionError, match="a table has no gradient here"):
        sums_BD.sum().backward()


def random_codes(n: int, n_features: int) -> Tensor:
    """A fifth active; row 3 and feature 7 empty, feature 2 active on all other rows."""
    generator = torch.Generator().manual_seed(6)
    codes_NF = torch.rand(n, n_features, generator=generator)
    codes_NF *= torch.rand(n, n_features, generator=generator) < 0.2
    codes_NF[:, 2] = 1
    codes_NF[3], codes_NF[:, 7] = 0, 0
    return codes_NF


def sums_and_gradients(codes_NF: Tensor, d: int, device: str) -> list[Tensor]:
    """Of ``gather_sum``, ``scatter_sum`` and ``decode_selected``, moved to the CPU."""
    generator = torch.Generator().manual_seed(7)
    n, n_features = codes_NF.shape
    decoder_FD = torch.randn(n_features, d, generator=generator).to(device).requires_grad_()
    x_ND = torch.randn(n, d, generator=generator).to(device)
    rows, features = codes_NF.nonzero().to(device).unbind(1)
    support = Support(rows, features, n, n_features)
    values = codes_NF.to(device)[rows, features].requires_grad_()
    rebuilt_ND = decode_selected(support, values, decoder_FD)
    gradients = torch.autograd.grad((rebuilt_ND - x_ND).square().sum(), (values, decoder_FD))
    gathered_ND = gather_sum(support, values.detach(), decoder_FD.detach())
    scattered_FD = scatter_sum(support, values.detach(), x_ND)
    found = [rebuilt_ND.detach(), *gradients, gathered_ND, scattered_FD]
    return [tensor.cpu() for tensor in found]


def assert_close_and_repeatable(n: int, n_features: int, d: int, wanted: list[Tensor]) -> None:
    found = sums_and_gradients(random_codes(n, n_features), d, DEVICE)
    for one, two in zip(found, wanted, strict=True):
        torch.testing.assert_close(one, two, atol=1e-5 * float(two.abs().max()), rtol=1e-5)
    again = sums_and_gradients(random_codes(n, n_features), d, DEVICE)
    assert all(torch.equal(one, two) for one, two in zip(found, again, strict=True))


def test_training_by_kernels(monkeypatch: pytest.MonkeyPatch) -> None:
    wanted = sums_and_gradients(random_codes(61, 23), 131, "cpu")
    monkeypatch.setattr(sparse, "_bag_sum", kernels.bag_sum)
    assert_close_and_repeatable(61, 23, 131, wanted)


@pytest.mark.skipif(DEVICE == "cpu", reason="no CUDA device here")
def test_cuda_takes_the_kernels_and_gives_what_the_cpu_gives(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    n, n_features, d = 1021, 251, 1283
    wanted = sums_and_gradients(random_codes(n, n_features), d, "cpu")
    monkeypatch.setattr(F, "embedding_bag", lambda *_, **__: pytest.fail("not by kernels"))
    assert_close_and_repeatable(n, n_features, d, wanted)


choose = sparse._bag_sum_on.__wrapped__  # not remembered from test to test


def test_kernels_that_run_are_chosen() -> None:
    assert choose(torch.device(DEVICE)) is kernels.bag_sum


def test_where_kernels_fail_pytorch_sums(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Tensor) -> Tensor:
        raise RuntimeError("Failed to find C compiler")

    monkeypatch.setattr(kernels, "bag_sum", fail)
    message = r"without Triton, which fails \(RuntimeError: Failed to find C compiler\)"
    with pytest.warns(UserWarning, match=message):
        assert choose(torch.device(DEVICE)) is sparse._embedding_bag


def test_without_triton_pytorch_sums(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "protsae.sae.sparse.triton_kernels", None)
    assert choose(torch.device(DEVICE)) is sparse._embedding_bag


COMPILE = """
import re
import triton
from triton.backends.compiler import GPUTarget
from triton.compiler import ASTSource
from protsae.sae.sparse import triton_kernels as kernels

ROWS = dict.fromkeys(["indices", "offsets", "bags"], "*i64") | {"d": "i32", "n_members": "i32"}

for kernel, members, columns in (
    (kernels._bag_sum, kernels.MEMBERS, kernels.COLUMNS),
    (kernels._bag_dot, kernels.DOT_MEMBERS, kernels.DOT_COLUMNS),
):
    tile = {"MEMBERS": members, "COLUMNS": columns}
    one_column = {"MEMBERS": members, "COLUMNS": 1, "d": 1}  # Triton takes a 1 as a constant
    for own, table, constants in (
        ("*fp32", "*fp32", tile),
        ("*fp32", "*fp32", one_column),
        ("*fp32", "*bf16", tile),
        ("*fp64", "*fp64", tile),
    ):
        types = ROWS | {"table": table} | dict.fromkeys(constants, "constexpr")
        signature = {name: types.get(name, own) for name in kernel.arg_names}
        source = ASTSource(kernel, signature, constants)
        target = GPUTarget("cuda", 80, 32)
        options = {"enable_fp_fusion": True, "num_warps": kernels.WARPS}
        ptx = triton.compile(source, target=target, options=options).asm["ptx"]
        assert not re.search(r"\\b(atom|red)[.]", ptx)
"""


def test_kernels_compile_without_atomics(tmp_path: Path) -> None:
    """For compute capability 8.0, on any machine: the interpreter takes more than the compiler."""
    environment = {**os.environ, "TRITON_INTERPRET": "0", "TRITON_CACHE_DIR": str(tmp_path)}
    # Triton itself calls what Python 3.13 deprecates.
    warnings = ["-W", "error", "-W", "ignore::DeprecationWarning"]
    command = [sys.executable, *warnings, "-c", COMPILE]
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
