import numpy as np

from protsae.proteins.alphabet import LETTERS, STANDARD
from protsae.references.blosum_windows import blosum_windows, window_types

ALANINE = [4, 0, -2, -1, -2, 0, -2, -1, -1, -1, -1, -2, -1, -1, -1, 1, 0, 0, -3, -2]
"""A's row of NCBI's BLOSUM62 file, its columns put into alphabetical order."""


def test_rows_of_the_matrix() -> None:
    rows = blosum_windows([LETTERS], flank=0)
    assert rows.shape == (26, 20)
    assert rows.dtype == np.float32
    assert rows[0].tolist() == ALANINE
    standard = rows[[LETTERS.index(letter) for letter in STANDARD]]
    assert (standard == standard.T).all()
    assert standard.diagonal()[STANDARD.index("W")] == 11
    unknown = rows[LETTERS.index("X")]
    assert all((rows[LETTERS.index(letter)] == unknown).all() for letter in "JOU")
    assert (rows[LETTERS.index("B")] != unknown).any()


def test_a_window_is_its_residues_side_by_side() -> None:
    single = blosum_windows(["MKCAW"], flank=0)
    windows = blosum_windows(["MKCAW", "C"], flank=2)
    assert windows.shape == (6, 100)
    assert windows[1].tolist() == [0.0] * 20 + single[:4].ravel().tolist()
    assert windows[4].tolist() == single[2:].ravel().tolist() + [0.0] * 40
    assert windows[5].tolist() == [0.0] * 40 + single[2].tolist() + [0.0] * 40


def test_equal_windows_have_equal_types() -> None:
    types = window_types(["MKCMKC", "KCM", "C"], flank=1)
    assert len(set(types.tolist())) == 8
    assert types[4] == types[1]  # MKC
    assert types[7] == types[2]  # KCM
    assert window_types(["AZ"], flank=0).tolist() == [0, 25]
