"""DNA or RNA in place of proteins: its letters are those of amino acids, too."""

SHORTEST = 30
"""Letters of the shortest sequence that is suspected."""

NUCLEOTIDES = frozenset("ACGTUN")


def may_be_nucleic(sequence: str) -> bool:
    """Whether a sequence in upper case has no letters but A, C, G, T, U and N.

    Of proteins as long as ``SHORTEST``, next to none is so poor in kinds of amino acids.

    Examples
    --------
    >>> may_be_nucleic("ATGAAAGCGATTGCGNNNCTGGCGGTTAGCTAA"), may_be_nucleic("GATTACA")
    (True, False)
    """
    return len(sequence) >= SHORTEST and NUCLEOTIDES.issuperset(sequence)


def nucleic_notes(n_sequences: int) -> list[str]:
    """What is said of so many sequences that `may_be_nucleic`: nothing of none.

    Examples
    --------
    >>> nucleic_notes(1)
    ['1 sequence has no letters but A, C, G, T, U and N; if it is DNA or RNA, translate it']
    >>> nucleic_notes(2)[0][:44]
    '2 sequences have no letters but A, C, G, T, '
    """
    one = n_sequences == 1
    have, they_are, them = (
        ("sequence has", "it is", "it") if one else ("sequences have", "they are", "them")
    )
    text = (
        f"{n_sequences:,} {have} no letters but A, C, G, T, U and N; if {they_are} DNA or RNA, "
        f"translate {them}"
    )
    return [text] if n_sequences else []
