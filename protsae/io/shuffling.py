"""Residues of a layer in random order, read chunk by chunk, with bounded memory."""

import itertools
from collections.abc import Iterator

import numpy as np

from protsae.io.activations import LayerCache

CHUNK_ROWS = 128
"""Rows read together: long enough for the disk, short enough that a buffer mixes many proteins."""

Chunk = tuple[int, int, int]


def shuffled_batches(
    cache: LayerCache,
    accessions: set[str],
    batch: int,
    buffer_rows: int,
    seed: int,
    skip: int = 0,
) -> Iterator[np.ndarray]:
    """Endless epochs of batches, float32, shape (batch, d_model).

    Chunks of ``CHUNK_ROWS`` rows from all shards are put in random order; about ``buffer_rows`` of
    them at a time are read and permuted row by row. Every residue comes once per epoch; a batch may
    span two epochs. The order depends on the seed alone.

    Parameters
    ----------
    accessions : set of str
        The proteins to draw from.
    skip : int
        Batches to pass over without reading them, to go on where an earlier run stopped.
    """
    chunks = _chunks(cache, accessions)
    assert chunks, "no residues to draw from"
    chunks_per_buffer = max(1, buffer_rows // CHUNK_ROWS)
    to_skip = skip * batch
    epoch = 0
    left = np.empty((0, cache.d_model), dtype=np.float32)
    while True:
        rng = np.random.default_rng((seed, epoch))
        order = rng.permutation(len(chunks))
        for first in range(0, len(order), chunks_per_buffer):
            members = [chunks[i] for i in order[first : first + chunks_per_buffer]]
            n_rows = sum(stop - start for _, start, stop in members)
            within = rng.permutation(n_rows)
            if to_skip >= n_rows:
                to_skip -= n_rows
                continue
            rows = np.concatenate([cache.read(*chunk) for chunk in members])[within[to_skip:]]
            to_skip = 0
            left = np.concatenate([left, rows])
            n_whole = len(left) // batch * batch
            for start in range(0, n_whole, batch):
                yield left[start : start + batch]
            left = left[n_whole:]
        epoch += 1


def _chunks(cache: LayerCache, accessions: set[str]) -> list[Chunk]:
    """(shard, first row, past-the-last row) of pieces of the wanted proteins, in cache order."""
    chunks: list[Chunk] = []
    wanted = cache.places(accessions)
    for shard, offset, length in zip(
        *(wanted[c].tolist() for c in ("shard", "offset", "length")), strict=True
    ):
        ends = [*range(offset, offset + length, CHUNK_ROWS), offset + length]
        chunks += [(shard, start, stop) for start, stop in itertools.pairwise(ends)]
    return chunks
