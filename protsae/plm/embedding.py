"""Activations of many proteins at many places: windows, batches, and workers side by side."""

import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import TypeVar

import numpy as np
import torch
from esm.model.esm2 import ESM2
from torch import Tensor

from protsae.device import free_memory
from protsae.errors import UserError
from protsae.io.thread_pool import thread_pool
from protsae.plm.esm2.batch import pack
from protsae.plm.esm2.forward import FusedEsm2
from protsae.plm.esm2.places import Place
from protsae.plm.esm2.tokens import SPECIAL_TOKENS, Window, batches, tokenise, windows
from protsae.plm.precision import store_rows, validate_stored

CPU_TOKENS, CUDA_TOKENS = 2048, 32768
"""Most tokens in a batch (benchmarks/embedding.py): 2,048 was fastest on the CPU; on an H100 twice
as many as 32,768 gain 3 % and hold twice the memory, on the GPU and, pinned, beside it."""

ERROR_RESIDUES = 1000
"""Residues on which the error of a precision is measured."""

A = TypeVar("A")
B = TypeVar("B")


@dataclass(frozen=True)
class Piece:
    """Activations of a piece of one protein.

    Attributes
    ----------
    protein : int
        Index into the sequences.
    start : int
        0-based position of the first residue.
    rows : dict of int or Inside to ndarray
        By place, in its stored precision, shape (n_residues, width of the place).
    """

    protein: int
    start: int
    rows: dict[Place, np.ndarray]


@dataclass
class Embedder:
    """Sequences in, activations out.

    Batches are computed by ``workers`` threads, each with its own batch (on CUDA also its own
    stream), while the caller stores what is done; at most two batches per worker wait. On the CPU
    set torch to one thread: whole batches side by side scale better than products split up.

    Parameters
    ----------
    esm2 : FusedEsm2
    dtypes : dict of int or Inside to torch.dtype
        fair-esm's ``repr_layers`` and places inside of blocks that are wanted, and the precision in
        which each is stored.
    context, overlap : int
        Residues in a window, and shared by neighbouring windows of a longer protein.
    tokens_per_batch : int
        Tokens in a forward pass. Halved, for the rest of the run, when a GPU runs out of memory.
    workers : int

    Attributes
    ----------
    out_of_memory : int
        How often ``tokens_per_batch`` had to be halved.
    """

    esm2: FusedEsm2
    dtypes: dict[Place, torch.dtype]
    context: int = 1022
    overlap: int = 256
    tokens_per_batch: int = 2048
    workers: int = 1
    out_of_memory: int = field(default=0, init=False)

    def __call__(self, sequences: Sequence[str]) -> Iterator[Piece]:
        """Yield every residue's activations exactly once, all places from one forward pass.

        The pieces come in order of window length, longest first, not in order of the sequences.

        Parameters
        ----------
        sequences : sequence of str
            Letters A-Z; J is read as X.

        Raises
        ------
        UserError
            If a value is not finite, or a single window does not fit the GPU's memory.
        Float16Error
            If float16 cannot hold a place.
        """
        pieces = [
            window
            for index, sequence in enumerate(sequences)
            for window in windows(index, len(sequence), self.context, self.overlap)
        ]
        grouped = batches([window.length for window in pieces], self.tokens_per_batch)

        def compute(batch: list[int]) -> list[tuple[list[Window], dict[Place, np.ndarray]]]:
            return self._compute([pieces[i] for i in batch], sequences)

        for chunks in _side_by_side(compute, grouped, self.workers):
            for chosen, rows in chunks:
                first = 0
                for window in chosen:
                    last = first + window.keep_stop - window.keep_start
                    yield Piece(
                        window.protein,
                        window.keep_start,
                        {place: found[first:last] for place, found in rows.items()},
                    )
                    first = last

    def _compute(
        self, chosen: list[Window], sequences: Sequence[str]
    ) -> list[tuple[list[Window], dict[Place, np.ndarray]]]:
        """Kept rows of these windows, in parts where the GPU cannot hold all at once."""
        n_tokens = sum(window.length for window in chosen)
        if len(chosen) == 1 or n_tokens <= self.tokens_per_batch:
            try:
                return [(chosen, self._rows(chosen, sequences))]
            except torch.OutOfMemoryError:
                if len(chosen) == 1:
                    raise UserError(
                        f"a piece of {chosen[0].length} residues does not fit the GPU's memory; "
                        "set a smaller embed.context or embed.device: cpu"
                    ) from None
                torch.cuda.empty_cache()
                self.tokens_per_batch = n_tokens // 2
                self.out_of_memory += 1
        half = len(chosen) // 2
        return self._compute(chosen[:half], sequences) + self._compute(chosen[half:], sequences)

    @torch.inference_mode()
    def _rows(self, chosen: list[Window], sequences: Sequence[str]) -> dict[Place, np.ndarray]:
        """Stored rows by place of the residues kept, window after window."""
        batch = pack([tokenise(sequences[w.protein][w.start : w.stop]) for w in chosen])
        kept = torch.from_numpy(_kept_rows(chosen))
        device = self.esm2.device
        lost: dict[Place, Tensor] = {}
        with _own_stream(device):
            kept = kept.to(device, non_blocking=True)

            def keep(place: Place, x_ND: Tensor) -> Tensor:
                rows, lost[place] = store_rows(x_ND[kept], self.dtypes[place])
                return _to_host(rows)

            found = self.esm2(batch.to(device), self.dtypes, keep=keep).representations
            worst = {place: _to_host(value) for place, value in lost.items()}
        for place, value in worst.items():
            validate_stored(place, float(value), self.dtypes[place])
        return {place: rows.numpy() for place, rows in found.items()}


