"""Secondary structure and solvent accessibility of the residues of one structure, by MDTraj.

MDTraj (McGibbon et al. 2015, Biophys. J. 109:1528) is an optional dependency: the extra
``structure``.
"""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from Bio.Data.IUPACData import atom_weights
from Bio.PDB.DSSP import residue_max_acc
from scipy.spatial import cKDTree

BACKBONE = ("N", "CA", "C", "O")
LONGEST_BOND = 2.5
"""Angstroms from C to the next N beyond which a chain is broken, as in DSSP."""
BURIED = 0.25
"""Relative accessibility below which a residue is buried (Petersen et al. 2009, BMC Struct. Biol.
9:51)."""
SMALLEST_DISTANCE = 0.001
"""Angstroms between two atoms, at least; PDB files state no less."""
STRUCTURE_SOURCE = "DSSP (Kabsch & Sander 1983, Biopolymers 22:2577; MDTraj), from structures"
ACCESSIBILITY_SOURCE = (
    "area by Shrake & Rupley 1973, J. Mol. Biol. 79:351 (MDTraj), over the largest possible by "
    f"Tien et al. 2013, PLoS ONE 8:e80635; buried below {BURIED}; from structures"
)

_LARGEST_AREA = residue_max_acc["Wilke"]
_ANGSTROMS = 10.0  # in a nanometre, MDTraj's unit


ELEMENTS = frozenset(name.upper() for name in atom_weights if name != "D")
"""Elements whose radius MDTraj knows. Bio.PDB names what it does not know X."""


@dataclass(frozen=True, eq=False)
class ResolvedResidue:
    """An amino acid whose backbone is resolved.

    Parameters
    ----------
    chain : str
        Name of its chain.
    letter, name : str
        One letter, of the parent for a modified amino acid (M for MSE), and three.
    atoms : tuple of str
        Names of its heavy atoms.
    elements : tuple of str
        Their elements.
    positions : ndarray, dtype=float64, shape=(n_atoms, 3)
        Where they are, in angstroms.
    """

    chain: str
    letter: str
    name: str
    atoms: tuple[str, ...]
    elements: tuple[str, ...]
    positions: np.ndarray


def validate_atoms(residues: Sequence[ResolvedResidue]) -> None:
    """Raise ValueError for atoms that MDTraj cannot handle.

    They are atoms of unknown elements, atoms whose coordinates are not finite, and two atoms in the
    same place, at which MDTraj ends the process.
    """
    for residue in residues:
        for atom, element in zip(residue.atoms, residue.elements, strict=True):
            if element.upper() not in ELEMENTS:
                raise ValueError(
                    f"{_place(residue)}: element of atom {atom!r} is {element!r}; expected a "
                    "chemical one; correct it"
                )
        if not np.isfinite(residue.positions).all():
            raise ValueError(
                f"{_place(residue)}: a coordinate is not finite; expected angstroms; correct it"
            )
    owners = [residue for residue in residues for _ in residue.atoms]
    positions = _nanometres(residues)
    # Equal ones first, as a tree of them is slow; both as MDTraj sees them, in 32 bits.
    unique, first, counts = np.unique(positions, axis=0, return_index=True, return_counts=True)
    near = first[counts > 1]
    if not near.size and len(unique) > 1:
        distances, _ = cKDTree(unique).query(unique, k=2)
        near = first[distances[:, 1] * _ANGSTROMS < SMALLEST_DISTANCE]
    if near.size:
        raise ValueError(
            f"{_place(owners[int(near.min())])}: an atom lies where another does; expected "
            f"{SMALLEST_DISTANCE} angstroms between them or more; remove one"
        )


def secondary_structure(residues: Sequence[ResolvedResidue]) -> str:
    """Secondary structure by DSSP in three states, one letter per residue.

    H: helix (DSSP's H, G, I), E: strand (E, B), C: neither. Chains are broken where residues are
    missing, and strands pair across chains.

    Parameters
    ----------
    residues : sequence of ResolvedResidue
        All of a model, chain by chain.
    """
    import mdtraj

    if not residues:
        return ""
    return "".join(mdtraj.compute_dssp(_trajectory(residues), simplified=True)[0])


def accessibility(residues: Sequence[ResolvedResidue]) -> np.ndarray:
    """Relative solvent accessibility: area of each residue over the largest that it can have.

    The area is that within all chains given, without water and ligands; a probe of 1.4 angstroms.

    Returns
    -------
    ndarray, dtype=float64, shape=(n_residues,)
        0 (buried) to about 1; NaN for a modified amino acid, whose largest area is not known.
    """
    import mdtraj

    if not residues:
        return np.zeros(0)
    areas = mdtraj.shrake_rupley(_trajectory(residues), mode="residue")[0] * _ANGSTROMS**2
    largest = np.array([_LARGEST_AREA.get(residue.name, np.nan) for residue in residues])
    return np.asarray(areas / largest, dtype=np.float64)


def accessibility_letters(relative: np.ndarray) -> str:
    """``b`` for buried residues, ``e`` for exposed ones, ``?`` where it is not known.

    Examples
    --------
    >>> accessibility_letters(np.array([0.1, 0.25, np.nan]))
    'be?'
    """
    letters = np.where(relative < BURIED, "b", "e")
    return "".join(np.where(np.isnan(relative), "?", letters))


def _trajectory(residues: Sequence[ResolvedResidue]) -> Any:
    """The residues as MDTraj takes them, a new chain after every break."""
    import mdtraj

    topology = mdtraj.Topology()
    chain = topology.add_chain()
    for before, residue in itertools.pairwise((None, *residues)):
        assert residue is not None
        if before is not None and _is_break(before, residue):
            chain = topology.add_chain()
        added = topology.add_residue(residue.name, chain)
        for atom, element in zip(residue.atoms, residue.elements, strict=True):
            topology.add_atom(atom, mdtraj.element.Element.getBySymbol(element), added)
    return mdtraj.Trajectory(_nanometres(residues)[None], topology)


def _nanometres(residues: Sequence[ResolvedResidue]) -> np.ndarray:
    """Positions of all atoms as MDTraj takes them."""
    if not residues:
        return np.zeros((0, 3), dtype=np.float32)
    positions = np.concatenate([residue.positions for residue in residues]) / _ANGSTROMS
    return positions.astype(np.float32)


def _place(residue: ResolvedResidue) -> str:
    return f"chain {residue.chain!r}, a residue {residue.name!r}"


def _is_break(before: ResolvedResidue, residue: ResolvedResidue) -> bool:
    bond = residue.positions[residue.atoms.index("N")] - before.positions[before.atoms.index("C")]
    return before.chain != residue.chain or float(np.linalg.norm(bond)) > LONGEST_BOND
