"""What a detector's score is worth where a concept is more common, or rarer.

Recall and false-positive rate carry over to proteins with other base rates; F1 does not.
"""

from collections.abc import Mapping, Sequence

import numpy as np

from protsae.association.scoring.metrics import ratio


def false_positive_rate(
    true_positives: np.ndarray, on: np.ndarray, positives: np.ndarray, n_residues: np.ndarray
) -> np.ndarray:
    """(on - TP) / (n - positives): share of the residues without the concept that are on.

    Examples
    --------
    Ten residues are known, four of them with the concept; of five on, three have it:

    >>> float(false_positive_rate(np.array(3), np.array(5), np.array(4), np.array(10)))
    0.3333333333333333
    """
    return ratio(on - true_positives, n_residues - positives)


def f1_at_base_rate(
    recall: np.ndarray, false_positive_rate: np.ndarray, base_rate: np.ndarray
) -> np.ndarray:
    """2 r b / (r b + a (1 - b) + b): F1 of recall r and false-positive rate a at base rate b.

    At the base rate that r and a were measured at, it is the F1 measured there.

    Returns
    -------
    ndarray, dtype=float64
        Broadcast; 0 where nothing is on and nothing has the concept, NaN where the rate is.

    Examples
    --------
    A detector that finds 80 % and is on at 1 % of all else, where 10 % and where 1 % have the
    concept:

    >>> f1_at_base_rate(np.array(0.8), np.array(0.01), np.array([0.1, 0.01])).round(3).tolist()
    [0.847, 0.573]
    """
    found = recall * base_rate
    f1 = ratio(2 * found, found + false_positive_rate * (1 - base_rate) + base_rate)
    return np.where(np.isnan(base_rate), np.nan, f1)


def rates_of(concepts: Sequence[str], rates: Mapping[str, float]) -> np.ndarray:
    """Base rate of each concept by its name, float64; NaN where ``rates`` has none.

    Examples
    --------
    >>> rates_of(["SIGNAL", "MOTIF"], {"SIGNAL": 0.01}).tolist()
    [0.01, nan]
    """
    return np.array([rates.get(name, np.nan) for name in concepts], dtype=np.float64)
