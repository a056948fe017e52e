"""Sequence logos: which amino acids stand around the places where a feature is strongest."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.special import betainc

from protsae.association.scoring.metrics import CALLED_Q
from protsae.features.leading_sites import Sites
from protsae.proteins.alphabet import STANDARD, letter_index
from protsae.statistics import ragged
from protsae.statistics.cluster_intervals import group_sums
from protsae.statistics.multiple_testing import benjamini_hochberg

FLANK = 10
"""Residues on each side of the peak."""

OFFSETS = np.arange(-FLANK, FLANK + 1)

FEWEST_WINDOWS = 10
"""Windows, each of another homology cluster, below which a feature has no logo."""

END = 30
"""Residues from either end whose composition is a background of its own."""

AT_ONCE = 2000
"""Windows whose backgrounds are held at a time: memory, not results."""

_OTHER = len(STANDARD)
"""In place of the index of an amino acid, for a letter that is none of the 20."""


def logo_rows(backgrounds: "Backgrounds", sites: Sites) -> pd.DataFrame:
    """What stands at each offset from the peak, a row for each feature and offset.

    A window is centred on each site. Of the windows that reach to an offset and have one of the
    20 amino acids there, a share f_a has amino acid a. b_a is the mean over these windows of two
    frequencies of a, the larger one, divided by their sum over all a: in the protein itself, and at
    residues as far from the nearer chain end (`END`) in the proteins of train and valid, a homology
    cluster weighing 1. So what only follows from composition or from chain ends is background.

    - ``information`` = sum_a f_a log2(f_a / b_a) - 19 / (2 ln 2 n), at least 0, in bits, where n is
      the number of windows (Schneider et al. 1986, doi:10.1016/0022-2836(86)90165-8).
    - ``enriched``: the amino acids with q <= 0.05. p is the chance of so many windows with a or
      more, if n draws had it with the mean of the larger frequencies each: a bound, as draws with
      the same mean vary at most that much (Hoeffding 1956, doi:10.1214/aoms/1177728178). q is by
      Benjamini-Hochberg over all amino acids, offsets and features.

    Parameters
    ----------
    backgrounds : Backgrounds
        Of the protein table, to whose rows the sites point.
    sites : Sites
        At most one in a homology cluster for each feature, the group; by group.

    Returns
    -------
    DataFrame
        Columns of the logos table but for model, layer and variant; features with at least
        `FEWEST_WINDOWS` sites.
    """
    sizes = np.bincount(sites.group, minlength=int(sites.group.max(initial=-1)) + 1)
    sites = sites.take(sizes[sites.group] >= FEWEST_WINDOWS)
    features = np.unique(sites.group)
    shape = len(features), len(OFFSETS), len(STANDARD)
    counts, expected = np.zeros(shape), np.zeros(shape)
    sizes = sizes[features]
    for some in _parts(sizes):
        own = slice(int(sizes[: some.start].sum()), int(sizes[: some.stop].sum()))
        letters, chances = backgrounds.around(sites.protein[own], sites.residue[own])
        group, n_groups = ragged.groups(sizes[some]), len(sizes[some])
        cell = (group[:, None] * len(OFFSETS) + np.arange(len(OFFSETS))) * (_OTHER + 1) + letters
        counted = np.bincount(cell.ravel(), minlength=n_groups * len(OFFSETS) * (_OTHER + 1))
        counts[some] = counted.reshape(n_groups, len(OFFSETS), -1)[..., :_OTHER]
        summed = group_sums(chances.reshape(len(group), -1), group, n_groups)
        expected[some] = summed.reshape(expected[some].shape)
    n_windows = counts.sum(-1, keepdims=True)
    p_values = _at_least(counts, n_windows, expected)
    q_values = benjamini_hochberg(p_values.ravel()).reshape(shape)
    with np.errstate(divide="ignore", invalid="ignore"):
        frequencies = np.where(n_windows > 0, counts / n_windows, 0.0)
        background = expected / expected.sum(-1, keepdims=True)
        terms = np.where(counts > 0, frequencies * np.log2(frequencies / background), 0.0)
        bias = (len(STANDARD) - 1) / (2 * np.log(2) * n_windows[..., 0])
    information = np.maximum(terms.sum(-1) - bias, 0.0)
    of_offset = len(features) * len(OFFSETS), len(STANDARD)
    return pd.DataFrame(
        {
            "feature": np.repeat(features, len(OFFSETS)),
            "offset": np.tile(OFFSETS, len(features)),
            "n_windows": n_windows.ravel().astype(np.int64),
            "information": information.ravel(),
            "enriched": _enriched(q_values.reshape(of_offset), p_values.reshape(of_offset)),
            "frequencies": pd.Series(list(frequencies.reshape(of_offset)), dtype=object),
            "background": pd.Series(
                list(np.nan_to_num(background).reshape(of_offset).round(4)), dtype=object
            ),
        }
    )


def _parts(sizes: np.ndarray) -> Iterator[slice]:
    """Features, one after another, whose windows begin among the same `AT_ONCE`.

    Examples
    --------
    >>> list(_parts(np.array([1500, 400, 200, 1900])))
    [slice(0, 3, None), slice(3, 4, None)]
    """
    number = ragged.starts(sizes) // AT_ONCE
    first = np.flatnonzero(ragged.changes(number)) if len(sizes) else np.empty(0, np.int64)
    ends = np.append(first, len(sizes))[1:]
    return (slice(*each) for each in zip(first.tolist(), ends.tolist(), strict=True))


def _at_least(counts: np.ndarray, n: np.ndarray, expected: np.ndarray) -> np.ndarray:
    """Bound of the chance of ``counts`` or more, of draws with ``expected`` of them on average.

    Hoeffding's bound holds from one above the mean; below it is 1.
    """
    share = np.divide(expected, n, out=np.zeros_like(expected), where=n > 0)
    # P(X >= c) of the binomial law; c = 0 is below the mean. scipy.stats, which takes it from here,
    # would be half a second of imports.
    least = np.maximum(counts, 1)
    tail = betainc(least, n - least + 1, np.minimum(share, 1))
    return np.where(counts >= expected + 1, tail, 1.0)


def _enriched(q_values: np.ndarray, p_values: np.ndarray) -> list[str | None]:
    """Letters with q <= 0.05 in each row, the smallest p first; None without any."""
    order = np.argsort(p_values, axis=1, kind="stable")
    called = q_values <= CALLED_Q
    return [
        "".join(STANDARD[i] for i in ranked if is_called[i]) or None
        for ranked, is_called in zip(order, called, strict=True)
    ]


@dataclass(frozen=True, eq=False)
class Backgrounds:
    """The letters of all proteins, and how frequent amino acids are where they stand.

    The same for all SAEs of a layer.

    Attributes
    ----------
    letters : ndarray of int8, shape (n_residues,)
        Index into STANDARD, or _OTHER.
    first, lengths : ndarray of int, shape (n_proteins,)
    of_protein : ndarray, shape (n_proteins, 20)
        Share of each amino acid in the protein.
    of_place : ndarray, shape (2 END + 1, 20)
        The same at each distance from the N-terminus, from the C-terminus, and elsewhere.
    """

    letters: np.ndarray
    first: np.ndarray
    lengths: np.ndarray
    of_protein: np.ndarray
    of_place: np.ndarray

    @classmethod
    def of(cls, proteins: pd.DataFrame) -> "Backgrounds":
        """From the protein table: sequence, cluster and split."""
        index = np.full(26, _OTHER, np.int8)
        index[letter_index(STANDARD)] = np.arange(len(STANDARD))
        lengths = proteins["sequence"].str.len().to_numpy()
        letters = index[letter_index("".join(proteins["sequence"]))]
        protein = ragged.groups(lengths)
        table = np.zeros((len(proteins), _OTHER + 1))
        np.add.at(table, (protein, letters), 1)
        table = table[:, :_OTHER]
        of_protein = table / np.maximum(table.sum(1, keepdims=True), 1)
        own = proteins["split"].isin(["train", "valid"]).to_numpy()
        weight = 1 / proteins.groupby("cluster")["cluster"].transform("size").to_numpy()
        place = _places(ragged.places(lengths), lengths[protein])
        at = np.zeros((2 * END + 1, _OTHER + 1))
        np.add.at(at, (place, letters), np.where(own, weight, 0)[protein])
        at = at[:, :_OTHER]
        overall = at.sum(0) / at.sum()
        # As if 20 more residues of average composition had been seen at each place.
        of_place = (at + 20 * overall) / (at.sum(1, keepdims=True) + 20)
        return cls(letters, ragged.starts(lengths), lengths, of_protein, of_place)

    def around(self, protein: np.ndarray, residue: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Letters within FLANK of residues, and the chance of each amino acid there.

        Returns
        -------
        letters : ndarray of int8, shape (n, 2 FLANK + 1)
            _OTHER beyond chain ends, too.
        chances : ndarray, shape (n, 2 FLANK + 1, 20)
            The larger of both backgrounds; 0 where the letter is _OTHER.
        """
        position = residue[:, None] + OFFSETS
        length = self.lengths[protein][:, None]
        inside = (position >= 0) & (position < length)
        position = np.clip(position, 0, length - 1)
        letters = self.letters[self.first[protein][:, None] + position]
        letters = np.where(inside, letters, _OTHER)
        place = self.of_place[_places(position, length)]
        chances = np.maximum(self.of_protein[protein][:, None], place)
        return letters, np.where((letters < _OTHER)[..., None], chances, 0)


def _places(position: np.ndarray, length: np.ndarray) -> np.ndarray:
    """Row of ``of_place``: by the distance to the nearer end, of equals the N-terminus.

    Examples
    --------
    >>> _places(np.array([0, 2, 3, 99]), np.array([5, 5, 5, 200])).tolist()
    [0, 2, 31, 60]
    """
    to_end = length - 1 - position
    near_start, near_end = position <= to_end, to_end < position
    place = np.where(near_start & (position < END), position, 2 * END)
    nearest: np.ndarray = np.where(near_end & (to_end < END), END + to_end, place)
    return nearest
