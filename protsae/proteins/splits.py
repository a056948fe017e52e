"""Train, valid and test that never share a homology cluster, and keep their proteins."""

import hashlib
from collections.abc import Sequence

import numpy as np
from scipy import sparse

from protsae.errors import UserError
from protsae.proteins.balance import balance_parts
from protsae.proteins.linked_groups import linked_groups
from protsae.proteins.split_names import PARTS, SPLITS
from protsae.statistics.cluster_intervals import group_sums

_NEW, _OUT = -1, len(SPLITS)


def assign_splits(
    cluster: np.ndarray,
    sequences: Sequence[str],
    valid: float,
    test: float,
    seed: int,
    concepts: sparse.csr_array | None = None,
) -> np.ndarray:
    """Split of each protein, made for the first time: whole clusters, near the wanted shares.

    Each cluster goes where a hash of one of its sequences puts it (`drawn_parts`), which depends on
    no other protein. Then few clusters move, so that residues are shared as wanted and concepts
    that can be scored are (`balance_parts`).

    Parameters
    ----------
    cluster : ndarray of int, shape (n_proteins,)
    sequences : sequence of str
    valid, test : float
        Shares of residues; the rest is train.
    concepts : csr_array of int, shape (n_proteins, n_concepts), optional
        Residues of each protein that have the concept.

    Returns
    -------
    ndarray of str, shape (n_proteins,)

    Raises
    ------
    UserError
        If a split would be empty.

    Examples
    --------
    >>> sequences = ["M" * 30, "K" * 30, "C" * 20, "A" * 20]
    >>> assign_splits(np.array([0, 0, 2, 3]), sequences, valid=0.2, test=0.2, seed=0).tolist()
    ['train', 'train', 'valid', 'test']
    """
    member = _dense(cluster)
    n_clusters = int(member.max()) + 1
    if concepts is None:
        concepts = sparse.csr_array((len(member), 0), dtype=np.int64)
    part = balance_parts(
        drawn_parts(member, sequences, valid, test, seed),
        _cluster_residues(member, sequences),
        np.array([1 - valid - test, valid, test]),
        group_sums(concepts, member, n_clusters),
    )
    split = np.array(SPLITS, dtype=object)[part[member]]
    _check_none_is_empty(split, n_clusters, valid, test)
    return split


def extend_splits(
    cluster: np.ndarray,
    sequences: Sequence[str],
    old_split: np.ndarray,
    old_cluster: np.ndarray,
    links: np.ndarray,
    valid: float,
    test: float,
    seed: int,
) -> tuple[np.ndarray, np.ndarray]:
    """Split and cluster of each protein, where some have theirs from before and keep it.

    A new protein follows the old ones of its cluster; a cluster without old ones goes where a hash
    of one of its sequences puts it (`drawn_parts`). Where a cluster joins old proteins of two
    parts, those of different parts stay apart; a new protein there is left out if it is linked to
    two parts, directly or through other new ones, or to none that is seen.

    Parameters
    ----------
    cluster : ndarray of int, shape (n_proteins,)
        Old and new proteins clustered together.
    sequences : sequence of str
    old_split : ndarray of str, shape (n_proteins,)
        "" for a new protein.
    old_cluster : ndarray of int, shape (n_proteins,)
        Cluster from before; not used for a new protein.
    links : ndarray of int, shape (n_links, 2)
        Pairs of relatives in the clusters of `joining_clusters`.
    valid, test : float
        Shares of residues.

    Returns
    -------
    split : ndarray of str, shape (n_proteins,)
        train, valid, test or `LEFT_OUT`.
    cluster : ndarray of int, shape (n_proteins,)
        Index of the cluster's first protein. Each that is left out is a cluster of its own.

    Raises
    ------
    UserError
        If a split is empty.

    Examples
    --------
    Protein 3 joins 0 and 1; protein 4 is a relative of 0 alone:

    >>> split, cluster = extend_splits(
    ...     np.array([0, 0, 2, 0, 0]),
    ...     ["MKC", "MKA", "AA", "MK", "MC"],
    ...     np.array(["train", "test", "valid", "", ""], dtype=object),
    ...     np.array([0, 1, 2, -1, -1]),
    ...     np.array([[0, 3], [1, 3], [0, 4]]),
    ...     valid=0.2,
    ...     test=0.2,
    ...     seed=0,
    ... )
    >>> split.tolist(), cluster.tolist()
    (['train', 'test', 'valid', 'left out', 'train'], [0, 1, 2, 3, 0])
    """
    member, part = _dense(cluster), _part_numbers(old_split)
    new, joining = part == _NEW, joining_clusters(cluster, old_split)
    touched = _parts_touched(member, part)
    drawn = drawn_parts(member, sequences, valid, test, seed)
    follows = np.where(touched.any(axis=1), touched.argmax(axis=1), drawn)[member]
    by_links = _parts_by_links(part, new & joining, links)
    part = np.where(new, np.where(joining, by_links, follows), part)
    used = part != _OUT

    within = used[links].all(axis=1) & (part[links[:, 0]] == part[links[:, 1]])
    edges = (
        _to_first(np.flatnonzero(used & ~joining), cluster),
        _to_first(np.flatnonzero(used & joining & ~new), old_cluster),
        links[within],
    )
    found = linked_groups(np.concatenate(edges), len(part))
    split = np.array(PARTS, dtype=object)[part]
    _check_none_is_empty(split, len(np.unique(found[used])), valid, test)
    return split, found


