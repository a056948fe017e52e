"""Protein structures from PDB and mmCIF files, through Bio.PDB."""

import io
import re
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from Bio.Data.PDBData import protein_letters_3to1, protein_letters_3to1_extended
from Bio.PDB.MMCIF2Dict import MMCIF2Dict
from Bio.PDB.MMCIFParser import MMCIFParser
from Bio.PDB.PDBExceptions import PDBConstructionWarning
from Bio.PDB.PDBParser import PDBParser

from protsae.concepts.structures.dssp import BACKBONE, ResolvedResidue, validate_atoms
from protsae.errors import UserError
from protsae.io.text_files import open_text
from protsae.one_line import reason

_FILLED = {
    "id": "0",
    "label_alt_id": ".",
    "occupancy": "1.0",
    "B_iso_or_equiv": "0.0",
    "pdbx_PDB_ins_code": "?",
    "pdbx_PDB_model_num": "1",
}
"""Columns of atoms that a mmCIF file may lack, and what is meant then."""

_NEEDED = ("group_PDB", "label_atom_id", "label_comp_id", "Cartn_x", "Cartn_y", "Cartn_z")

LONGEST_FILE = 1 << 27
"""Characters of a structure, at most; the largest ribosomes have some 40 million."""

_BASE_36 = re.compile("[A-Z][0-9A-Z]{3}|[a-z][0-9a-z]{3}")
_NUMBER_AND_CODE = re.compile(r"(-?\d+)([A-Za-z])")


class _MmcifParser(MMCIFParser):
    """Bio.PDB's, for files of AlphaFold and other programs, too.

    Columns that the format does not ask for may be missing: places and chains are then those of
    the label columns, occupancies 1. A residue number such as 20A is number and insertion code.
    """

    def get_structure(self, structure_id: str, filename: Any) -> Any:
        atoms = MMCIF2Dict(filename)
        fill_columns(atoms)
        self._mmcif_dict = atoms
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", PDBConstructionWarning)
            self._build_structure(structure_id)
        return self._structure_builder.get_structure()


def fill_columns(atoms: dict[str, Any]) -> None:
    """Add to the columns of a mmCIF file what Bio.PDB asks for, in place."""
    site = "_atom_site."
    for name in _NEEDED:
        if f"{site}{name}" not in atoms:
            raise ValueError(f"no column {site}{name}")
    n = len(atoms[f"{site}Cartn_x"])
    for name, value in _FILLED.items():
        atoms.setdefault(f"{site}{name}", [value] * n)
    # The element of an atom of an amino acid is the first letter of its name (CA is no calcium).
    names = atoms[f"{site}label_atom_id"]
    elements = [next(filter(str.isalpha, name), "X") for name in names]
    atoms.setdefault(f"{site}type_symbol", elements)
    for ours, other in (("auth_asym_id", "label_asym_id"), ("auth_seq_id", "label_seq_id")):
        if f"{site}{ours}" not in atoms:
            atoms[f"{site}{ours}"] = list(atoms[f"{site}{other}"])
    numbers, codes = atoms[f"{site}auth_seq_id"], atoms[f"{site}pdbx_PDB_ins_code"]
    for i, number in enumerate(numbers):
        if found := _NUMBER_AND_CODE.fullmatch(number):
            numbers[i], codes[i] = found[1], found[2]


class _PdbParser(PDBParser):
    """Bio.PDB's, for numbers beyond 9,999 in base 36, as large structures have them, too."""

    def get_structure(self, structure_id: str, handle: Any) -> Any:
        return super().get_structure(structure_id, io.StringIO("".join(map(decimal_line, handle))))


def decimal_line(line: str) -> str:
    """A line of an atom without letters in its residue number (A000 is 10,000).

    Residues only have to differ: what has no place in four columns goes into the insertion code,
    as a letter that no file has there.

    Examples
    --------
    >>> [decimal_line(f"ATOM  A0000  CA  ALA A{number} ")[22:26] for number in ("A00B", "  11")]
    ['  11', '  11']
    """
    number, code = line[22:26], line[26:27]
    if not (line.startswith(("ATOM  ", "HETATM")) and _BASE_36.fullmatch(number)):
        return line
    offset = 10_000 - 10 * 36**3 if number[0].isupper() else 10_000 + 16 * 36**3
    thousands, rest = divmod(int(number, 36) + offset, 10_000)
    letter = chr(0x100 + 128 * thousands + min(ord(code or " "), 127))
    return f"{line[:22]}{rest:4d}{letter}{line[27:]}"


PARSERS = {".pdb": _PdbParser, ".ent": _PdbParser, ".cif": _MmcifParser, ".mmcif": _MmcifParser}
"""By extension; each may be followed by .gz."""


