"""protsae's own files, damaged: what is read is what was written, or it is refused."""

import contextlib
import tempfile
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from hypothesis import strategies as st
from scipy import sparse

from protsae.io.hdf5.activation_cache import LayerCache, LayerFormat, write_shard
from protsae.io.hdf5.code_cache import StoredCodes, write_codes
from protsae.io.hdf5.shard_index import CacheSource
from protsae.io.json_files import read_document, write_document
from protsae.io.saes.sae_files import SaeSource, read_sae, write_sae
from protsae.io.table_files.parquet import read_table, write_table
from protsae.io.table_files.proteins_table import read_split_proteins
from protsae.schema.saes.training_table import TRAINING
from tests.fuzz.mutations import Files, altered
from tests.helpers.tiny_run import PROTEIN_SET, protein_rows, write_proteins

NAMES, LENGTHS, WIDTH = ["P1", "P2", "Q3"], [131, 3, 17], 5
SOURCE = CacheSource("esm2_tiny", "1" * 64, PROTEIN_SET, "{}", "0")
ROWS = np.random.default_rng(0).normal(size=(sum(LENGTHS), WIDTH)).astype(np.float16)
CODES = sparse.csr_array(np.maximum(ROWS.astype(np.float32), 0))
CURVE = pd.DataFrame({name: np.arange(1.0, 8.0) for name in TRAINING.names}).astype({"step": int})
DOCUMENT = {"model": "esm2_tiny", "layer": 3, "scores": [0.25, None, 1e-9], "name": "é"}
PROTEINS = protein_rows(7)
WEIGHTS = {
    "W_enc": torch.arange(35.0).reshape(5, 7),
    "b_enc": torch.arange(7.0),
    "W_dec": torch.arange(35.0).reshape(7, 5),
    "b_dec": torch.arange(5.0),
}
SAE = SaeSource("relu", None, "esm2_tiny", "1", 3, PROTEIN_SET, "2", 11, {}, {}, "0")


def _write_shard() -> None:
    layers = {3: LayerFormat(WIDTH, "float16")}
    with write_shard("x.h5", NAMES, LENGTHS, layers, SOURCE) as writer:
        writer.write(3, 0, ROWS)


def _read_shard() -> None:
    cache = LayerCache(["x.h5"], 3, PROTEIN_SET)
    assert cache.index.lengths() == dict(zip(NAMES, LENGTHS, strict=True))
    np.testing.assert_array_equal(cache.read(0, 0, len(ROWS)), ROWS.astype(np.float32))
    assert cache.source == SOURCE


def _write_codes() -> None:
    with write_codes("x.h5", NAMES, LENGTHS, {"topk": WIDTH}, {"topk": "0"}, SOURCE) as writer:
        writer.append("topk", CODES)


def _read_codes() -> None:
    codes = StoredCodes(["x.h5"], "topk", "0", PROTEIN_SET)
    ((names, found),) = codes.blocks(set(NAMES), 1000)
    assert names == NAMES
    np.testing.assert_array_equal(found.toarray(), CODES.toarray())


def _write_curve() -> None:
    write_table("x.parquet", CURVE, TRAINING, {"stage": "train"})


def _read_curve() -> None:
    pd.testing.assert_frame_equal(read_table("x.parquet", TRAINING), CURVE)


def _write_proteins() -> None:
    write_proteins(Path("x.parquet"), PROTEINS)


def _read_proteins() -> None:
    found, _ = read_split_proteins("x.parquet")
    pd.testing.assert_frame_equal(found, PROTEINS, check_dtype=False)


def _write_document() -> None:
    write_document("x.json", DOCUMENT)


def _read_document() -> None:
    assert read_document("x.json") == DOCUMENT


def _write_sae() -> None:
    write_sae("x", WEIGHTS, SAE)


def _read_sae() -> None:
    weights, source = read_sae("x")
    assert source == replace(SAE)
    assert all(torch.equal(weights[name], value) for name, value in WEIGHTS.items())


KINDS = {
    "activations": (_write_shard, _read_shard),
    "codes": (_write_codes, _read_codes),
    "table": (_write_curve, _read_curve),
    "proteins-table": (_write_proteins, _read_proteins),
    "document": (_write_document, _read_document),
    "sae": (_write_sae, _read_sae),
}
"""How a file of each kind is written; and read and compared with what was."""


@cache
def _good(kind: str) -> Files:
    """The files of a kind as they are written."""
    with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
        KINDS[kind][0]()
        return {str(f): f.read_bytes() for f in sorted(Path().rglob("*")) if f.is_file()}


@st.composite
def damaged_files(draw: st.DrawFn, kind: str) -> Files:
    """The files of a kind, one of them with up to three accidents or with a bit flipped."""
    files = dict(_good(kind))
    name = draw(st.sampled_from(sorted(files)))
    content = files[name]
    if draw(st.booleans()):
        files[name] = draw(altered(content))
        return files
    bit = draw(st.integers(0, 8 * len(content) - 1))
    changed = bytearray(content)
    changed[bit // 8] ^= 1 << bit % 8
    files[name] = bytes(changed)
    return files
