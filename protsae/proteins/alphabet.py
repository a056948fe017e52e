"""The 26 letters of the extended IUPAC protein alphabet, A to Z, and their one-hot code."""

import numpy as np

LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
"""Row order of the one-hot code: 20 standard residues, U, O, and the ambiguity codes B, Z, J, X."""

STANDARD = "ACDEFGHIKLMNPQRSTVWY"
"""The 20 standard amino acids, one-letter codes in alphabetical order."""


def letter_index(sequence: str) -> np.ndarray:
    """Row of each letter in the one-hot code: ``ord(letter) - ord('A')``.

    Parameters
    ----------
    sequence : str
        Upper-case letters A to Z only (what ``fetch`` lets through).

    Returns
    -------
    ndarray, dtype=uint8, shape=(n_residues,)

    Raises
    ------
    ValueError
        For any other character; the message names the 1-based position.

    Examples
    --------
    >>> letter_index("MAZ").tolist()
    [12, 0, 25]
    """
    index = np.frombuffer(sequence.encode("utf-32-le"), dtype=np.uint32).astype(np.int64) - ord("A")
    wrong = np.flatnonzero((index < 0) | (index > 25))
    if wrong.size:
        at = int(wrong[0])
        raise ValueError(f"position {at + 1} holds {sequence[at]!r}; expected a letter A to Z")
    return index.astype(np.uint8)


def one_hot(sequence: str, dtype: type = np.uint8) -> np.ndarray:
    """One-hot code of a sequence, residues in rows: the transpose of x in {0, 1}^(26 x T).

    Returns
    -------
    ndarray, shape=(n_residues, 26)
        Exactly one 1 in each row, in the column of the residue's letter.

    Examples
    --------
    >>> one_hot("CA")[:, :4].tolist()
    [[0, 0, 1, 0], [1, 0, 0, 0]]
    """
    return np.eye(26, dtype=dtype)[letter_index(sequence)]
