"""Where labels and features lie: masks over all residues, conserved within families."""

import numpy as np

from benchmarks.worlds.families import Families

UNIFORM, MIDDLE, ENDS = (1.0, 1.0), (4.0, 4.0), (0.4, 0.4)
"""Beta laws of where a window begins, between the first and the last place that holds it."""


def annotated(
    rng: np.random.Generator, families: Families, share: float, by_size: float = 0.8
) -> np.ndarray:
    """Families that have something: more of the large ones; bool, shape (n_families,)."""
    odds = share / (1 - share) * families.size**by_size / np.mean(families.size**by_size)
    chosen: np.ndarray = rng.random(families.n_families) < odds / (1 + odds)
    return chosen


def windows(
    rng: np.random.Generator,
    families: Families,
    has: np.ndarray,
    size: tuple[float, float],
    where: tuple[float, float] = UNIFORM,
    missing: float = 0.1,
    group: np.ndarray | None = None,
) -> np.ndarray:
    """A window in every protein of the families, in the same place of all relatives.

    Parameters
    ----------
    has : ndarray of bool, shape (n_families,)
    size : (float, float)
        Residues, or below 1 shares of the ancestor's length.
    where : (float, float)
        Parameters of the Beta law of where it begins.
    missing : float
        Share of the proteins without it all the same.
    group : ndarray of int, shape (n_families,), optional
        Families of one number have it in the same place of the ancestor.
    """
    begin, end = family_windows(rng, families.ancestor, size, where)
    if group is not None:
        begin, end = begin[group], end[group]
    return spread(rng, families, has, begin, end, missing)


def family_windows(
    rng: np.random.Generator,
    lengths: np.ndarray,
    size: tuple[float, float],
    where: tuple[float, float] = UNIFORM,
) -> tuple[np.ndarray, np.ndarray]:
    """First residue and the one after the last of a window in each of these lengths."""
    width = rng.uniform(*size, len(lengths)) * (lengths if size[1] <= 1 else 1)
    width = np.clip(width.astype(np.int64), 1, lengths)
    begin = (rng.beta(*where, len(lengths)) * (lengths - width + 1)).astype(np.int64)
    return begin, begin + width


def spread(
    rng: np.random.Generator,
    families: Families,
    has: np.ndarray,
    begin: np.ndarray,
    end: np.ndarray,
    missing: float = 0.0,
) -> np.ndarray:
    """Stretches of ancestors, shape (n_families, ...), in the proteins of the families."""
    keep = has[families.family] & (rng.random(families.n_proteins) >= missing)
    protein = np.flatnonzero(keep)
    begin, end = (
        x.reshape(families.n_families, -1)[families.family[protein]] for x in (begin, end)
    )
    each = np.repeat(protein, begin.shape[1])
    begins, lasts = families.places(each, begin.ravel()), families.places(each, end.ravel() - 1)
    some = (end > begin).ravel()
    return families.mask(each[some], begins[some], lasts[some] + 1)


def from_terminus(
    rng: np.random.Generator,
    families: Families,
    has: np.ndarray,
    distance: tuple[float, float],
    size: tuple[float, float],
    terminus: str = "N",
    missing: float = 0.1,
) -> np.ndarray:
    """A window at about the same distance from the protein's own end, whatever its length.

    The window of a family begins at one distance in all of its proteins.
    """
    first = rng.uniform(*distance, families.n_families).astype(np.int64)
    width = rng.uniform(*size, families.n_families).astype(np.int64)
    keep = has[families.family] & (rng.random(families.n_proteins) >= missing)
    protein = np.flatnonzero(keep)
    begin = first[families.family[protein]]
    end = begin + width[families.family[protein]]
    if terminus == "C":
        begin, end = families.lengths[protein] - end, families.lengths[protein] - begin
    # Of a shorter protein, nothing: half a window would be nearer to the end.
    fits = (begin >= 0) & (end <= families.lengths[protein])
    return families.mask(protein[fits], begin[fits], end[fits])


def alternating(
    rng: np.random.Generator,
    families: Families,
    has: np.ndarray,
    size: tuple[float, float],
    gap: tuple[float, float],
    most: int = 60,
    missing: float = 0.1,
) -> np.ndarray:
    """Runs and gaps in turn along the chain, as helices or spans of a membrane; ``most`` at most.

    The first begins or is cut as if the chain were a part of an endless one, and so the last.
    """
    shape = (families.n_families, most)
    gaps, sizes = (rng.uniform(*x, shape).astype(np.int64) for x in (gap, size))
    # Up to four turns earlier, so that no place is any nearer to where a turn began.
    cycle = (gaps + sizes).mean(1, keepdims=True)
    shift = 4 * rng.random((len(cycle), 1)) * cycle
    end = np.cumsum(gaps + sizes, axis=1) - shift.astype(np.int64)
    begin = end - sizes
    begin, end = (np.clip(x, 0, families.ancestor[:, None]) for x in (begin, end))
    return spread(rng, families, has, begin, end, missing)


def scattered(rng: np.random.Generator, mask: np.ndarray, share: float) -> np.ndarray:
    """Each row of the mask with this chance."""
    kept = np.zeros(len(mask), dtype=bool)
    rows = np.flatnonzero(mask)
    kept[rows[rng.random(len(rows), np.float32) < share]] = True
    return kept


def known_within(
    rng: np.random.Generator, families: Families, share: float, conserved: bool = False
) -> np.ndarray:
    """Known in one stretch of about this share of each protein, unknown at the ends."""
    begin, end = _part(rng, families, share, conserved)
    return families.mask(np.arange(families.n_proteins), begin, end)


def known_around(
    rng: np.random.Generator, families: Families, share: float, conserved: bool = False
) -> np.ndarray:
    """Known but for one stretch inside each protein."""
    begin, end = _part(rng, families, 1 - share, conserved)
    return ~families.mask(np.arange(families.n_proteins), begin, end)


def known_pieces(
    rng: np.random.Generator, families: Families, share: float, piece: tuple[int, int] = (8, 30)
) -> np.ndarray:
    """Pieces of each protein known or not, one by one, elsewhere in each relative."""
    width = rng.integers(*piece, families.n_proteins)
    number = families.place // width[families.protein]
    drawn = rng.random((families.n_proteins, int(number.max()) + 1), np.float32) < share
    known: np.ndarray = drawn[families.protein, number]
    return known


def on_all(families: Families) -> np.ndarray:
    """All families."""
    return np.ones(families.n_families, dtype=bool)


def some_families(rng: np.random.Generator, families: Families, share: float) -> np.ndarray:
    """Families with this chance each, whatever their size."""
    chosen: np.ndarray = rng.random(families.n_families) < share
    return chosen


def _part(
    rng: np.random.Generator, families: Families, share: float, conserved: bool
) -> tuple[np.ndarray, np.ndarray]:
    size = (max(0.02, share - 0.1), min(0.98, share + 0.1))
    if not conserved:
        return family_windows(rng, families.lengths, size)
    begin, end = family_windows(rng, families.ancestor, size)
    protein = np.arange(families.n_proteins)
    first, last = (families.places(protein, x[families.family]) for x in (begin, end))
    return first, last
