from typing import Any

import pytest
import torch

from protsae.plm.esm2.attention import _has_flash


class OnGpu:
    """What is asked of queries that are on a GPU."""

    is_cuda, device = True, "cuda"

    def __init__(self, n_columns: int, dtype: torch.dtype):
        self.shape, self.dtype = (7, 5, n_columns), dtype


@pytest.mark.parametrize(
    ("n_columns", "dtype", "capability", "has"),
    [
        (16, torch.bfloat16, (8, 0), True),
        (16, torch.float16, (9, 0), True),
        (12, torch.bfloat16, (8, 0), False),
        (16, torch.bfloat16, (7, 5), False),
        (16, torch.float32, (8, 0), False),
    ],
)
def test_flash_attention_is_for_half_precision_on_gpus_since_ampere(
    n_columns: int,
    dtype: torch.dtype,
    capability: tuple[int, int],
    has: bool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda _: capability)
    queries: Any = OnGpu(n_columns, dtype)
    assert _has_flash(queries) == has


def test_not_on_a_processor() -> None:
    assert not _has_flash(torch.zeros((7, 5, 16), dtype=torch.bfloat16))
