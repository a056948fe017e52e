"""How many nodes or edges it takes to keep a share of an output."""

from collections.abc import Callable, Sequence

import numpy as np

Measure = Callable[[Sequence[int]], np.ndarray]
"""Faithfulness with so many of the largest kept, for some numbers, ascending."""


def keeps(faithfulness: float, share: float) -> bool:
    """Whether faithfulness is within 1 - share of 1, on either side.

    More than 1 is no better than less: what holds the output back is missing.

    Examples
    --------
    >>> [keeps(f, 0.8) for f in (0.75, 0.8, 1.0, 1.3)]
    [False, True, True, False]
    """
    return abs(1 - faithfulness) <= 1 - share + 1e-9


def ladder(most: int) -> list[int]:
    """Numbers to try, each about 1.4 times the one before, up to ``most``.

    Examples
    --------
    >>> ladder(20)
    [1, 2, 3, 4, 6, 8, 11, 16, 20]
    """
    sizes = np.unique([*np.round(2 ** np.arange(0, np.log2(max(most, 1)), 0.5)), most])
    return [int(n) for n in sizes if n >= 1]


def smallest_size(measure: Measure, most: int, share: float) -> tuple[int | None, dict[int, float]]:
    """The smallest number from which on all larger ones tried keep a share; None if ``most`` fails.

    First the numbers of `ladder`, then halving between the largest that fails and the next one,
    until they are 5 % apart.
    Smaller ones may do by chance where one effect offsets another; so it is not the first that
    does.

    Returns
    -------
    (int or None, dict)
        And the faithfulness of every number tried.

    Examples
    --------
    >>> smallest_size(lambda sizes: np.array([min(n / 10, 1.0) for n in sizes]), 20, 0.7)[0]
    7
    """
    sizes = ladder(most)
    curve = dict(zip(sizes, map(float, measure(sizes)), strict=True)) if sizes else {}
    failing = [n for n in sizes if not keeps(curve[n], share)]
    low = failing[-1] if failing else 0
    if not sizes or low == most:
        return None, curve
    high = min(n for n in sizes if n > low)
    while high - low > max(1, high // 20):
        middle = (low + high) // 2
        curve[middle] = float(measure([middle])[0])
        low, high = (low, middle) if keeps(curve[middle], share) else (middle, high)
    return high, dict(sorted(curve.items()))
