"""GO terms of proteins with all broader ones, as the ontology has them."""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping

from protsae.io.protein_files.ontology import Ontology

Term = tuple[str, str]
"""Id and name."""


def with_broader(
    own: Mapping[str, Iterable[Term]], ontology: Ontology
) -> tuple[dict[str, set[Term]], list[str]]:
    """Terms of each protein with their ancestors, and what was not plain about them.

    Alternative ids count as the term that they are of, obsolete ones as their replacement, if there
    is one, else they are left out. Terms that the ontology lacks stay, without ancestors. A broader
    term that holds for the same proteins as one of its narrower ones would be the same label, and
    is left out.

    Parameters
    ----------
    own : mapping of str to iterable of Term
        By accession.

    Returns
    -------
    terms : dict of str to set of Term
        By accession; names are those of the ontology, where it has the term.
    notes : list of str
        A line for each kind of term that is not in the ontology under its id.
    """
    names = {term: name for terms in own.values() for term, name in terms}
    stands_for: dict[str, str | None] = {}
    for term in names:
        stands_for[term] = None if term in ontology.obsolete else ontology.moved.get(term, term)
    found = {
        accession: {
            broader
            for term, _ in terms
            if (current := stands_for[term]) is not None
            for broader in ontology.ancestors(current)
        }
        for accession, terms in own.items()
    }
    same = _same_as_a_narrower(found, ontology)
    names |= ontology.names
    terms = {
        accession: {(term, names[term]) for term in every - same}
        for accession, every in found.items()
    }
    return terms, _notes(stands_for, ontology, same)


def _same_as_a_narrower(found: Mapping[str, set[str]], ontology: Ontology) -> set[str]:
    """Terms with a narrower one in as many proteins, which are the same then."""
    counts = Counter(term for terms in found.values() for term in terms)
    return {
        broader
        for term, n in counts.items()
        for broader in ontology.ancestors(term) - {term}
        if counts[broader] == n
    }


def _notes(
    stands_for: Mapping[str, str | None], ontology: Ontology, same: Collection[str]
) -> list[str]:
    kinds = {
        "under another id in the ontology, and read so": [
            old for old, new in stands_for.items() if new not in (None, old)
        ],
        "obsolete without one replacement, and left out": [
            old for old, new in stands_for.items() if new is None
        ],
        "not in the ontology, and read without broader terms": [
            old for old, new in stands_for.items() if new == old and old not in ontology.names
        ],
        "of the same proteins as a narrower one, and left out": list(same),
    }
    return [
        f"{len(terms):,} GO terms are {words}, such as {min(terms)}"
        for words, terms in kinds.items()
        if terms
    ]
