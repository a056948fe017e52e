import itertools
from pathlib import Path

import numpy as np
import pytest

from protsae.errors import UserError
from protsae.io.hdf5 import checked_rows, shuffling
from protsae.io.hdf5.activation_cache import LayerCache
from protsae.io.hdf5.shuffling import residues_drawn, shuffled_batches
from tests.helpers.tiny_run import LENGTHS, PROTEIN_SET, cache_rows, open_cache, write_cache

N_ROWS = sum(LENGTHS)
EVERY = {f"P{i}" for i in range(len(LENGTHS))}


@pytest.fixture(autouse=True)
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Chunks of 3 rows, so that 39 residues make many."""
    for module in (checked_rows, shuffling):
        monkeypatch.setattr(module, "BLOCK_ROWS", 3)


@pytest.fixture
def cache(tmp_path: Path) -> LayerCache:
    return open_cache(tmp_path)


def take(cache: LayerCache, n_batches: int, batch: int, **options: int) -> np.ndarray:
    """The first batches one after another."""
    settings = {"buffer_rows": 17, "seed": 0, **options}
    found = list(itertools.islice(shuffled_batches(cache, EVERY, batch, **settings), n_batches))
    assert all(rows.shape == (batch, 3) for rows in found)
    return np.concatenate(found)


def sorted_rows(rows: np.ndarray) -> np.ndarray:
    return rows[np.argsort(rows[:, 0])]


@pytest.mark.parametrize("buffer_rows", [1, 17, 10_000], ids="buffer {}".format)
def test_every_residue_once_an_epoch(cache: LayerCache, buffer_rows: int) -> None:
    # 39 batches of 5 are 5 epochs of 39 residues.
    stream = take(cache, N_ROWS, 5, buffer_rows=buffer_rows)
    epochs = stream.reshape(5, N_ROWS, 3)
    for epoch in epochs:
        np.testing.assert_array_equal(sorted_rows(epoch), sorted_rows(cache_rows(seed=1)))
    assert not np.array_equal(epochs[0], epochs[1])


def test_only_the_proteins_asked_for(cache: LayerCache) -> None:
    batches = shuffled_batches(cache, {"P1", "P5"}, 12, 17, seed=0)
    rows, first = cache_rows(seed=1), np.cumsum([0, *LENGTHS])
    expected = np.concatenate([rows[first[i] : first[i + 1]] for i in (1, 5)])
    np.testing.assert_array_equal(sorted_rows(next(batches)), sorted_rows(expected))


def test_the_order_depends_on_the_seed_alone(cache: LayerCache) -> None:
    np.testing.assert_array_equal(take(cache, 9, 7), take(cache, 9, 7))
    assert not np.array_equal(take(cache, 9, 7), take(cache, 9, 7, seed=1))


@pytest.mark.parametrize("n_batches", [0, 1, 2, 5, 6, 23])
@pytest.mark.parametrize("buffer_rows", [1, 17, 10_000], ids="buffer {}".format)
def test_residues_drawn_are_those_in_the_batches(
    cache: LayerCache, n_batches: int, buffer_rows: int
) -> None:
    """Every value of the rows occurs once, so that they tell their protein."""
    rows, first = cache_rows(seed=1), np.cumsum([0, *LENGTHS])
    of_two = np.concatenate([rows[first[i] : first[i + 1], 0] for i in (2, 4)])
    batches = shuffled_batches(cache, EVERY, 7, buffer_rows, seed=3)
    taken = [found[:, 0] for found in itertools.islice(batches, n_batches)]
    drawn = residues_drawn(cache, EVERY, {"P2", "P4"}, 7, buffer_rows, 3, n_batches)
    assert drawn == sum(int(np.isin(found, of_two).sum()) for found in taken)


@pytest.mark.parametrize("skip", [0, 1, 2, 5, 6, 23])
@pytest.mark.parametrize("buffer_rows", [1, 17, 10_000], ids="buffer {}".format)
def test_skipping_is_dropping(cache: LayerCache, skip: int, buffer_rows: int) -> None:
    whole = take(cache, skip + 9, 7, buffer_rows=buffer_rows)
    skipped = take(cache, 9, 7, buffer_rows=buffer_rows, skip=skip)
    np.testing.assert_array_equal(skipped, whole[skip * 7 :])


def test_skipped_buffers_are_not_read(cache: LayerCache, monkeypatch: pytest.MonkeyPatch) -> None:
    n_read = 0

    def counting(shard: int, start: int, out: np.ndarray) -> None:
        nonlocal n_read
        n_read += len(out)
        read_into(shard, start, out)

    read_into = cache.read_into
    monkeypatch.setattr(cache, "read_into", counting)
    take(cache, 1, 7, skip=1000)
    # Two halves for the batch, one ahead of it, one for the batch ahead; 3 chunks of 3 at most.
    assert 7 <= n_read <= 4 * 9


def test_a_batch_larger_than_the_data_spans_epochs(cache: LayerCache) -> None:
    rows = take(cache, 1, 2 * N_ROWS)
    np.testing.assert_array_equal(sorted_rows(rows)[::2], sorted_rows(cache_rows(seed=1)))


def test_shards_are_mixed(tmp_path: Path) -> None:
    lengths = [50] * 8
    paths = write_cache(tmp_path, lengths=lengths, cuts=(4,))
    cache = LayerCache(paths, 1, PROTEIN_SET)
    batches = shuffled_batches(cache, {f"P{i}" for i in range(8)}, 50, 101, seed=0)
    in_first = {tuple(row) for row in cache.read(0, 0, 200)}
    shares = [np.mean([tuple(row) in in_first for row in next(batches)]) for _ in range(8)]
    assert np.mean(shares) == 0.5
    assert all(0.2 < share < 0.8 for share in shares)


def test_a_shard_that_was_not_given_is_noticed(tmp_path: Path) -> None:
    cache = LayerCache(write_cache(tmp_path)[:1], 1, PROTEIN_SET)
    with pytest.raises(UserError, match=r"^activations: 2 of the 6 proteins asked for are in none"):
        next(shuffled_batches(cache, EVERY, 5, 17, seed=0))


def test_nothing_to_draw_from_does_not_hang(cache: LayerCache) -> None:
    with pytest.raises(AssertionError, match=r"^no residues to draw from$"):
        next(shuffled_batches(cache, set(), 5, 17, seed=0))


def test_chunks_are_pieces_of_the_proteins_asked_for(cache: LayerCache) -> None:
    # P2, of 13 rows, starts at row 8 of the first shard; P4, of 2, at row 0 of the second.
    found = shuffling._chunks(cache, {"P2", "P4"})
    assert found.tolist() == [[0, 8, 3], [0, 11, 3], [0, 14, 3], [0, 17, 3], [0, 20, 1], [1, 0, 2]]


def test_batches_stay_as_they_are(cache: LayerCache) -> None:
    """The buffers behind them are written again."""
    batches = shuffled_batches(cache, EVERY, 5, 17, seed=0)
    kept = list(itertools.islice(batches, 40))
    copies = [rows.copy() for rows in kept]
    list(itertools.islice(batches, 40))
    np.testing.assert_array_equal(kept, copies)


def test_the_smallest_buffer_holds_a_chunk_at_a_time(cache: LayerCache) -> None:
    chunks = shuffling._chunks(cache, EVERY)
    halves = shuffling._permuted_halves(cache, chunks, 1, 0, 0)
    sizes = [len(rows) for rows, _ in itertools.islice(halves, len(chunks))]
    assert sorted(sizes) == sorted(chunks[:, 2].tolist())


@pytest.mark.parametrize("buffer_rows", [17, 40], ids="buffer {}".format)
def test_rows_of_a_half_are_those_of_few_chunks(cache: LayerCache, buffer_rows: int) -> None:
    """16 chunks in all: 2 or 6 at most are read at a time, in shares of equal size."""
    chunks = shuffling._chunks(cache, EVERY)
    halves = shuffling._permuted_halves(cache, chunks, buffer_rows, 0, 0)
    sizes = [len(rows) for rows, _ in itertools.islice(halves, 8 if buffer_rows == 17 else 3)]
    assert sum(sizes) == N_ROWS
    assert len(chunks) == 16
    assert max(sizes) <= (6 if buffer_rows == 17 else 18)


@pytest.mark.parametrize("dtype", ["float16", "float32"])
@pytest.mark.parametrize("compression", ["none", "gzip"])
def test_rows_wait_as_they_are_stored(tmp_path: Path, dtype: str, compression: str) -> None:
    cache = open_cache(tmp_path, dtype=dtype, compression=compression)
    chunks = shuffling._chunks(cache, EVERY)
    waiting, _ = next(shuffling._permuted_halves(cache, chunks, 10_000, 0, 0))
    assert waiting.dtype == dtype
    rows = take(cache, 1, N_ROWS, buffer_rows=10_000)
    assert rows.dtype == np.float32
    np.testing.assert_array_equal(sorted_rows(rows), sorted_rows(cache_rows(seed=1)))


def test_a_shard_in_float32_makes_the_buffer_so(tmp_path: Path) -> None:
    first = write_cache(tmp_path / "a")[0]
    second = write_cache(tmp_path / "b", dtype="float32")[1]
    cache = LayerCache([first, second], 1, PROTEIN_SET)
    rows = take(cache, 1, N_ROWS)
    np.testing.assert_array_equal(sorted_rows(rows), sorted_rows(cache_rows(seed=1)))


def test_an_error_while_reading_reaches_the_caller(
    cache: LayerCache, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(shard: int, start: int, out: np.ndarray) -> None:
        raise EOFError(f"shard {shard}")

    monkeypatch.setattr(cache, "read_into", broken)
    with pytest.raises(EOFError, match=r"^shard [01]$"):
        next(shuffled_batches(cache, EVERY, 5, 17, seed=0))
