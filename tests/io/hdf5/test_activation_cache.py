import os
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np
import pytest

from protsae.errors import UserError
from protsae.io.hdf5 import activation_cache as activations
from protsae.io.hdf5.activation_cache import (
    LayerCache,
    LayerFormat,
    check_activations,
    write_shard,
)
from protsae.io.hdf5.shard_index import seal_header
from protsae.io.hdf5.stored_rows import Compression
from tests.helpers.tiny_run import LENGTHS, PROTEIN_SET, SOURCE, cache_rows, open_cache, write_cache

N_ROWS = sum(LENGTHS)
IN_FIRST = sum(LENGTHS[:4])


FLOAT32 = {3: LayerFormat(2, "float32")}


@pytest.mark.parametrize("dtype", ["float16", "float32"])
@pytest.mark.parametrize("compression", ["none", "gzip"])
def test_what_is_written_is_read(tmp_path: Path, dtype: str, compression: str) -> None:
    for layer, width in ((1, 3), (2, 5)):
        cache = open_cache(tmp_path, layer, dtype=dtype, compression=compression)
        assert (cache.layer, cache.d_model) == (layer, width)
        assert cache.dtype == dtype
        assert cache.source == SOURCE
        rows = np.concatenate([cache.read(0, 0, IN_FIRST), cache.read(1, 0, N_ROWS - IN_FIRST)])
        assert rows.dtype == np.float32
        np.testing.assert_array_equal(rows, cache_rows(d_model=width, seed=layer))


def test_where_proteins_are(tmp_path: Path) -> None:
    proteins = open_cache(tmp_path).index.proteins
    assert proteins["accession"].tolist() == [f"P{i}" for i in range(6)]
    assert proteins["shard"].tolist() == [0, 0, 0, 0, 1, 1]
    assert proteins["offset"].tolist() == [0, 7, 8, 21, 0, 2]
    assert proteins["length"].tolist() == list(LENGTHS)


@pytest.mark.parametrize("compression", ["none", "gzip"])
def test_rows_may_come_in_any_order(tmp_path: Path, compression: Compression) -> None:
    rows, formats = cache_rows([13]), {3: LayerFormat(3, "float32")}
    with write_shard(tmp_path / "a.h5", ["P1"], [13], formats, SOURCE, compression) as writer:
        writer.write(3, 5, rows[5:])
        writer.write(3, 3, rows[3:3])
        writer.write(3, 0, rows[:5])
    cache = LayerCache([tmp_path / "a.h5"], 3, PROTEIN_SET)
    np.testing.assert_array_equal(cache.read(0, 0, 13), rows)


def test_datasets_are_contiguous_and_read_equally_by_h5py(tmp_path: Path) -> None:
    path = write_cache(tmp_path)[0]
    cache = LayerCache([path], 2, PROTEIN_SET)
    with h5py.File(path) as file:
        dataset = file["layers/02"]
        assert dataset.chunks is None
        assert dataset.dtype == np.float16
        np.testing.assert_array_equal(cache.read(0, 3, 17), dataset[3:17].astype(np.float32))


def test_protein_blocks_are_whole_proteins_in_cache_order(tmp_path: Path) -> None:
    cache = open_cache(tmp_path)
    blocks = list(cache.protein_blocks({"P5", "P0", "P1", "P2", "P4"}, max_rows=9))
    # Lengths 7, 1, 13, 2, 11: 7 + 1 fit, 13 is longer than a block, 2 + 11 would not fit.
    assert [names for names, _ in blocks] == [["P0", "P1"], ["P2"], ["P4"], ["P5"]]
    rows, first = cache_rows(seed=1), np.cumsum([0, *LENGTHS])
    for names, found in blocks:
        numbers = [int(name[1:]) for name in names]
        expected = np.concatenate([rows[first[i] : first[i + 1]] for i in numbers])
        np.testing.assert_array_equal(found, expected)


