"""Ideal chains, whose structure is known, and real ones against PDB records and Biopython."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from Bio.PDB.PDBParser import PDBParser
from Bio.PDB.SASA import ShrakeRupley

from protsae.concepts.structures.dssp import (
    accessibility,
    accessibility_letters,
    secondary_structure,
)
from protsae.io.protein_files.structure_files import read_structure
from tests.concepts.ideal_chain import EXTENDED, HELIX, ideal_chain
from tests.helpers.shared_data import SHARED

pytest.importorskip("mdtraj")

STRUCTURES = SHARED / "structures"


def test_an_ideal_helix_and_an_extended_chain() -> None:
    """The residues that make the first and the last hydrogen bond are not of DSSP's helix."""
    assert secondary_structure(ideal_chain("A" * 13, HELIX)) == "CHHHHHHHHHHHC"
    assert secondary_structure(ideal_chain("A" * 13, EXTENDED)) == "C" * 13


def test_a_helix_is_broken_where_residues_are_missing() -> None:
    """Residues 1 to 4 are too few for a helix; 7 to 13 are a new one."""
    helix = ideal_chain("A" * 13, HELIX)
    assert secondary_structure(helix[:4] + helix[6:]) == "CCCC" + "CHHHHHC"


def test_two_chains_are_not_joined() -> None:
    first, second = ideal_chain("AAAA", HELIX), ideal_chain("A" * 7, HELIX, "B", shift=100.0)
    assert secondary_structure(first + second) == "CCCC" + "CHHHHHC"


def test_accessibility_of_a_helix() -> None:
    """Ends are open; a residue beside another chain is less so."""
    alone = accessibility(ideal_chain("A" * 13, HELIX))
    assert alone[[0, -1]].min() > 0.8
    assert alone[3:-3].max() < 0.7
    beside = ideal_chain("A" * 13, HELIX) + ideal_chain("A" * 13, HELIX, "B", shift=6.0)
    assert accessibility(beside)[:13].sum() < 0.9 * alone.sum()


def test_a_modified_amino_acid_has_no_largest_area() -> None:
    chain = ideal_chain("AAA", EXTENDED)
    relative = accessibility([chain[0], replace(chain[1], name="MSE"), chain[2]])
    assert np.isnan(relative).tolist() == [False, True, False]
    assert accessibility_letters(relative) == "e?e"


def test_no_residues() -> None:
    assert secondary_structure([]) == ""
    assert accessibility([]).shape == (0,)


def shared(name: str) -> Path:
    if not (STRUCTURES / name).exists():
        pytest.skip(f"{STRUCTURES / name} is not on this machine")
    return STRUCTURES / name


def depositor_letters(path: Path, residues: list[tuple[str, int]]) -> str:
    """Secondary structure by the HELIX and SHEET records of a PDB file."""
    letters = dict.fromkeys(residues, "C")
    for line in path.read_text().splitlines():
        if line.startswith("HELIX"):
            letter, chain, start, end = "H", line[19], int(line[21:25]), int(line[33:37])
        elif line.startswith("SHEET"):
            letter, chain, start, end = "E", line[21], int(line[22:26]), int(line[33:37])
        else:
            continue
        letters |= {(chain, i): letter for i in range(start, end + 1) if (chain, i) in letters}
    return "".join(letters[residue] for residue in residues)


@pytest.mark.parametrize("name", ["1aki.pdb", "3bwm.pdb", "1LCD.pdb", "2BEG.pdb"])
def test_real_structures_agree_with_the_depositors(name: str) -> None:
    path = shared(name)
    model = PDBParser(QUIET=True).get_structure("", path)[0]
    numbers = [(c.id, r.id[1]) for c in model for r in c if r.id[0] == " " and "CA" in r]
    residues = read_structure(path)
    assert len(residues) == len(numbers)
    found, expected = secondary_structure(residues), depositor_letters(path, numbers)
    same = sum(a == b for a, b in zip(found, expected, strict=True)) / len(found)
    # Depositors use other programs and draw ends differently; chance would give about 0.4.
    assert same > 0.8


def test_areas_agree_with_biopython() -> None:
    """Another implementation with other radii."""
    path = shared("1aki.pdb")
    model = PDBParser(QUIET=True).get_structure("", path)[0]
    for chain in model:
        for residue in [r for r in chain if r.id[0] != " "]:
            chain.detach_child(residue.id)
    ShrakeRupley().compute(model, level="R")
    areas = np.array([residue.sasa for residue in model.get_residues()])
    residues = read_structure(path)
    largest = {"A": 129.0, "W": 285.0, "G": 104.0}
    chosen = [i for i, residue in enumerate(residues) if residue.letter in largest]
    ours = accessibility(residues)[chosen] * [largest[residues[i].letter] for i in chosen]
    assert len(chosen) > 20
    assert np.corrcoef(ours, areas[chosen])[0, 1] > 0.99
    assert abs(ours.sum() / areas[chosen].sum() - 1) < 0.1
