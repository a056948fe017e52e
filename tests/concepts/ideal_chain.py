"""Backbones of given torsion angles, with Engh & Huber's bonds and angles."""

import numpy as np

from protsae.concepts.structures.dssp import ResolvedResidue

HELIX = (-57.0, -47.0)
EXTENDED = (-120.0, 130.0)


def place(a: np.ndarray, b: np.ndarray, c: np.ndarray, bond: float, angle: float, torsion: float):
    """The atom bound to c, at an angle to b and a torsion to a; degrees and angstroms."""
    angle, torsion = np.radians([180 - angle, torsion])
    along = (c - b) / np.linalg.norm(c - b)
    normal = np.cross(b - a, along)
    normal /= np.linalg.norm(normal)
    local = [np.cos(angle), np.sin(angle) * np.cos(torsion), np.sin(angle) * np.sin(torsion)]
    return c + bond * np.array(local) @ np.array([along, np.cross(normal, along), normal])


def ideal_chain(
    letters: str, torsions: tuple[float, float], chain: str = "A", shift: float = 0.0
) -> list[ResolvedResidue]:
    """Alanines and glycines with the same phi and psi everywhere."""
    phi, psi = torsions
    n, ca = np.zeros(3), np.array([1.458, 0.0, 0.0])
    c = place(np.array([0.0, 1.0, 0.0]), n, ca, 1.525, 111.0, -60.0)
    residues = []
    for letter in letters:
        following = place(n, ca, c, 1.329, 116.2, psi)
        atoms = {"N": n, "CA": ca, "C": c, "O": place(n, ca, c, 1.231, 120.5, psi + 180)}
        if letter == "A":
            atoms["CB"] = place(c, n, ca, 1.53, 110.5, -122.5)
        name = {"A": "ALA", "G": "GLY"}[letter]
        positions = np.array(list(atoms.values())) + np.array([shift, 0, 0])
        elements = tuple(atom[0] for atom in atoms)
        residues.append(ResolvedResidue(chain, letter, name, tuple(atoms), elements, positions))
        next_ca = place(ca, c, following, 1.458, 121.7, 180.0)
        n, ca, c = following, next_ca, place(c, following, next_ca, 1.525, 111.0, phi)
    return residues


def pdb_text(residues: list[ResolvedResidue], numbers: list[int]) -> str:
    """The residues as ATOM records with the given residue numbers."""
    lines = []
    for residue, number in zip(residues, numbers, strict=True):
        for atom, element, (x, y, z) in zip(
            residue.atoms, residue.elements, residue.positions, strict=True
        ):
            serial = len(lines) + 1
            lines.append(
                f"ATOM  {serial:5d}  {atom:<3s} {residue.name} {residue.chain}{number:4d}    "
                f"{x:8.3f}{y:8.3f}{z:8.3f}  1.00  0.00          {element:>2s}"
            )
    return "\n".join([*lines, "END"]) + "\n"
