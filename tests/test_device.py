import psutil
import pytest
import torch

from protsae.device import find_device, free_memory, keep_freed_memory
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
