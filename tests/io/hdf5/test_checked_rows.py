"""Blocks of rows: where they begin, and that every byte of them counts."""

import re
from pathlib import Path

import h5py
import numpy as np
import pytest

from protsae.errors import UserError
from protsae.io.hdf5.activation_cache import KIND, LayerCache, LayerFormat, write_shard
from protsae.io.hdf5.checked_rows import BLOCK_ROWS, _blocks, block_starts
from protsae.io.hdf5.shard_index import CacheSource, seal_header

LENGTHS = [131, 3, 257]
D_MODEL = 5
SET = "0" * 64
SOURCE = CacheSource("esm2_tiny", "1" * 64, SET, "{}", "0")
ROWS = np.random.default_rng(0).normal(size=(sum(LENGTHS), D_MODEL))


def write(path: Path, dtype: str = "float16", compression: str = "none", step: int = 7) -> Path:
    """Two layers, the second the negative of the first; in pieces that are no blocks."""
    rows = ROWS.astype(dtype)
    layers = {1: LayerFormat(D_MODEL, dtype), 2: LayerFormat(D_MODEL, dtype)}
    names = [f"P{i}" for i in range(len(LENGTHS))]
    with write_shard(path, names, LENGTHS, layers, SOURCE, compression) as writer:  # type: ignore[arg-type]
        for first in reversed(range(0, len(rows), step)):
            writer.write(1, first, rows[first : first + step])
            writer.write(2, first, -rows[first : first + step])
    return path


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        pytest.param((0, 261), [0, 1, 2, 3], id="all"),
        pytest.param((128, 130), [1], id="a whole block"),
        pytest.param((127, 129), [0, 1], id="parts of two"),
        pytest.param((132, 133), [2], id="its last row"),
        pytest.param((64, 64), [], id="none, within a block"),
        pytest.param((128, 128), [], id="none, between two"),
    ],
)
def test_blocks_that_have_some_rows(rows: tuple[int, int], expected: list[int]) -> None:
    starts = np.array([0, 128, 130, 133, 261])
    found = list(_blocks(starts, *rows))
    assert found == [(block, starts[block], starts[block + 1]) for block in expected]


@pytest.mark.parametrize(
    ("lengths", "starts"),
    [
        ([1], [0, 1]),
        ([BLOCK_ROWS], [0, 128]),
        (LENGTHS, [0, 128, 131, 134, 262, 390, 391]),
    ],
)
def test_a_block_is_at_most_128_rows_of_one_protein(lengths: list[int], starts: list[int]) -> None:
    assert block_starts(lengths).tolist() == starts


@pytest.mark.parametrize("step", [1, 7, 128, 391])
def test_checksums_do_not_depend_on_how_the_rows_were_written(tmp_path: Path, step: int) -> None:
    with (
        h5py.File(write(tmp_path / "a.h5", step=step)) as file,
        h5py.File(write(tmp_path / "b.h5", step=391)) as whole,
    ):
        for layer in ("01", "02"):
            found = file[f"checksums/{layer}"][:]
            assert (found.dtype, found.shape) == (np.uint64, (6,))
            assert found.tolist() == whole[f"checksums/{layer}"][:].tolist()


@pytest.mark.parametrize("compression", ["none", "gzip"])
@pytest.mark.parametrize(
    ("start", "stop"), [(0, 391), (0, 0), (130, 135), (5, 6), (128, 131), (30, 98)]
)
def test_any_rows_are_those_written(
    tmp_path: Path, compression: str, start: int, stop: int
) -> None:
    cache = LayerCache([write(tmp_path / "a.h5", compression=compression)], 2, SET)
    expected = -ROWS.astype(np.float16).astype(np.float32)[start:stop]
    np.testing.assert_array_equal(cache.read(0, start, stop), expected)


