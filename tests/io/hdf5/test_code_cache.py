"""Codes of two shards against dense arrays, and every way in which their numbers can be wrong."""

import re
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest
from scipy import sparse

from protsae.errors import UserError
from protsae.io.hdf5.code_cache import StoredCodes, _joined, check_codes, write_codes
from protsae.io.hdf5.shard_index import CacheSource

WIDTH = 5
SOURCE = CacheSource("esm2_x", "1" * 64, "2" * 64, "{}", "0")
SHARDS = [{"P1": 3, "P2": 4}, {"P3": 2, "P4": 1, "P5": 3}]


def dense_codes() -> dict[str, np.ndarray]:
    """About half of the values are 0; all codes of P4 are."""
    rng = np.random.default_rng(0)
    lengths = {name: length for shard in SHARDS for name, length in shard.items()}
    codes = {
        name: (rng.random((length, WIDTH)) * (rng.random((length, WIDTH)) < 0.5)).astype(np.float32)
        for name, length in lengths.items()
    }
    codes["P4"][:] = 0
    return codes


@pytest.fixture
def paths(tmp_path: Path) -> list[Path]:
    codes, found = dense_codes(), []
    for number, shard in enumerate(SHARDS):
        path = tmp_path / f"shard-{number}.h5"
        with write_codes(
            path, [*shard], [*shard.values()], {"topk": WIDTH}, {"topk": "3" * 64}, SOURCE
        ) as writer:
            for name in shard:
                writer.append("topk", sparse.csr_array(codes[name]))
        found.append(path)
    return found


def open_codes(paths: list[Path], variant: str = "topk", sha256: str = "3" * 64) -> StoredCodes:
    return StoredCodes(paths, variant, sha256, SOURCE.protein_set_sha256)


@pytest.mark.parametrize("max_rows", [1, 5, 100])
@pytest.mark.parametrize("wanted", [{"P1", "P2", "P3", "P4", "P5"}, {"P2", "P5"}, {"P4"}])
def test_blocks_are_the_rows_of_whole_proteins(
    paths: list[Path], wanted: set[str], max_rows: int
) -> None:
    codes, seen = dense_codes(), []
    for names, block in open_codes(paths).blocks(wanted, max_rows):
        expected = np.concatenate([codes[name] for name in names])
        np.testing.assert_array_equal(block.toarray(), expected)
        assert block.dtype == np.float32
        assert len(expected) <= max_rows or len(names) == 1
        seen += names
    assert seen == sorted(wanted)


def test_neighbours_of_one_shard_are_read_as_one() -> None:
    places = [(2, 5, 3), (2, 8, 4), (2, 13, 1), (3, 14, 2), (3, 16, 1)]
    assert _joined(places) == [(2, 5, 7), (2, 13, 1), (3, 14, 3)]


def test_a_single_shard(paths: list[Path]) -> None:
    stored = open_codes(paths[:1])
    assert stored.n_features == WIDTH
    [(names, rows)] = stored.blocks({"P1", "P2"}, 100)
    assert (names, rows.shape) == (["P1", "P2"], (7, WIDTH))


def test_what_a_shard_says_of_itself(paths: list[Path]) -> None:
    assert check_codes(paths[1]) == {
        **vars(SOURCE),
        "saes": {"topk": "3" * 64},
        "proteins": SHARDS[1],
    }
    assert open_codes(paths).n_features == WIDTH


def test_a_file_of_an_older_version(paths: list[Path]) -> None:
    with h5py.File(paths[0], "a") as file:
        assert file.attrs["format_version"] == 4
        file.attrs["format_version"] = 3
    with pytest.raises(UserError, match=r"expected a complete protsae-codes file of version 4; "):
        open_codes(paths)


def change(name: str, place: int, value: float) -> Callable[[h5py.File], None]:
    def apply(file: h5py.File) -> None:
        file[f"codes/topk/{name}"][place] = value

    return apply


