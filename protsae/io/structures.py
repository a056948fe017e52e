"""Protein structures from PDB and mmCIF files, through Bio.PDB."""

import re
import warnings
from pathlib import Path
from typing import Any

import numpy as np
from Bio.Data.PDBData import protein_letters_3to1, protein_letters_3to1_extended
from Bio.PDB.MMCIF2Dict import MMCIF2Dict
from Bio.PDB.MMCIFParser import MMCIFParser
from Bio.PDB.PDBExceptions import PDBConstructionWarning, PDBException
from Bio.PDB.PDBParser import PDBParser

from protsae.concepts.structure import BACKBONE, ResolvedResidue
from protsae.errors import UserError
from protsae.io.text_files import open_text

_FILLED = {
    "label_alt_id": ".",
    "occupancy": "1.0",
    "B_iso_or_equiv": "0.0",
    "pdbx_PDB_ins_code": "?",
    "pdbx_PDB_model_num": "1",
}
"""Columns of atoms that a mmCIF file may lack, and what is meant then."""

_NUMBER_AND_CODE = re.compile(r"(-?\d+)([A-Za-z])")


class _MmcifParser(MMCIFParser):
    """Bio.PDB's, for files as predictors and other programs write them, too.

    Columns that the format does not ask for may be missing: places and chains are then those of
    the label columns, occupancies 1. A residue number such as 20A is number and insertion code.
    """

    def get_structure(self, structure_id: str, filename: Any) -> Any:
        atoms = MMCIF2Dict(filename)
        _fill(atoms)
        self._mmcif_dict = atoms
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", PDBConstructionWarning)
            self._build_structure(structure_id)
        return self._structure_builder.get_structure()


def _fill(atoms: dict[str, Any]) -> None:
    """Add to the columns of a mmCIF file what Bio.PDB asks for, in place."""
    site = "_atom_site."
    n = len(atoms[f"{site}Cartn_x"])
    for name, value in _FILLED.items():
        atoms.setdefault(f"{site}{name}", [value] * n)
    for ours, other in (("auth_asym_id", "label_asym_id"), ("auth_seq_id", "label_seq_id")):
        if f"{site}{ours}" not in atoms:
            atoms[f"{site}{ours}"] = list(atoms[f"{site}{other}"])
    numbers, codes = atoms[f"{site}auth_seq_id"], atoms[f"{site}pdbx_PDB_ins_code"]
    for i, number in enumerate(numbers):
        if found := _NUMBER_AND_CODE.fullmatch(number):
            numbers[i], codes[i] = found[1], found[2]


PARSERS = {".pdb": PDBParser, ".ent": PDBParser, ".cif": _MmcifParser, ".mmcif": _MmcifParser}
"""By extension; each may be followed by .gz."""


_DAMAGED = (ValueError, KeyError, IndexError, TypeError, AttributeError, StopIteration)
"""What Bio.PDB's parsers raise for bytes that are no structure."""


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
        If the file is not of the format that its extension says.
    """
    with open_text(path, "a PDB or mmCIF file") as handle:
        try:
            parser: Any = PARSERS[_extension(Path(path))](QUIET=True)
            model = next(iter(parser.get_structure("", handle)), ())
        except (PDBException, *_DAMAGED) as error:
            reason = " ".join(str(error).split())[:200] or type(error).__name__
            raise UserError(f"{path}: not a PDB or mmCIF file: {reason}") from None
    residues = [_residue(chain.id, residue) for chain in model for residue in chain]
    return [residue for residue in residues if residue is not None]


def _residue(chain: str, residue: Any) -> ResolvedResidue | None:
    """The amino acid; None for anything else, and where its backbone is incomplete."""
    name = residue.get_resname().strip()
    letter = protein_letters_3to1_extended.get(name)
    # A standard amino acid among the heterogens is a ligand; a modified one is of the chain.
    is_ligand = residue.id[0] != " " and name in protein_letters_3to1
    if letter is None or is_ligand or any(atom not in residue for atom in BACKBONE):
        return None
    atoms = [atom for atom in residue if atom.element not in ("H", "D", "")]
    return ResolvedResidue(
        chain,
        letter,
        name,
        tuple(atom.id for atom in atoms),
        tuple(atom.element for atom in atoms),
        np.array([atom.coord for atom in atoms], dtype=np.float64),
    )


def _is_structure(path: Path) -> bool:
    return _extension(path) in PARSERS and not path.name.startswith(".")


def _extension(path: Path) -> str:
    """Last extension in lower case, that before .gz if there is one."""
    name = path.name.lower().removesuffix(".gz")
    return Path(name).suffix