def test_one_block_holds_all_that_fits(tmp_path: Path) -> None:
    names, rows = next(open_cache(tmp_path).protein_blocks({f"P{i}" for i in range(6)}, N_ROWS))
    assert len(names) == 6
    assert rows.shape == (N_ROWS, 3)


def test_no_proteins_no_blocks(tmp_path: Path) -> None:
    assert list(open_cache(tmp_path).protein_blocks(set(), 10)) == []


def test_a_shard_that_was_not_given_is_noticed(tmp_path: Path) -> None:
    cache = LayerCache(write_cache(tmp_path)[:1], 1, PROTEIN_SET)
    message = (
        "activations: 2 of the 3 proteins asked for are in none of the files given, first P4; "
        "give all shards"
    )
    with pytest.raises(UserError, match=f"^{message}$"):
        list(cache.protein_blocks({"P0", "P5", "P4"}, 10))


def test_a_shard_given_twice_is_noticed(tmp_path: Path) -> None:
    first, second = write_cache(tmp_path)
    message = f"{first}: protein P0 is in another file of activations too; give each shard once"
    with pytest.raises(UserError, match=f"^{re.escape(message)}$"):
        LayerCache([first, second, first], 1, PROTEIN_SET)


def test_gzip_is_chunked_by_rows(tmp_path: Path) -> None:
    path = write_cache(tmp_path, lengths=[997, 3], cuts=(), compression="gzip")[0]
    with h5py.File(path) as file:
        dataset = file["layers/02"]
        assert (dataset.chunks, dataset.compression) == ((128, 5), "gzip")
        assert (dataset.compression_opts, dataset.shuffle) == (1, True)


def test_layers_and_shards_may_differ_in_dtype(tmp_path: Path) -> None:
    paths = [tmp_path / "a.h5", tmp_path / "b.h5"]
    rows = cache_rows([5, 7])
    for path, dtype, part in zip(paths, ("float16", "float32"), (rows[:5], rows[5:]), strict=True):
        formats = {3: LayerFormat(3, dtype), 4: LayerFormat(3, "float16")}
        with write_shard(path, [path.stem], [len(part)], formats, SOURCE) as writer:
            writer.write(3, 0, part.astype(dtype))
            writer.write(4, 0, part.astype("float16"))
    mixed, same = (LayerCache(paths, layer, PROTEIN_SET) for layer in (3, 4))
    assert (mixed.dtype, same.dtype) == (np.float32, np.float16)
    for cache in (mixed, same):
        found = np.concatenate([cache.read(0, 0, 5), cache.read(1, 0, 7)])
        assert found.dtype == np.float32
        np.testing.assert_array_equal(found, rows)


@pytest.mark.parametrize("compression", ["none", "gzip"])
def test_rows_into_an_array_as_they_are_stored(tmp_path: Path, compression: str) -> None:
    cache = open_cache(tmp_path, compression=compression)
    out = np.zeros((7, 3), np.float16)
    cache.read_into(0, 5, out)
    np.testing.assert_array_equal(out, cache_rows(seed=1)[5:12])