FEATURES = "codes/topk has features that are not among 5; encode again"
VALUES = "codes/topk has values that are NaN, infinite or below 0; encode again"
ROWS = "/codes/topk/indptr does not cut {n} values into 7 rows; encode again"


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        pytest.param(change("indices", 0, -1), FEATURES, id="feature -1"),
        pytest.param(change("indices", -1, WIDTH), FEATURES, id="a feature too many"),
        pytest.param(change("data", 0, np.nan), VALUES, id="NaN"),
        pytest.param(change("data", -1, np.inf), VALUES, id="infinite"),
        pytest.param(change("data", 3, -1e-9), VALUES, id="negative"),
        pytest.param(change("indptr", 0, 1), ROWS, id="rows begin late"),
        pytest.param(change("indptr", -1, 2), ROWS, id="rows end early"),
        pytest.param(change("indptr", 3, 0), ROWS, id="rows fall"),
    ],
)
def test_wrong_numbers_are_told(
    paths: list[Path], damage: Callable[[h5py.File], None], message: str
) -> None:
    with h5py.File(paths[0], "r+") as file:
        damage(file)
        n_values = len(file["codes/topk/data"])
    expected = re.escape(f"{paths[0]}: {message.format(n=n_values)}")
    with pytest.raises(UserError, match=f"^{expected}$"):
        check_codes(paths[0])
    with pytest.raises(UserError, match=f"^{expected}$"):
        list(open_codes(paths).blocks({"P1", "P2"}, 100))


def test_one_feature_alone_is_active(tmp_path: Path) -> None:
    """The first of them, and the last."""
    for feature in (0, WIDTH - 1):
        rows = np.zeros((3, WIDTH), np.float32)
        rows[:, feature] = 7
        path = tmp_path / f"{feature}.h5"
        with write_codes(path, ["P1"], [3], {"topk": WIDTH}, {"topk": "3" * 64}, SOURCE) as writer:
            writer.append("topk", sparse.csr_array(rows))
        [(_, codes)] = open_codes([path]).blocks({"P1"}, 100)
        assert codes.toarray().tolist() == rows.tolist()


def test_a_stored_zero_is_a_value(paths: list[Path]) -> None:
    with h5py.File(paths[0], "r+") as file:
        change("data", 0, 0)(file)
    assert check_codes(paths[0])["proteins"] == SHARDS[0]


def test_codes_of_another_sae(paths: list[Path]) -> None:
    message = f"{paths[0]}: the codes of topk are of SAE 333333333333, but the one given is "
    with pytest.raises(UserError, match=re.escape(f"{message}444444444444; encode again")):
        open_codes(paths, sha256="4" * 64)
    with pytest.raises(UserError, match="no codes of SAE relu; it has topk; encode again"):
        open_codes(paths, "relu")


def test_missing_rows_and_wrong_widths_are_our_mistakes(tmp_path: Path) -> None:
    path, digests = tmp_path / "x.h5", {"topk": "3" * 64}
    with (
        pytest.raises(AssertionError, match="topk: 2 of 3 rows"),
        write_codes(path, ["P1"], [3], {"topk": WIDTH}, digests, SOURCE) as writer,
    ):
        writer.append("topk", sparse.csr_array((2, WIDTH), dtype=np.float32))
    with (
        pytest.raises(AssertionError, match="expected 5 columns"),
        write_codes(path, ["P1"], [3], {"topk": WIDTH}, digests, SOURCE) as writer,
    ):
        writer.append("topk", sparse.csr_array((3, WIDTH + 1), dtype=np.float32))
    assert not path.exists()


def test_a_damaged_heap_is_never_walked(paths: list[Path]) -> None:
    """HDF5 keeps text of variable length, here AnnData's, in a heap that has no checksum. Where an
    object of it has the size 0, HDF5 would look for the next one for ever."""
    content = bytearray(paths[0].read_bytes())
    heap = content.index(b"GCOL")
    content[heap + 16 : heap + 4096] = bytes([1, 0]) * ((4096 - 16) // 2)
    content[heap + 24 : heap + 32] = bytes(8)
    paths[0].write_bytes(content)
    assert check_codes(paths[0])["proteins"] == SHARDS[0]
    assert len(list(open_codes(paths).blocks({"P1"}, 100))) == 1