@pytest.mark.parametrize("dtype", ["float16", "float32"])
@pytest.mark.parametrize("row", [0, 130, 131, 390])
def test_a_flipped_bit_is_found_when_its_block_is_read(
    tmp_path: Path, dtype: str, row: int
) -> None:
    path = write(tmp_path / "a.h5", dtype)
    width = D_MODEL * np.dtype(dtype).itemsize
    with h5py.File(path) as file:
        place = file["layers/01"].id.get_offset() + row * width
    content = bytearray(path.read_bytes())
    content[place] ^= 1
    path.write_bytes(content)

    cache = LayerCache([path], 1, SET)
    bounds = [0, 128, 131, 134, 262, 390, 391]
    number = max(i for i, start in enumerate(bounds) if start <= row)
    first, last = bounds[number], bounds[number + 1] - 1
    message = (
        f"{path}: damaged: rows {first} to {last} do not fit their checksum; run the embed or "
        "onehot stage again"
    )
    with pytest.raises(UserError, match=f"^{re.escape(message)}$"):
        cache.read(0, row, row + 1)
    for other in set(bounds[:-1]) - {first}:
        cache.read(0, other, other + 1)
    LayerCache([path], 2, SET).read(0, 0, 391)


@pytest.mark.parametrize("dtype", ["float16", "float32"])
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_what_is_not_finite_is_not_written(tmp_path: Path, dtype: str, value: float) -> None:
    rows = ROWS.astype(dtype)
    rows[17, 3] = value

    def write_it() -> None:
        layers = {1: LayerFormat(D_MODEL, dtype)}
        with write_shard(tmp_path / "a.h5", ["P1"], [len(rows)], layers, SOURCE) as writer:
            writer.write(1, 0, rows[:11])
            writer.write(1, 11, rows[11:])

    with pytest.raises(
        UserError, match=r"^an activation in row 17 of the shard is NaN or infinite"
    ):
        write_it()
    assert list(tmp_path.iterdir()) == []


def poison(file: h5py.File) -> None:
    file["layers/01"][2, 1] = np.nan


def swap_layers_and_checksums(file: h5py.File) -> None:
    swap_layers(file, "layers", "checksums")


def swap_layers(file: h5py.File, *groups: str) -> None:
    for group in groups or ("layers",):
        file.move(f"{group}/01", "other")
        file.move(f"{group}/02", f"{group}/01")
        file.move("other", f"{group}/02")


def another_protein(file: h5py.File) -> None:
    table = file["proteins"][:]
    table["accession"][0] = b"P9"
    file["proteins"][:] = table


def another_length(file: h5py.File) -> None:
    table = file["proteins"][:]
    table["length"][1] += 1
    file["proteins"][:] = table


def another_source(file: h5py.File) -> None:
    file.attrs["weights_sha256"] = "2" * 64


@pytest.mark.parametrize(
    "change", [another_protein, another_length, another_source, swap_layers_and_checksums]
)
def test_the_header_is_checked_on_opening(tmp_path: Path, change: object) -> None:
    path = write(tmp_path / "a.h5")
    with h5py.File(path, "a") as file:
        change(file)  # type: ignore[operator]
    message = (
        f"{path}: damaged: its header does not fit its checksum; run the embed or onehot stage "
        "again"
    )
    with pytest.raises(UserError, match=f"^{re.escape(message)}$"):
        LayerCache([path], 1, SET)


@pytest.mark.parametrize("change", [poison, swap_layers])
def test_rows_of_another_program_do_not_fit_their_checksums(tmp_path: Path, change: object) -> None:
    path = write(tmp_path / "a.h5")
    with h5py.File(path, "a") as file:
        change(file)  # type: ignore[operator]
    with pytest.raises(UserError, match=f"^{path}: damaged: rows 0 to 127 do not fit"):
        LayerCache([path], 1, SET).read(0, 0, 391)


def test_proteins_that_do_not_fit_the_rows(tmp_path: Path) -> None:
    path = write(tmp_path / "a.h5")
    with h5py.File(path, "a") as file:
        another_length(file)
        seal_header(file, KIND)
    message = "391 rows of layer 1 and 6 checksums; expected 392 rows in 6 blocks, as its proteins"
    with pytest.raises(UserError, match=f"^{path}: {message}"):
        LayerCache([path], 1, SET)
