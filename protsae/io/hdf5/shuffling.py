"""Residues of a layer in random order, read chunk by chunk, with bounded memory."""

import itertools
from collections.abc import Iterator
from typing import TypeVar

import numpy as np

from protsae.io.hdf5.activation_cache import LayerCache
from protsae.io.hdf5.checked_rows import BLOCK_ROWS, cut_blocks
from protsae.io.hdf5.float16 import to_float32
from protsae.io.thread_pool import thread_pool

T = TypeVar("T")


def shuffled_batches(
    cache: LayerCache,
    accessions: set[str],
    batch: int,
    buffer_rows: int,
    seed: int,
    skip: int = 0,
) -> Iterator[np.ndarray]:
    """Endless epochs of batches, float32, shape (batch, d_model).

    Chunks of ``BLOCK_ROWS`` rows from all shards are put in random order; ``buffer_rows / 2`` rows
    of them at a time are read and permuted row by row, while the other half of the buffer is being
    read. Every residue comes once per epoch; a batch may span two epochs. The order depends on the
    seed alone. The buffer holds rows as they are stored. Two threads work ahead of the caller: one
    reads the next half, one gathers the next batch.

    Parameters
    ----------
    accessions : set of str
        The proteins to draw from.
    skip : int
        Batches to pass over without reading them, to go on where an earlier run stopped.
    """
    chunks = _chunks(cache, accessions)
    assert len(chunks), "no residues to draw from"
    halves = _ahead(_permuted_halves(cache, chunks, buffer_rows, seed, skip * batch))
    return _ahead(_gathered(halves, batch))


def residues_drawn(
    cache: LayerCache,
    accessions: set[str],
    of: set[str],
    batch: int,
    buffer_rows: int,
    seed: int,
    n_batches: int,
) -> int:
    """How many residues of some proteins are in the first batches of `shuffled_batches`.

    Nothing is read: the order is made a second time.

    Parameters
    ----------
    of : set of str
        The proteins to count, some of ``accessions``.
    """
    wanted = cache.index.places(accessions)
    protein, _ = cut_blocks(wanted["length"].to_numpy(np.int64))
    is_counted = wanted["accession"].isin(list(of)).to_numpy()[protein]
    lengths = _chunks(cache, accessions)[:, 2]
    epochs, left = divmod(n_batches * batch, int(lengths.sum()))
    n_drawn = epochs * int(lengths[is_counted].sum())
    for half, members in enumerate(_halves(len(lengths), buffer_rows, seed, epochs)):
        if not left:
            break
        members = np.sort(members)
        counted = np.repeat(is_counted[members], lengths[members])
        n_drawn += int(counted[_within(len(counted), seed, epochs, half)[:left]].sum())
        left = max(0, left - len(counted))
    return n_drawn


def _halves(n_chunks: int, buffer_rows: int, seed: int, epoch: int) -> list[np.ndarray]:
    """Chunks in random order, in shares of equal size: a short last one would mix few proteins."""
    order = np.random.default_rng((seed, epoch)).permutation(n_chunks)
    return np.array_split(order, _n_halves(n_chunks, buffer_rows))


def _n_halves(n_chunks: int, buffer_rows: int) -> int:
    return -(-n_chunks // max(1, buffer_rows // 2 // BLOCK_ROWS))


def _within(n_rows: int, seed: int, epoch: int, half: int) -> np.ndarray:
    """Order of the rows of a half."""
    return np.random.default_rng((seed, epoch, half)).permutation(n_rows)


def _permuted_halves(
    cache: LayerCache, chunks: np.ndarray, buffer_rows: int, seed: int, skip_rows: int
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Rows of random chunks, and the order to take them in; valid until the next but one."""
    lengths = chunks[:, 2]
    n_halves = _n_halves(len(chunks), buffer_rows)
    n_rows = min(int(lengths.sum()), -(-len(chunks) // n_halves) * BLOCK_ROWS)
    two = itertools.cycle([np.empty((n_rows, cache.d_model), cache.dtype) for _ in range(2)])
    first_epoch, skip_rows = divmod(skip_rows, int(lengths.sum()))
    for epoch in itertools.count(first_epoch):
        for half, members in enumerate(_halves(len(chunks), buffer_rows, seed, epoch)):
            n_rows = int(lengths[members].sum())
            if skip_rows >= n_rows:
                skip_rows -= n_rows
                continue
            rows = next(two)[:n_rows]
            first = 0
            for shard, start, length in chunks[np.sort(members)].tolist():
                cache.read_into(shard, start, rows[first : first + length])
                first += length
            yield rows, _within(n_rows, seed, epoch, half)[skip_rows:]
            skip_rows = 0


def _gathered(halves: Iterator[tuple[np.ndarray, np.ndarray]], batch: int) -> Iterator[np.ndarray]:
    stored = np.empty((0, 0))
    n_filled = 0
    for rows, order in halves:
        if not stored.size:
            stored = np.empty((batch, rows.shape[1]), rows.dtype)
        while len(order):
            taken, order = np.split(order, [batch - n_filled])
            # Any mode but the default one gathers straight into out.
            rows.take(taken, 0, out=stored[n_filled : n_filled + len(taken)], mode="clip")
            n_filled += len(taken)
            if n_filled == batch:
                wide = np.empty(stored.shape, np.float32)
                to_float32(stored, wide)
                yield wide
                n_filled = 0


def _ahead(items: Iterator[T]) -> Iterator[T]:
    """The same endless items; the next one is made in a thread while the caller has this one."""
    with thread_pool(1) as thread:
        upcoming = thread.submit(next, items)
        while True:
            item = upcoming.result()
            upcoming = thread.submit(next, items)
            yield item


def _chunks(cache: LayerCache, accessions: set[str]) -> np.ndarray:
    """Pieces of the wanted proteins: shard, first row, rows; int64, shape (n_chunks, 3)."""
    wanted = cache.index.places(accessions)
    shard, offset, length = (wanted[c].to_numpy(np.int64) for c in ("shard", "offset", "length"))
    protein, before = cut_blocks(length)
    n_rows = np.minimum(length[protein] - before, BLOCK_ROWS)
    return np.stack([shard[protein], offset[protein] + before, n_rows], axis=1)
