"""Which proteins belong to which shard: contiguous runs of about equal numbers of residues."""

import argparse
import itertools
from collections.abc import Sequence

import numpy as np
import pandas as pd

from protsae.errors import UserError


def shard_bounds(lengths: Sequence[int], n_shards: int) -> list[tuple[int, int]]:
    """First and past-the-last protein of each shard; every shard gets at least one.

    Cuts lie where the running sum of lengths comes nearest to equal shares.

    Raises
    ------
    UserError
        If there are more shards than proteins.

    Examples
    --------
    >>> shard_bounds([5, 5, 5, 5], 2), shard_bounds([100, 1, 1], 3)
    ([(0, 2), (2, 4)], [(0, 1), (1, 2), (2, 3)])
    """
    n_proteins = len(lengths)
    if n_shards > n_proteins:
        raise UserError(
            f"cache.shards: {n_shards} shards for {n_proteins} proteins; expected at most "
            f"{n_proteins}"
        )
    ends = np.cumsum(lengths)
    cuts = [0]
    for shard in range(1, n_shards):
        wanted = ends[-1] * shard / n_shards
        nearest = int(np.argmin(np.abs(ends - wanted))) + 1
        cuts.append(min(max(nearest, cuts[-1] + 1), n_proteins - (n_shards - shard)))
    cuts.append(n_proteins)
    return list(itertools.pairwise(cuts))


def add_shard_arguments(parser: argparse.ArgumentParser) -> None:
    """Flags of the stages that work on one shard at a time."""
    proteins = "proteins.parquet, from the split stage, or further.parquet"
    parser.add_argument("--proteins", required=True, help=proteins)
    parser.add_argument("--shard", type=int, required=True, help="number of this shard, from 0")
    parser.add_argument("--shards", type=int, required=True, help="number of shards in all")
    parser.add_argument("--output", required=True, help="activation file (.h5) to write")


def shard_proteins(proteins: pd.DataFrame, shard: int, n_shards: int) -> pd.DataFrame:
    """The proteins of one shard, in table order.

    Raises
    ------
    UserError
        If there are more shards than proteins, or there is no such shard.
    """
    if n_shards < 1:
        raise UserError(f"--shards {n_shards}: expected 1 or more")
    if not 0 <= shard < n_shards:
        raise UserError(f"--shard {shard}: expected 0 to {n_shards - 1} with --shards {n_shards}")
    start, stop = shard_bounds(proteins["length"].tolist(), n_shards)[shard]
    return proteins.iloc[start:stop].reset_index(drop=True)
