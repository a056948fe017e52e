"""Protein structures from PDB and mmCIF files, through Bio.PDB."""

from pathlib import Path
from typing import Any

import numpy as np
from Bio.Data.PDBData import protein_letters_3to1, protein_letters_3to1_extended
from Bio.PDB.MMCIFParser import MMCIFParser
from Bio.PDB.PDBExceptions import PDBException
from Bio.PDB.PDBParser import PDBParser

from protsae.concepts.structure import BACKBONE, ResolvedResidue
from protsae.errors import UserError
from protsae.io.text_files import open_text

PARSERS = {".pdb": PDBParser, ".ent": PDBParser, ".cif": MMCIFParser, ".mmcif": MMCIFParser}
"""By extension; each may be followed by .gz."""


def structure_files(folder: str | Path) -> list[Path]:
    """Structure files of a folder, sorted by name.

    Raises
    ------
    UserError
        If there is no such folder, or none in it.
    """
    if not Path(folder).is_dir():
        raise UserError(f"{folder}: no such folder; expected one with PDB or mmCIF files")
    found = sorted(path for path in Path(folder).iterdir() if _extension(path) in PARSERS)
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
        except (PDBException, ValueError, KeyError, IndexError) as error:
            reason = " ".join(str(error).split()) or type(error).__name__
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


def _extension(path: Path) -> str:
    """Last extension in lower case, that before .gz if there is one."""
    name = path.name.lower().removesuffix(".gz")
    return Path(name).suffix