def structure_files(folder: str | Path) -> list[Path]:
    """Structure files of a folder, sorted by name; hidden ones (``._x.pdb``) are none.

    Raises
    ------
    UserError
        If there is no such folder, or none in it.
    """
    if not Path(folder).is_dir():
        raise UserError(f"{folder}: no such folder; expected one with PDB or mmCIF files")
    found = sorted(path for path in Path(folder).iterdir() if _is_structure(path))
    if not found:
        raise UserError(
            f"{folder}: no structures; expected files with {', '.join(PARSERS)}, plain or .gz"
        )
    return found


def read_structure(path: str | Path) -> list[ResolvedResidue]:
    """Amino acids of the first model, chain by chain, in the order of the file.

    Water, ligands and nucleic acids are left out; of alternative places of an atom the one with
    the highest occupancy is taken; hydrogens are left out, as most structures lack them.

    Returns
    -------
    list of ResolvedResidue
        Empty if the file holds no protein.

    Raises
    ------
    UserError
        If the file is not of the format that its extension says, longer than `LONGEST_FILE`, or has
        atoms that cannot be (see `validate_atoms`).
    """
    residues = [_residue(chain.id, residue) for chain in _model(path) for residue in chain]
    found = [residue for residue in residues if residue is not None]
    try:
        validate_atoms(found)
    except ValueError as error:
        raise UserError(f"{path}: {error}") from None
    return found


@dataclass(frozen=True)
class StructureChain:
    """The amino acids of a chain, in the order of the file, those with a part of their atoms, too.

    Attributes
    ----------
    name : str
    letters : str
        One for each residue.
    places : tuple of (int, str)
        Number and insertion code (a blank if there is none) of each residue.
    names : tuple of frozenset of str
        What each is called, such as MSE; several if it is one amino acid here and another there.
    """

    name: str
    letters: str
    places: tuple[tuple[int, str], ...]
    names: tuple[frozenset[str], ...]


def read_chains(path: str | Path) -> list[StructureChain]:
    """Chains of the first model that have amino acids.

    Raises
    ------
    UserError
        As `read_structure`, but whatever the atoms are.
    """
    found = []
    for chain in _model(path):
        own = [(residue, _letter(residue)) for residue in chain]
        known = [(residue, letter) for residue, letter in own if letter is not None]
        if known:
            letters = "".join(letter for _, letter in known)
            places = tuple((residue.id[1], residue.id[2]) for residue, _ in known)
            names = tuple(frozenset(_names(residue)) for residue, _ in known)
            found.append(StructureChain(chain.id, letters, places, names))
    return found


def _names(residue: Any) -> list[str]:
    """Of a residue; of all that it may be, where alternative places have other amino acids."""
    alternatives = residue.child_dict if residue.is_disordered() == _POINT_MUTATION else {}
    return [name.strip() for name in alternatives] or [residue.get_resname().strip()]


_POINT_MUTATION = 2  # of Bio.PDB's DisorderedResidue


def _model(path: str | Path) -> list[Any]:
    """Chains of the first model, as Bio.PDB reads them.

    Raises
    ------
    UserError
        If the file is not of its format, or too long.
    """
    with open_text(path, "a PDB or mmCIF file") as handle:
        text = handle.read(LONGEST_FILE + 1)
    if len(text) > LONGEST_FILE:
        raise UserError(
            f"{path}: more than {LONGEST_FILE:,} characters; expected a PDB or mmCIF file; leave "
            "it out"
        )
    try:
        parser: Any = PARSERS[extension(Path(path))](QUIET=True)
        return list(next(iter(parser.get_structure("", io.StringIO(text))), ()))
    except MemoryError:
        raise
    except Exception as error:  # whatever Bio.PDB trips over: it takes a line's layout for granted
        raise UserError(f"{path}: not a PDB or mmCIF file: {reason(error, 200)}") from None


def _letter(residue: Any) -> str | None:
    """Of an amino acid; None for water, ligands and nucleotides."""
    name = residue.get_resname().strip()
    letter: str | None = protein_letters_3to1_extended.get(name)
    # A standard amino acid among the heterogens is a ligand; a modified one is of the chain.
    is_ligand = residue.id[0] != " " and name in protein_letters_3to1
    return None if is_ligand else letter


def _residue(chain: str, residue: Any) -> ResolvedResidue | None:
    """The amino acid; None for anything else, and where its backbone is incomplete."""
    name, letter = residue.get_resname().strip(), _letter(residue)
    atoms = [atom for atom in residue if atom.element not in ("H", "D", "")]
    if letter is None or not {atom.id for atom in atoms}.issuperset(BACKBONE):
        return None
    return ResolvedResidue(
        chain,
        letter,
        name,
        tuple(atom.id for atom in atoms),
        tuple(atom.element for atom in atoms),
        np.array([atom.coord for atom in atoms], dtype=np.float64),
    )


def _is_structure(path: Path) -> bool:
    return extension(path) in PARSERS and not path.name.startswith(".")


def extension(path: Path) -> str:
    """Last extension in lower case, that before .gz if there is one."""
    name = path.name.lower().removesuffix(".gz")
    return Path(name).suffix
