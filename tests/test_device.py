import psutil
import pytest
import torch

from protsae.device import (
    chosen_precision,
    find_device,
    free_memory,
    keep_freed_memory,
    products_dtype,
    slow_precision,
)
from protsae.errors import UserError


def test_the_cpu_is_always_there() -> None:
    assert find_device("cpu") == torch.device("cpu")


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA device")
def test_cuda_where_there_is_none() -> None:
    message = "device: cuda was asked for, but torch finds no CUDA device; set auto or cpu"
    with pytest.raises(UserError, match=f"^{message}$"):
        find_device("cuda")
    assert find_device("auto") == torch.device("cpu")


def test_free_memory_is_the_machines() -> None:
    free = free_memory(torch.device("cpu"))
    assert 0 < free <= psutil.virtual_memory().total


def test_kept_memory_changes_no_result() -> None:
    before = torch.arange(7_000_000).sum()
    keep_freed_memory()
    assert torch.arange(7_000_000).sum() == before


CPU, GPU = torch.device("cpu"), torch.device("cuda")
OLD: dict[str, bool] = {"avx2": True, "avx512_bf16": False}
NEW = {"avx2": True, "avx512_bf16": True}


@pytest.mark.parametrize("name", ["float32", "bfloat16", "float16", "float64"])
def test_products_as_they_are_asked_for(name: str) -> None:
    assert products_dtype(name, CPU) == getattr(torch, name)


@pytest.mark.parametrize(
    ("has", "dtype", "says"),
    [
        (NEW, torch.bfloat16, "x: auto is bfloat16 here, which this processor has instructions"),
        ({"amx_bf16": True}, torch.bfloat16, "x: auto is bfloat16 here, which this processor has"),
        (OLD, torch.float32, "x: auto is float32 here, as this processor has no instructions for"),
        ({}, torch.float32, "x: auto is float32 here, as this processor has no instructions for"),
    ],
)
def test_fast_products_where_the_processor_has_them(
    has: dict[str, bool], dtype: torch.dtype, says: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: has)
    assert products_dtype("auto", CPU) == dtype
    assert chosen_precision("x", CPU).startswith(says)


@pytest.mark.parametrize(("fast", "dtype"), [(True, "bfloat16"), (False, "float32")])
def test_fast_products_where_the_gpu_has_them(
    fast: bool, dtype: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation: fast)
    assert products_dtype("auto", GPU) == getattr(torch, dtype)
    assert f"auto is {dtype} here, " in chosen_precision("x", GPU)
    assert "this GPU has " in chosen_precision("x", GPU)
    assert bool(slow_precision("x", "bfloat16", GPU)) is not fast
    assert slow_precision("x", "float16", GPU) == ""


@pytest.mark.parametrize(
    ("precision", "has", "slow"),
    [
        ("bfloat16", OLD, True),
        ("bfloat16", NEW, False),
        ("float16", NEW, True),
        ("float16", {"avx512_fp16": True}, False),
        ("float32", OLD, False),
        ("float64", OLD, False),
        ("auto", OLD, False),
        ("auto", NEW, False),
    ],
)
def test_a_slow_precision_is_told(
    precision: str, has: dict[str, bool], slow: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: has)
    line = (
        f"x: matrix products in {precision} are several times slower than in float32 on this "
        "processor, which has no instructions for them; set auto or float32"
    )
    assert slow_precision("x", precision, CPU) == (line if slow else "")
