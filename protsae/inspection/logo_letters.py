"""What a sequence logo shows: how high each letter is, and which amino acids are enriched."""

import numpy as np
import pandas as pd

from protsae.proteins.alphabet import STANDARD


def letter_heights(logo: pd.DataFrame) -> pd.DataFrame:
    """Height of each amino acid in a logo, in bits: its frequency times the information there.

    Parameters
    ----------
    logo : DataFrame
        Rows of a feature in the logos table.

    Returns
    -------
    DataFrame
        float64, one row per offset (the index), one column per amino acid. A row adds up to the
        information at its offset.

    References
    ----------
    Schneider & Stephens 1990, doi:10.1093/nar/18.20.6097

    Examples
    --------
    >>> frequencies = [0.75, 0.25, *[0.0] * 18]
    >>> logo = pd.DataFrame({"offset": [0], "information": [2.0], "frequencies": [frequencies]})
    >>> letter_heights(logo)[["A", "C", "D"]].values.tolist()
    [[1.5, 0.5, 0.0]]
    """
    frequencies = np.array(logo["frequencies"].tolist(), np.float64).reshape(-1, len(STANDARD))
    heights = frequencies * logo["information"].to_numpy(np.float64)[:, None]
    return pd.DataFrame(heights, index=logo["offset"].to_numpy(), columns=list(STANDARD))


def enriched_letters(logo: pd.DataFrame) -> dict[int, str]:
    """Enriched amino acids by offset, the most certain first; offsets without any are left out.

    Examples
    --------
    >>> enriched_letters(pd.DataFrame({"offset": [-4, -3, 0], "enriched": ["KR", None, "LA"]}))
    {-4: 'KR', 0: 'LA'}
    """
    found = logo[logo["enriched"].notna()]
    return dict(zip(found["offset"].tolist(), found["enriched"].tolist(), strict=True))


def enriched_words(logo: pd.DataFrame) -> str:
    """The same in words, for a line of text.

    Examples
    --------
    >>> enriched_words(pd.DataFrame({"offset": [-4, 0, 6], "enriched": ["KR", "LA", "L"]}))
    '-4 KR, 0 LA, +6 L'
    >>> enriched_words(pd.DataFrame({"offset": [0], "enriched": [None]}))
    'none'
    """
    letters = enriched_letters(logo).items()
    return ", ".join(f"{offset:+d} {own}".replace("+0", "0") for offset, own in letters) or "none"


def consensus(logo: pd.DataFrame) -> str:
    """The most certain enriched amino acid at each offset, a dot where there is none.

    Examples
    --------
    >>> consensus(pd.DataFrame({"offset": [-1, 0, 1], "enriched": [None, "LA", "L"]}))
    '.LL'
    """
    letters = enriched_letters(logo)
    return "".join(letters.get(offset, ".")[0] for offset in logo["offset"].tolist())
