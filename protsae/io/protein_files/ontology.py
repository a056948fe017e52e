"""The Gene Ontology, from its OBO file: names, ancestors, and terms that have moved."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import networkx as nx

from protsae.errors import UserError
from protsae.io.text_files import open_text

EXPECTED = "the Gene Ontology in OBO format, such as go-basic.obo"
FOLLOWED = ("is_a", "part_of")
"""Relations along which a protein of the narrower term has the broader one. Not ``regulates``: what
regulates a process is no part of it.

https://geneontology.org/docs/ontology-relations/
"""

PARTS = {"cellular_component": "C", "molecular_function": "F", "biological_process": "P"}
"""Parts of the ontology, as UniProt's entries call them."""


@dataclass(frozen=True, eq=False)
class Ontology:
    """Terms of the Gene Ontology.

    Attributes
    ----------
    names : mapping of str to str
        Such as GO:0005737 to "C:cytoplasm", of all that are not obsolete.
    moved : mapping of str to str
        Alternative ids, and obsolete ids with one replacement, to the term that stands for them.
    obsolete : frozenset of str
        Ids of obsolete terms without, or with several.
    broader : DiGraph
        From each term to those that it is, or is a part of.
    """

    names: Mapping[str, str]
    moved: Mapping[str, str]
    obsolete: frozenset[str]
    broader: nx.DiGraph

    @cached_property
    def _found(self) -> dict[str, frozenset[str]]:
        return {}

    def ancestors(self, term: str) -> frozenset[str]:
        """All broader terms, over any number of steps, the term itself among them."""
        if term not in self._found:
            above = nx.descendants(self.broader, term) if term in self.broader else set()
            self._found[term] = frozenset((term, *above))
        return self._found[term]


def read_ontology(path: str | Path) -> Ontology:
    """Read an OBO file, plain or gzipped.

    Raises
    ------
    UserError
        If the file is missing, or not the Gene Ontology in OBO format.
    """
    # Imported here, as no other command needs it.
    import obonet

    with open_text(path, EXPECTED) as handle:
        if not handle.read(1):
            raise UserError(f"{path}: empty file; expected {EXPECTED}")
        handle.seek(0)
        try:
            graph = obonet.read_obo(handle, ignore_obsolete=False)
        except (ValueError, KeyError, AttributeError) as error:
            why = " ".join(str(error).split())[:100]
            raise UserError(f"{path}: {why}; expected {EXPECTED}") from None
    terms: dict[str, dict[str, Any]] = dict(graph.nodes(data=True))
    is_old = {term: of.get("is_obsolete") == "true" for term, of in terms.items()}
    current = {term: of for term, of in terms.items() if of.get("name") and not is_old[term]}
    names = {
        term: f"{PARTS[of['namespace']]}:{of['name']}"
        for term, of in current.items()
        if of.get("namespace") in PARTS
    }
    if not names:
        raise UserError(f"{path}: no terms of GO; expected {EXPECTED}")
    moved = {old: term for term in names for old in terms[term].get("alt_id", ())}
    replaced = {term: terms[term].get("replaced_by", []) for term, old in is_old.items() if old}
    moved |= {old: by[0] for old, by in replaced.items() if len(by) == 1 and by[0] in names}
    broader = nx.DiGraph(
        (term, above)
        for term, above, relation in graph.edges(keys=True)
        if relation in FOLLOWED and term in names and above in names
    )
    return Ontology(names, moved, frozenset(replaced.keys() - moved.keys()), broader)