def joining_clusters(cluster: np.ndarray, old_split: np.ndarray) -> np.ndarray:
    """Proteins in clusters that hold old proteins of two parts: bool, shape (n_proteins,).

    Examples
    --------
    >>> old_split = np.array(["train", "test", "", "train", "train"], dtype=object)
    >>> joining_clusters(np.array([0, 0, 0, 3, 3]), old_split).tolist()
    [True, True, True, False, False]
    """
    member = _dense(cluster)
    joining: np.ndarray = (_parts_touched(member, _part_numbers(old_split)).sum(axis=1) > 1)[member]
    return joining


def drawn_parts(
    member: np.ndarray, sequences: Sequence[str], valid: float, test: float, seed: int
) -> np.ndarray:
    """Part of each cluster by the seeded hash of one of its sequences.

    Of a cluster's sequences the one with the smallest hash counts, so that a new member seldom
    changes the draw. A cluster with more residues than the share of valid (test) is not drawn for
    it but goes to train.

    Parameters
    ----------
    member : ndarray of int, shape (n_proteins,)
        Number of each protein's cluster, from 0.

    Returns
    -------
    ndarray of int, shape (n_clusters,)
        0 train, 1 valid, 2 test.
    """
    rank, draw = _hashes(sequences, seed)
    by_rank = np.argsort(rank, kind="stable")
    _, first = np.unique(member[by_rank], return_index=True)
    leading = draw[by_rank][first]
    part = np.where(leading < test, 2, np.where(leading < test + valid, 1, 0))
    residues = _cluster_residues(member, sequences)
    wanted = np.array([1.0, valid, test]) * residues.sum()
    fits: np.ndarray = np.where(residues <= wanted[part], part, 0)
    return fits


def _hashes(sequences: Sequence[str], seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Two independent numbers of each sequence: uint64, and float64 in [0, 1)."""
    digests = [hashlib.sha256(f"{seed} {sequence}".encode()).digest() for sequence in sequences]
    words = np.frombuffer(b"".join(digests), dtype=">u8").reshape(-1, 4)
    return words[:, 0].astype(np.uint64), (words[:, 1] >> np.uint64(11)) / 2.0**53


def _cluster_residues(member: np.ndarray, sequences: Sequence[str]) -> np.ndarray:
    lengths = np.array([len(sequence) for sequence in sequences])
    residues: np.ndarray = np.bincount(member, weights=lengths)
    return residues


def _part_numbers(split: np.ndarray) -> np.ndarray:
    """Places in ``PARTS``, or ``_NEW`` for "": int64."""
    return np.array([PARTS.index(name) if name else _NEW for name in split], dtype=np.int64)


def _parts_touched(group: np.ndarray, part: np.ndarray) -> np.ndarray:
    """Which parts have a protein in each group: bool, shape (n_groups, 3)."""
    touched = np.zeros((group.max(initial=-1) + 1, len(SPLITS)), dtype=bool)
    used = (part != _NEW) & (part != _OUT)
    touched[group[used], part[used]] = True
    return touched


def _parts_by_links(part: np.ndarray, wanted: np.ndarray, links: np.ndarray) -> np.ndarray:
    """Part of each wanted protein by the old ones that it is linked to, or ``_OUT``; int64.

    Those linked to two parts are out first, then chains of the others that reach two parts or none.
    """
    to_old = np.concatenate([links, links[:, ::-1]])
    to_old = to_old[(part[to_old[:, 1]] != _NEW) & (part[to_old[:, 1]] != _OUT)]
    touched = np.zeros((len(part), len(SPLITS)), dtype=bool)
    touched[to_old[:, 0], part[to_old[:, 1]]] = True
    single = wanted & (touched.sum(axis=1) < 2)
    chain = linked_groups(links[single[links].all(axis=1)], len(part))
    of_chain = np.zeros_like(touched)
    np.logical_or.at(of_chain, chain[single], touched[single])
    one = single & (of_chain.sum(axis=1) == 1)[chain]
    found: np.ndarray = np.where(one, of_chain.argmax(axis=1)[chain], _OUT)
    return found


def _to_first(members: np.ndarray, group: np.ndarray) -> np.ndarray:
    """Each member paired with the first of its group: int64, shape (n_members, 2)."""
    _, first, number = np.unique(group[members], return_index=True, return_inverse=True)
    return np.stack([members, members[first][number]], axis=1)


def _dense(values: np.ndarray) -> np.ndarray:
    """The values' ranks, equal ones alike: int64, from 0."""
    inverse: np.ndarray = np.unique(values, return_inverse=True)[1]
    return inverse


def _check_none_is_empty(split: np.ndarray, n_clusters: int, valid: float, test: float) -> None:
    shares = (1 - valid - test, valid, test)
    empty = [name for name, p in zip(SPLITS, shares, strict=True) if p > 0 and name not in split]
    if empty:
        raise UserError(
            f"split: nothing left for {' and '.join(empty)}: {len(split)} proteins in "
            f"{n_clusters} homology clusters; give more diverse proteins"
        )
