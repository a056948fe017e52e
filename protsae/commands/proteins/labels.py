"""Write labels of residues from structures, as concepts.labels takes them.

Reads PDB and mmCIF files, finds the protein of each chain by its sequence, and writes for each
protein secondary structure (DSSP: helix, strand, other) and solvent accessibility (buried,
exposed) of the chain with the most resolved residues. What is not resolved stays unknown. Needs
MDTraj: in protsae's folder, pip install -e '.[structure]'.

example:
  protsae labels --structures structures --proteins results/proteins/proteins.parquet \\
    --output structure.jsonl.gz
"""

import argparse
import importlib.util
import itertools
from collections import Counter
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
from protsae.io.progress import progress
from protsae.io.protein_files.residue_labels import write_labels
from protsae.io.protein_files.structure_files import read_structure, structure_files
from protsae.io.table_files.proteins_table import read_protein_set

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


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command line."""
    parser.add_argument("--structures", required=True, metavar="DIR", help="PDB and mmCIF files")
    parser.add_argument("--proteins", required=True, help="proteins.parquet")
    parser.add_argument("--output", required=True, help="labels, .jsonl or .jsonl.gz")


def run(args: argparse.Namespace) -> None:
    """Label the chains, choose one for each protein, write.

    Raises
    ------
    UserError
        Without MDTraj, if no file can be read, or if no chain is one of the proteins.
    """
    if importlib.util.find_spec("mdtraj") is None:
        raise UserError(
            "structures need MDTraj; in protsae's folder: pip install -e '.[structure]'"
        )
    table, _ = read_protein_set(args.proteins)
    proteins = dict(zip(table["accession"], table["sequence"], strict=True))
    left_out: Counter[str] = Counter()
    chains: list[_Chain] = []
    files, unread = structure_files(args.structures), []
    for path in progress(files, "reading structures", "files"):
        try:
            found = _chains(path)
        except UserError as error:
            unread.append(str(error))
            continue
        chains += found
        left_out[NO_PROTEIN] += not found
    for problem in unread:
        print(f"left out: {problem}")
    if len(unread) == len(files):
        raise UserError(f"{args.structures}: none of {len(files)} files can be read; {unread[0]}")
    records = _records(chains, proteins, left_out)
    if not records:
        raise UserError(
            f"{args.structures}: none of {len(chains)} chains is one of the proteins of "
            f"{args.proteins}"
        )
    write_labels(args.output, HEADERS, records)
    print(f"{len(records) // len(SETS)} of {len(proteins):,} proteins have a structure")
    if unread:
        print(f"{len(unread)} of {len(files)} files left out: they cannot be read")
    for reason, n in sorted(left_out.items()):
        if n:
            print(f"{n} left out: {reason}")


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
    chains: list[_Chain], proteins: dict[str, str], left_out: Counter[str]
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
