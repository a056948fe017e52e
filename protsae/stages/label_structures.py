"""Labels of residues from structure files: secondary structure and solvent accessibility."""

import itertools
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from protsae.concepts.structures.chain_mapping import likeliest_proteins, resolved_positions, spread
from protsae.concepts.structures.dssp import (
    ACCESSIBILITY_SOURCE,
    STRUCTURE_SOURCE,
    accessibility,
    accessibility_letters,
    secondary_structure,
)
from protsae.errors import UserError
from protsae.io.progress import print_beside, progress
from protsae.io.protein_files.structure_files import read_structure, structure_files

SETS = ("secondary structure", "accessibility")
HEADERS = (
    {
        "set": SETS[0],
        "source": STRUCTURE_SOURCE,
        "classes": {"H": "helix", "E": "strand", "C": "other"},
    },
    {
        "set": SETS[1],
        "source": ACCESSIBILITY_SOURCE,
        "classes": {"b": "buried", "e": "exposed"},
    },
)

NO_PROTEIN = "no protein chain in the file"
UNMATCHED = "chain of none of the proteins"
FEWER_RESOLVED = "another chain of the protein has as many residues resolved or more"


@dataclass(frozen=True)
class _Chain:
    """A chain, what its residues are and their labels, one letter each, in the order of SETS."""

    name: str
    sequence: str
    labels: tuple[str, str]


@dataclass(frozen=True)
class LabelledStructures:
    """Labels, and what there are none of.

    Attributes
    ----------
    records : list of dict
        As `write_labels` takes them; one for each protein and set of labels, by accession.
    left_out : dict of str to int
        Chains and files without labels, by reason.
    n_chains, n_files, n_unread : int
        Chains found; files, and those of them that cannot be read.
    """

    records: list[dict[str, str]]
    left_out: dict[str, int]
    n_chains: int
    n_files: int
    n_unread: int


def label_structures(
    folder: str, proteins: Mapping[str, str], tell: Callable[[str], None] = print_beside
) -> LabelledStructures:
    """Label the chains in a folder of PDB and mmCIF files; each protein gets one of them.

    Parameters
    ----------
    folder : str
    proteins : mapping of str to str
        Sequences by accession.
    tell : function of str, optional
        Gets a line for each file that cannot be read. Progress is shown on stderr.

    Raises
    ------
    UserError
        If no file can be read.
    """
    left_out: Counter[str] = Counter()
    chains: list[_Chain] = []
    files, unread = structure_files(folder), []
    for path in progress(files, "reading structures", "files"):
        try:
            found = _chains(path)
        except UserError as error:
            unread.append(str(error))
            continue
        chains += found
        left_out[NO_PROTEIN] += not found
    for problem in unread:
        tell(f"left out: {problem}")
    if len(unread) == len(files):
        raise UserError(f"{folder}: none of {len(files)} files can be read; {unread[0]}")
    records = _records(chains, proteins, left_out)
    counted = {reason: n for reason, n in sorted(left_out.items()) if n}
    return LabelledStructures(records, counted, len(chains), len(files), len(unread))


def _chains(path: Path) -> list[_Chain]:
    residues = read_structure(path)
    labels = (
        secondary_structure(residues),
        accessibility_letters(accessibility(residues)),
    )
    rows = list(zip(residues, *labels, strict=True))
    chains = []
    for name, group in itertools.groupby(rows, key=lambda row: row[0].chain):
        members, structure, exposure = zip(*group, strict=True)
        sequence = "".join(residue.letter for residue in members)
        found = ("".join(structure), "".join(exposure))
        chains.append(_Chain(f"{path.name}:{name}", sequence, found))
    return chains


def _records(
    chains: list[_Chain], proteins: Mapping[str, str], left_out: Counter[str]
) -> list[dict[str, str]]:
    """Records of all proteins that have a chain, by accession."""
    best: dict[str, tuple[int, list[dict[str, str]]]] = {}
    likeliest = likeliest_proteins([chain.sequence for chain in chains], proteins)
    for chain, accession in zip(chains, likeliest, strict=True):
        sequence = proteins.get(accession, "")
        places = resolved_positions(chain.sequence, sequence) if sequence else None
        if places is None:
            left_out[UNMATCHED] += 1
            continue
        n_resolved = int((places >= 0).sum())
        left_out[FEWER_RESOLVED] += accession in best
        if n_resolved > best.get(accession, (0, []))[0]:
            common = {"accession": accession, "sequence": sequence}
            records = [
                {"set": name, **common, "labels": spread(letters, places, len(sequence))}
                | {"structure": chain.name}
                for name, letters in zip(SETS, chain.labels, strict=True)
            ]
            best[accession] = (n_resolved, records)
    return [record for _, (_, records) in sorted(best.items()) for record in records]