def test_rows_are_widened_in_pieces(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(activations, "BLOCK_ROWS", 5)
    monkeypatch.setattr(activations, "WIDEN_BYTES", 0)
    found = open_cache(tmp_path).read(0, 2, 19)
    np.testing.assert_array_equal(found, cache_rows(seed=1)[2:19])


def test_rows_beyond_the_shard_are_our_bug(tmp_path: Path) -> None:
    cache = open_cache(tmp_path)
    for start, stop in ((-1, 2), (IN_FIRST - 1, IN_FIRST + 1)):
        with pytest.raises(AssertionError, match=rf"^rows {start} to {stop} of {IN_FIRST}$"):
            cache.read(0, start, stop)


def test_no_rows_can_be_read(tmp_path: Path) -> None:
    cache = open_cache(tmp_path)
    assert [cache.read(0, at, at).shape for at in (0, 3, IN_FIRST)] == [(0, 3)] * 3


def test_short_writes_and_reads_go_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pwrite, preadv = os.pwrite, os.preadv

    def write_little(descriptor: int, rows: memoryview, place: int) -> int:
        return pwrite(descriptor, np.asarray(rows).reshape(-1).view(np.uint8)[:7], place)

    def read_little(descriptor: int, out: list[memoryview], place: int) -> int:
        return preadv(descriptor, [np.asarray(out[0]).reshape(-1).view(np.uint8)[:11]], place)

    monkeypatch.setattr(os, "pwrite", write_little)
    monkeypatch.setattr(os, "preadv", read_little)
    found = open_cache(tmp_path).read(0, 0, IN_FIRST)
    np.testing.assert_array_equal(found, cache_rows(seed=1)[:IN_FIRST])


def test_a_file_that_shrinks_under_the_reader(tmp_path: Path) -> None:
    path = write_cache(tmp_path)[0]
    cache = LayerCache([path], 2, PROTEIN_SET)
    os.truncate(path, 100)
    message = (
        f"{path}: damaged: rows 0 to 6 do not fit their checksum; run the embed or onehot stage "
        "again"
    )
    with pytest.raises(UserError, match=f"^{re.escape(message)}$"):
        cache.read(0, 0, 5)


@pytest.mark.parametrize("compression", ["none", "gzip"])
def test_every_row_of_a_shard_is_checked(tmp_path: Path, compression: str) -> None:
    path = write_cache(tmp_path, compression=compression)[0]
    assert check_activations(path) == {
        **vars(SOURCE),
        "layers": [1, 2],
        "proteins": {f"P{i}": length for i, length in enumerate(LENGTHS[:4])},
    }
    with h5py.File(path, "a") as file:
        file["layers/02"][IN_FIRST - 1, 4] += 1
    with pytest.raises(UserError, match=f"^{path}: damaged: rows 21 to 25 do not fit their check"):
        check_activations(path)


def test_several_processes_read_gzip(tmp_path: Path) -> None:
    path = write_cache(tmp_path, compression="gzip")[0]
    here = LayerCache([path], 1, PROTEIN_SET)
    code = (
        "from protsae.io.hdf5.activation_cache import LayerCache; "
        f"print(LayerCache([{str(path)!r}], 1, {PROTEIN_SET!r}).read(0, 0, 5).sum())"
    )
    there = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert float(there.stdout) == here.read(0, 0, 5).sum()


def test_notes_are_attributes_of_the_layer(tmp_path: Path) -> None:
    formats = {3: LayerFormat(2, "float32"), 4: LayerFormat(2, "float32")}
    with write_shard(tmp_path / "a.h5", ["P1"], [5], formats, SOURCE) as writer:
        for layer in formats:
            writer.write(layer, 0, np.ones((5, 2), np.float32))
        writer.note(4, "relative_error", 2.5e-4)
        writer.note(4, "fallback", "too large for float16")
    with h5py.File(tmp_path / "a.h5") as file:
        assert dict(file["layers/03"].attrs) == {}
        assert dict(file["layers/04"].attrs) == {
            "relative_error": 2.5e-4,
            "fallback": "too large for float16",
        }


ROWS = np.ones((5, 2), np.float32)


@pytest.mark.parametrize(
    ("first_row", "rows", "message"),
    [
        pytest.param(
            0,
            ROWS.astype(np.float16),
            "layer 3: float16 (5, 2) at row 0 of 5; expected float32",
            id="dtype",
        ),
        pytest.param(
            0,
            np.ones((5, 3), np.float32),
            "layer 3: float32 (5, 3) at row 0 of 5; expected 2 columns",
            id="columns",
        ),
        pytest.param(
            0,
            np.ones((2, 5), np.float32).T,
            "layer 3: float32 (5, 2) at row 0 of 5; expected C-contiguous rows",
            id="transposed",
        ),
        pytest.param(
            0,
            ROWS[0],
            "layer 3: float32 (2,) at row 0 of 5; expected rows and columns",
            id="one row",
        ),
        pytest.param(
            1, ROWS, "layer 3: float32 (5, 2) at row 1 of 5; out of bounds", id="beyond the end"
        ),
        pytest.param(
            -1, ROWS, "layer 3: float32 (5, 2) at row -1 of 5; out of bounds", id="before the start"
        ),
    ],
)
def test_rows_that_do_not_fit_are_our_bug(
    tmp_path: Path, first_row: int, rows: np.ndarray, message: str
) -> None:
    with (
        pytest.raises(AssertionError, match=f"^{re.escape(message)}$"),
        write_shard(tmp_path / "a.h5", ["P1"], [5], FLOAT32, SOURCE) as writer,
    ):
        writer.write(3, first_row, rows)
    assert list(tmp_path.iterdir()) == []


def test_unwritten_rows_are_our_bug(tmp_path: Path) -> None:
    formats = {**FLOAT32, 4: LayerFormat(2, "float32")}

    def incomplete() -> None:
        with write_shard(tmp_path / "a.h5", ["P1"], [5], formats, SOURCE) as writer:
            writer.write(3, 0, ROWS)
            writer.write(4, 0, ROWS[:4])

    with pytest.raises(AssertionError, match=r"^layer 4: 4 of 5 rows were written$"):
        incomplete()
    assert list(tmp_path.iterdir()) == []


def test_an_interrupted_write_leaves_nothing(tmp_path: Path) -> None:
    def interrupted() -> None:
        with write_shard(tmp_path / "a.h5", ["P1"], [5], FLOAT32, SOURCE) as writer:
            writer.write(3, 0, ROWS[:4])
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert list(tmp_path.iterdir()) == []


EXPECTED = (
    "expected a complete protsae-activations file of version 4; run the embed or onehot stage again"
)


@pytest.mark.parametrize(
    ("attribute", "value", "message"),
    [
        ("format_version", 1, "format protsae-activations version 1; " + EXPECTED),
        ("format", "other", "format unknown version 4; " + EXPECTED),
        ("format", np.bytes_("other"), "format other version 4; " + EXPECTED),
        ("complete", False, "format protsae-activations version 4; " + EXPECTED),
    ],
)
def test_files_that_are_not_ours(
    tmp_path: Path, attribute: str, value: object, message: str
) -> None:
    path = write_cache(tmp_path)[0]
    with h5py.File(path, "a") as file:
        file.attrs[attribute] = value
    with pytest.raises(UserError, match=f"^{re.escape(f'{path}: {message}')}$"):
        LayerCache([path], 1, PROTEIN_SET)


def test_a_foreign_hdf5_file(tmp_path: Path) -> None:
    path = tmp_path / "foreign.h5"
    with h5py.File(path, "w") as file:
        file["x"] = np.ones(3)
    with pytest.raises(UserError, match=rf"^{re.escape(str(path))}: format unknown version None; "):
        LayerCache([path], 1, PROTEIN_SET)


def test_a_truncated_file(tmp_path: Path) -> None:
    path = write_cache(tmp_path)[0]
    path.write_bytes(path.read_bytes()[:-100])
    message = rf"{path}: HDF5 cannot open it \(.*truncated.*\); run the embed or onehot stage again"
    with pytest.raises(UserError, match=f"^{message}$"):
        LayerCache([path], 1, PROTEIN_SET)


def test_a_text_file(tmp_path: Path) -> None:
    path = tmp_path / "shard.h5"
    path.write_text(">P1\nMKC\n")
    message = f"{path}: not an HDF5 file; delete it and run the embed or onehot stage again"
    with pytest.raises(UserError, match=f"^{re.escape(message)}$"):
        LayerCache([path], 1, PROTEIN_SET)


def test_no_file(tmp_path: Path) -> None:
    message = f"{tmp_path / 'a.h5'}: no such file; run the embed or onehot stage first"
    with pytest.raises(UserError, match=f"^{re.escape(message)}$"):
        LayerCache([tmp_path / "a.h5"], 1, PROTEIN_SET)


def test_a_layer_that_is_not_there(tmp_path: Path) -> None:
    path = write_cache(tmp_path)[0]
    message = f"{path}: layer 7 is not in this cache; it has 1, 2"
    with pytest.raises(UserError, match=f"^{re.escape(message)}$"):
        LayerCache([path], 7, PROTEIN_SET)


def test_a_checksum_that_is_missing(tmp_path: Path) -> None:
    """There are rows for all four proteins, but a checksum for only three."""
    path = write_cache(tmp_path)[0]
    with h5py.File(path, "a") as file:
        three = file["checksums/01"][:3]
        del file["checksums/01"]
        file["checksums/01"] = three
        seal_header(file, activations.KIND)
    message = (
        f"{path}: 26 rows of layer 1 and 3 checksums; expected 26 rows in 4 blocks, as its "
        "proteins have; run the embed or onehot stage again"
    )
    with pytest.raises(UserError, match=f"^{re.escape(message)}$"):
        LayerCache([path], 1, PROTEIN_SET)


@pytest.mark.parametrize(
    ("key", "other"),
    [
        ("model", "esm2_other"),
        ("weights_sha256", "def456"),
        ("protein_set_sha256", "1" * 64),
        ("settings", '{"context": 7}'),
        ("code_version", "0.2.0"),
    ],
)
def test_shards_of_different_origin(tmp_path: Path, key: str, other: str) -> None:
    first = write_cache(tmp_path / "a")[0]
    second = write_cache(tmp_path / "b", source=replace(SOURCE, **{key: other}))[1]
    message = (
        f"{second}: {key} is {other}, but {first} has {getattr(SOURCE, key)}; run the "
        "embed or onehot stage again for all shards"
    )
    with pytest.raises(UserError, match=f"^{re.escape(message)}$"):
        LayerCache([first, second], 1, PROTEIN_SET)


def test_activations_of_other_proteins(tmp_path: Path) -> None:
    paths = write_cache(tmp_path)
    message = (
        f"{paths[0]}: holds activations of protein set 5e7000000000, but the proteins given are "
        "777777777777; run the embed or onehot stage on these proteins first"
    )
    with pytest.raises(UserError, match=f"^{re.escape(message)}$"):
        LayerCache(paths, 1, "7" * 64)


def write_further(folder: Path, name: str = "F0", **source: str) -> Path:
    """A shard of a further protein of 3 residues, whose rows are 0 to 8, in float32."""
    path = folder / "further.h5"
    found = replace(SOURCE, **{"protein_set_sha256": "7" * 64, **source})
    layers = {1: LayerFormat(3, "float32")}
    with write_shard(path, [name], [3], layers, found) as writer:
        writer.write(1, 0, np.arange(9, dtype=np.float32).reshape(3, 3))
    return path


def test_further_proteins_follow_the_others(tmp_path: Path) -> None:
    own = open_cache(tmp_path)
    joined = own.followed_by(LayerCache([write_further(tmp_path)], 1, "7" * 64))
    assert (joined.source, joined.dtype, own.dtype) == (SOURCE, np.float32, np.float16)
    assert joined.index.proteins["shard"].tolist() == [0, 0, 0, 0, 1, 1, 2]
    ((names, rows),) = joined.protein_blocks({"P5", "F0"}, 100)
    assert names == ["P5", "F0"]
    np.testing.assert_array_equal(rows[:-3], cache_rows(seed=1)[-LENGTHS[5] :])
    np.testing.assert_array_equal(rows[-3:], np.arange(9).reshape(3, 3))
    assert len(own.index.proteins) == len(LENGTHS)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"model": "other"}, "model is other; expected tiny, as of the other proteins; run the"),
        ({"settings": '{"a": 1}'}, 'settings is {"a": 1}; expected {}, as of the other proteins'),
        ({"name": "P3"}, "P3 is an annotated protein; run the further stage again"),
    ],
)
def test_further_proteins_of_different_origin(
    tmp_path: Path, change: dict[str, str], message: str
) -> None:
    other = LayerCache([write_further(tmp_path, **change)], 1, "7" * 64)
    with pytest.raises(UserError, match=re.escape(f"activations of further proteins: {message}")):
        open_cache(tmp_path).followed_by(other)
