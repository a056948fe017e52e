import re
from pathlib import Path

import numpy as np
import pytest

from protsae.errors import UserError
from protsae.stages.exporting.coloured_structures import (
    atom_values,
    chain_lines,
    mapped_chains,
    with_activations,
)
from tests.commands.exports.test_export import chain_text
from tests.helpers.shared_data import SHARED

PROTEIN = "MKTAYIAKQRQISFVKSHFSRQLEERLGLIEV"
OTHER = "GSHMPDDWNCCTEVQHKLPYWWRSTNAG"
PROTEINS = {"P1": PROTEIN, "Q2": OTHER}


def write(folder: Path, *chains: list[str]) -> Path:
    path = folder / "x.pdb"
    path.write_text("".join(f"{line}\n" for chain in chains for line in chain) + "END\n")
    return path


def numbers(sequence: str) -> np.ndarray:
    """Activation i at residue i of any protein."""
    return np.arange(1.0, len(sequence) + 1)


def test_residues_get_the_activation_at_their_place(tmp_path: Path) -> None:
    """Of a chain without residues 1 and 2 and without 13 to 15, with W for A at 7, and a tag."""
    letters = PROTEIN[2:6] + "W" + PROTEIN[7:12] + PROTEIN[15:] + "HHH"
    path = write(tmp_path, chain_text("A", letters, 51, gap=4), chain_text("B", OTHER[3:], 1))
    chains = with_activations(mapped_chains(path, PROTEINS), lambda name: numbers(PROTEINS[name]))
    first, second = chains
    assert (first.protein, second.protein) == ("P1", "Q2")
    tail = [float(i) for i in range(16, len(PROTEIN) + 1)]
    assert first.activations[:-3].tolist() == [float(i) for i in range(3, 13)] + tail
    assert np.isnan(first.activations[-3:]).all()
    assert first.n_others == 1
    values = atom_values(chains)
    assert values["A", 51, " ", "THR"] == 3.0
    assert values["A", 55, " ", "TRP"] == 7.0
    assert values["A", 65, " ", "LYS"] == 16.0
    assert values["B", 1, " ", "MET"] == 4.0
    assert len(values) == len(letters) - 3 + len(OTHER) - 3
    assert chain_lines(chains) == [
        "chain A: P1, 27 of its 32 residues resolved, 5 not; 3 of the chain not in the protein; 1 "
        "other amino acids; active at 27, largest 32",
        "chain B: Q2, 25 of its 28 residues resolved, 3 not; active at 25, largest 28",
    ]


def test_two_chains_of_a_protein_both_count(tmp_path: Path) -> None:
    path = write(tmp_path, chain_text("A", PROTEIN, 1), chain_text("B", PROTEIN[:20], 1))
    chains = with_activations(mapped_chains(path, PROTEINS), lambda name: numbers(PROTEIN))
    assert [own.protein for own in chains] == ["P1", "P1"]
    assert chains[1].activations.tolist() == [float(i) for i in range(1, 21)]
    [only] = mapped_chains(path, PROTEINS, ["B"])
    assert only.chain.name == "B"


def test_a_chain_of_no_protein_stays_without(tmp_path: Path) -> None:
    path = write(tmp_path, chain_text("A", PROTEIN, 1), chain_text("B", "GAGAGAGAGAGA", 1))
    chains = with_activations(mapped_chains(path, PROTEINS), lambda name: numbers(PROTEIN), 10.0)
    assert chains[1].protein == ""
    assert np.isnan(chains[1].activations).all()
    assert chains[0].activations[0] == 10.0
    assert chain_lines(chains)[1] == "chain B: none of the proteins, 12 residues"
    message = (
        f"{path}: none of its chains (A, B) is Q2; expected at least 95 % equal residues over 80 % "
        "of a chain; give the protein's sequence as FASTA"
    )
    with pytest.raises(UserError, match=f"^{re.escape(message)}$"):
        mapped_chains(path, {"Q2": OTHER})
    with pytest.raises(UserError, match=r"x\.pdb: no chain 'C' with amino acids; it has A, B$"):
        mapped_chains(path, PROTEINS, ["C"])


@pytest.mark.skipif(not (SHARED / "structures").is_dir(), reason="no shared structures")
def test_real_structures() -> None:
    """Protein G's domain, and the headpiece of the lac repressor beside DNA, in three models."""
    domain = "TYKLILNGKTLKGETTTEAVDAATAEKVFKQYANDNGVDGEWTYDDATKTFTVTE"
    path = SHARED / "structures" / "1PGA.cif"
    [chain] = mapped_chains(path, {"G": "AAAAA" + domain + "KPE", **PROTEINS})
    assert chain.protein == "G"
    assert chain.places.tolist() == [-1, *range(5, 60)]  # its first M is none of the protein
    head = "MKPVTLYDVAEYAGVSYQTVSRVVNQASHVSAKTREKVEAAMAELNYIPNR"
    [chain] = mapped_chains(SHARED / "structures" / "1LCD.pdb", {"L": head + "VAQQ", **PROTEINS})
    assert (chain.chain.name, chain.protein) == ("A", "L")
    assert chain.places.tolist() == list(range(51))
