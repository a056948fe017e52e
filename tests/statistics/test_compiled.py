"""Compiled loops give what the same loops give in Python."""

import subprocess
import sys

import numpy as np
import pytest
from numba.core import caching

from protsae.statistics.compiled import compiled


def products(values: np.ndarray, times: int) -> np.ndarray:
    found = np.ones(len(values))
    for _ in range(times):
        for place in range(len(values)):
            found[place] *= values[place]
    return found


@pytest.mark.parametrize("dtype", [np.int32, np.int64, np.float32, np.float64])
def test_of_any_type(dtype: type) -> None:
    values = np.array([2, 3, 5], dtype)
    assert compiled(products)(values, 3).tolist() == products(values, 3).tolist() == [8, 27, 125]


def test_without_a_folder_that_can_be_written(monkeypatch: pytest.MonkeyPatch) -> None:
    """As in a container without a home: numba has no place for what it compiles, and refuses."""
    monkeypatch.setattr(caching.CacheImpl, "_locator_classes", [])
    assert compiled(products)(np.array([7.0]), 2).tolist() == [49]


@pytest.mark.parametrize("fault", [OSError(28, "No space left on device"), EOFError()])
@pytest.mark.parametrize("when", ["load_overload", "save_overload"])
def test_a_cache_that_is_full_or_damaged(
    fault: Exception, when: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: object) -> None:
        raise fault

    monkeypatch.setattr(caching.FunctionCache, when, fails)
    cubed = compiled(products)
    assert cubed(np.array([3.0]), 3).tolist() == cubed(np.array([3.0]), 3).tolist() == [27]
    assert cubed(np.array([3]), 3).tolist() == [27], "another type is compiled without a cache"


def test_a_cache_that_fills_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """With the second type that a loop is called with."""
    cubed = compiled(products)
    assert cubed(np.array([3.0]), 3).tolist() == [27]

    def fails(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(caching.FunctionCache, "load_overload", fails)
    assert cubed(np.array([3]), 3).tolist() == [27]


def test_numba_is_imported_by_the_first_call_only() -> None:
    code = """
import sys
import numpy as np
from protsae.statistics.sums.convolution import convolve
before = "numba" in sys.modules
convolve(np.array([0, 1]), np.full(2, 0.5), np.array([0]))
print(before, "numba" in sys.modules)
"""
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert said.stdout == "False True\n"


def test_a_process_that_others_are_forked_from_gets_ready() -> None:
    code = """
import sys
from protsae.statistics.compiled import start_compiler
start_compiler()
print("numba" in sys.modules)
"""
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert said.stdout == "True\n"
