import re
from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np
import pytest

from protsae.errors import UserError
from protsae.io.activations import LayerCache, write_shard
from tests.tiny_run import LENGTHS, PROTEIN_SET, SOURCE, cache_rows, open_cache, write_cache

N_ROWS = sum(LENGTHS)
IN_FIRST = sum(LENGTHS[:4])


def write_one(path: Path, rows: np.ndarray, dtype: str = "float16") -> None:
    """A shard of one protein with one layer."""
    with write_shard(path, ["P1"], [len(rows)], {3: rows.shape[1]}, dtype, SOURCE) as write:
        write(3, 0, rows)


@pytest.mark.parametrize("dtype", ["float16", "float32"])
def test_what_is_written_is_read(tmp_path: Path, dtype: str) -> None:
    for layer, width in ((1, 3), (2, 5)):
        cache = open_cache(tmp_path, layer, dtype=dtype)
        assert cache.d_model == width
        assert cache.source == SOURCE
        rows = np.concatenate([cache.read(0, 0, IN_FIRST), cache.read(1, 0, N_ROWS - IN_FIRST)])
        assert rows.dtype == np.float32
        np.testing.assert_array_equal(rows, cache_rows(d_model=width, seed=layer))


def test_where_proteins_are(tmp_path: Path) -> None:
    proteins = open_cache(tmp_path).proteins
    assert proteins["accession"].tolist() == [f"P{i}" for i in range(6)]
    assert proteins["shard"].tolist() == [0, 0, 0, 0, 1, 1]
    assert proteins["offset"].tolist() == [0, 7, 8, 21, 0, 2]
    assert proteins["length"].tolist() == list(LENGTHS)


def test_rows_may_come_in_any_order(tmp_path: Path) -> None:
    rows = cache_rows([13])
    with write_shard(tmp_path / "a.h5", ["P1"], [13], {3: 3}, "float32", SOURCE) as write:
        write(3, 5, rows[5:])
        write(3, 0, rows[:5])
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
    message = f"{first}: protein P0 is in another activation file too; give each shard once"
    with pytest.raises(UserError, match=f"^{re.escape(message)}$"):
        LayerCache([first, second, first], 1, PROTEIN_SET)


@pytest.mark.parametrize(
    ("value", "dtype", "message"),
    [
        pytest.param(
            65520.0,
            "float16",
            "layer 3: a value of 6.55e+04 does not fit float16 (largest 65504); set embed.dtype: "
            "float32",
            id="just too large",
        ),
        pytest.param(
            -1e6,
            "float16",
            "layer 3: a value of 1e+06 does not fit float16 (largest 65504); set embed.dtype: "
            "float32",
            id="far too large, negative",
        ),
        pytest.param(
            1e-7,
            "float16",
            "layer 3: float16 would lose more than 0.001 of a residue's norm; set embed.dtype: "
            "float32",
            id="too small",
        ),
        pytest.param(
            np.nan,
            "float32",
            "layer 3: a value is NaN or infinite; check the model's weights",
            id="not a number",
        ),
        pytest.param(
            np.inf,
            "float16",
            "layer 3: a value is NaN or infinite; check the model's weights",
            id="infinite",
        ),
    ],
)
def test_values_that_cannot_be_stored(
    tmp_path: Path, value: float, dtype: str, message: str
) -> None:
    rows = np.ones((5, 3), np.float32)
    rows[2] = value
    with pytest.raises(UserError, match=f"^{re.escape(message)}$"):
        write_one(tmp_path / "a.h5", rows, dtype)
    assert list(tmp_path.iterdir()) == []


def test_values_that_float16_can_store(tmp_path: Path) -> None:
    rows = np.array([[65504, -65504, 0], [0, 0, 0], [0.1, 1e-7, 3]], np.float32)
    write_one(tmp_path / "a.h5", rows)
    found = LayerCache([tmp_path / "a.h5"], 3, PROTEIN_SET).read(0, 0, 3)
    np.testing.assert_allclose(found, rows, rtol=1e-3, atol=1e-6)


def test_float32_stores_what_float16_cannot(tmp_path: Path) -> None:
    rows = np.array([[1e30, 1e-30, 1 / 3]], np.float32)
    write_one(tmp_path / "a.h5", rows, "float32")
    assert LayerCache([tmp_path / "a.h5"], 3, PROTEIN_SET).read(0, 0, 1).tolist() == rows.tolist()


def test_unwritten_rows_are_our_bug(tmp_path: Path) -> None:
    with (
        pytest.raises(AssertionError, match=r"^rows were left unwritten$"),
        write_shard(tmp_path / "a.h5", ["P1"], [5], {3: 2}, "float32", SOURCE) as write,
    ):
        write(3, 0, np.ones((4, 2), np.float32))
    assert list(tmp_path.iterdir()) == []


def test_an_interrupted_write_leaves_nothing(tmp_path: Path) -> None:
    def interrupted() -> None:
        with write_shard(tmp_path / "a.h5", ["P1"], [5], {3: 2}, "float32", SOURCE) as write:
            write(3, 0, np.ones((4, 2), np.float32))
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert list(tmp_path.iterdir()) == []


EXPECTED = "expected a complete protsae-activations file of version 1; delete it and embed again"


@pytest.mark.parametrize(
    ("attribute", "value", "message"),
    [
        ("format_version", 2, "format protsae-activations version 2; " + EXPECTED),
        ("format", "other", "format other version 1; " + EXPECTED),
        ("complete", False, "format protsae-activations version 1; " + EXPECTED),
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
    with pytest.raises(UserError, match=rf"^{re.escape(str(path))}: format None version None; "):
        LayerCache([path], 1, PROTEIN_SET)


def test_a_truncated_file(tmp_path: Path) -> None:
    path = write_cache(tmp_path)[0]
    path.write_bytes(path.read_bytes()[:-100])
    message = f"{path}: not a readable HDF5 file; delete it and embed again"
    with pytest.raises(UserError, match=f"^{re.escape(message)}$"):
        LayerCache([path], 1, PROTEIN_SET)


def test_a_text_file(tmp_path: Path) -> None:
    path = tmp_path / "shard.h5"
    path.write_text(">P1\nMKC\n")
    message = f"{path}: not a readable HDF5 file; delete it and embed again"
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
        f"{second}: {key} is {other}, but {first} has {getattr(SOURCE, key)}; embed all shards "
        "again with the same settings"
    )
    with pytest.raises(UserError, match=f"^{re.escape(message)}$"):
        LayerCache([first, second], 1, PROTEIN_SET)


def test_activations_of_other_proteins(tmp_path: Path) -> None:
    paths = write_cache(tmp_path)
    message = (
        f"{paths[0]}: holds activations of protein set 5e7000000000, but the proteins given are "
        "777777777777; embed these proteins first"
    )
    with pytest.raises(UserError, match=f"^{re.escape(message)}$"):
        LayerCache(paths, 1, "7" * 64)