_LOCAL = threading.local()


@contextmanager
def _own_stream(device: torch.device) -> Iterator[None]:
    """On CUDA this thread's stream, done when the block ends; nothing elsewhere."""
    if device.type != "cuda":
        yield
        return
    if not hasattr(_LOCAL, "stream"):
        _LOCAL.stream = torch.cuda.Stream(device)
    # The weights were made ready on the default stream.
    _LOCAL.stream.wait_stream(torch.cuda.default_stream(device))
    with torch.cuda.stream(_LOCAL.stream):
        yield
        _LOCAL.stream.synchronize()


def _to_host(rows: Tensor) -> Tensor:
    """On CUDA an asynchronous copy into pinned memory; complete when its stream is."""
    if not rows.is_cuda:
        return rows
    host = torch.empty(rows.shape, dtype=rows.dtype, pin_memory=True)
    return host.copy_(rows, non_blocking=True)


def _side_by_side(compute: Callable[[A], B], items: Iterable[A], workers: int) -> Iterator[B]:
    """``map`` by ``workers`` threads, in order, at most two items per worker ahead."""
    waiting: deque[Future[B]] = deque()
    with thread_pool(workers) as pool:
        try:
            for item in items:
                if len(waiting) == 2 * workers:
                    yield waiting.popleft().result()
                waiting.append(pool.submit(compute, item))
            while waiting:
                yield waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()


def _kept_rows(chosen: Sequence[Window]) -> np.ndarray:
    """Token rows, in a packed batch, of the residues that are kept from each window."""
    rows, first = [], 0
    for window in chosen:
        # + 1: <cls> stands before the first residue.
        rows.append(first + 1 + np.arange(window.keep_start, window.keep_stop) - window.start)
        first += window.length + SPECIAL_TOKENS
    return np.concatenate(rows)


def precision_errors(embedder: Embedder, sequences: Sequence[str]) -> dict[Place, float]:
    """|x - float32 x| / |x| by place: what precision and storage cost, on a few real proteins.

    Measured on the first pieces of ``sequences``, about ``ERROR_RESIDUES`` residues, against the
    same model in float32 (in float64, if that was asked for).
    """
    lengths = np.minimum([len(sequence) for sequence in sequences], embedder.context)
    n_sequences = 1 + int(np.searchsorted(np.cumsum(lengths), ERROR_RESIDUES))
    sample = [sequence[: embedder.context] for sequence in sequences[:n_sequences]]
    exact = replace(
        embedder,
        esm2=FusedEsm2(embedder.esm2.model, embedder.esm2.model.embed_tokens.weight.dtype),
        dtypes=dict.fromkeys(embedder.dtypes, torch.float32),
        workers=1,
    )
    squares = {place: np.zeros(2) for place in embedder.dtypes}
    for found, true in zip(embedder(sample), exact(sample), strict=True):
        for place, rows in true.rows.items():
            lost = found.rows[place].astype(np.float64) - rows
            squares[place] += (lost**2).sum(), (rows.astype(np.float64) ** 2).sum()
    return {place: float(np.sqrt(lost / size)) for place, (lost, size) in squares.items()}


def token_budget(model: ESM2, n_kept: int, dtype: torch.dtype, workers: int = 1) -> int:
    """Tokens per batch that fit a third of the free memory, shared by ``workers``.

    A token takes about (12 d_model) x bytes of the precision (q, k, v and the wide layer, in and
    out; 4 for int8, whose products are float32) and (n_kept + 3) d_model x 4 bytes (what is kept,
    residual stream). On the CPU never more than ``CPU_TOKENS``: larger batches leave the caches; on
    CUDA never more than ``CUDA_TOKENS``.
    """
    device = model.embed_tokens.weight.device
    width = int(model.embed_dim)
    held = torch.float32 if dtype == torch.int8 else dtype
    per_token = 12 * width * held.itemsize + (n_kept + 3) * width * 4
    most = CUDA_TOKENS if device.type == "cuda" else CPU_TOKENS
    return max(1, min(most, int(free_memory(device) / 3 / workers / per_token)))
