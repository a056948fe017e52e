"""float16 to float32: exact, and the same with and without torch."""

import subprocess
import sys

import numpy as np

from protsae.io.hdf5.float16 import to_float32

EVERY = np.arange(2**16, dtype=np.uint16).view(np.float16).reshape(64, 1024)


def test_every_number_with_and_without_torch(monkeypatch):
    import torch  # noqa: F401

    by_torch, by_table = np.empty((2, *EVERY.shape), np.float32)
    to_float32(EVERY, by_torch)
    monkeypatch.delitem(sys.modules, "torch")
    to_float32(EVERY, by_table)
    numbers = ~np.isnan(EVERY)
    assert np.array_equal(by_torch[numbers], EVERY.astype(np.float32)[numbers])
    assert np.array_equal(by_table[numbers], by_torch[numbers])
    assert np.isnan(by_table[~numbers]).all()
    assert np.isnan(by_torch[~numbers]).all()


def test_probe_and_its_reader_load_no_torch():
    code = (
        "import sys, protsae.commands.concepts.probe, protsae.io.hdf5.activation_cache;"
        "sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
