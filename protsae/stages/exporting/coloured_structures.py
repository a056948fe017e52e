"""A feature on a structure: which residue of a chain has which activation."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from protsae.concepts.structures.chain_mapping import likeliest_proteins, resolved_positions
from protsae.errors import UserError
from protsae.io.other_programs.b_factors import AtomPlace, structure_kind
from protsae.io.protein_files.structure_files import StructureChain, read_chains
from protsae.one_line import cut, one_line


@dataclass(frozen=True, eq=False)
class MappedChain:
    """A chain, and where its residues lie in its protein.

    Attributes
    ----------
    chain : StructureChain
    protein : str
        Empty if it is none of the proteins.
    places : ndarray of int, shape (n_residues,)
        0-based, -1 for a residue that is not of the protein, such as those of a tag.
    length : int
        Residues of the protein.
    n_others : int
        Residues with a place at which the protein has another amino acid.
    activations : ndarray of float, shape (n_residues,)
        NaN for residues without a place.
    """

    chain: StructureChain
    protein: str
    places: np.ndarray
    length: int
    n_others: int
    activations: np.ndarray

    @property
    def is_placed(self) -> np.ndarray:
        """Residues with a place in the protein: bool, shape (n_residues,)."""
        return self.places >= 0


def mapped_chains(
    path: str | Path, proteins: Mapping[str, str], only: Sequence[str] = ()
) -> list[MappedChain]:
    """The chains of a structure, each with its protein, as `protsae labels` finds it.

    Parameters
    ----------
    path : path
        A PDB or mmCIF file.
    proteins : mapping of str to str
        Sequences by accession that chains may be of.
    only : sequence of str
        Names of chains; default: all.

    Raises
    ------
    UserError
        If the file cannot be read, has no such chain, or none that is one of the proteins.
    """
    structure_kind(path)
    chains = read_chains(path)
    there = [chain.name for chain in chains]
    if unknown := [name for name in only if name not in there]:
        known = ", ".join(one_line(name) for name in there[:20]) or "none"
        raise UserError(
            f"{path}: no chain {cut(unknown[0], 20)!r} with amino acids; it has {known}"
        )
    chains = [chain for chain in chains if chain.name in (only or there)]
    likeliest = likeliest_proteins([chain.letters for chain in chains], proteins)
    found = [_mapped(chain, name, proteins) for chain, name in zip(chains, likeliest, strict=True)]
    if not any(own.protein for own in found):
        of = next(iter(proteins)) if len(proteins) == 1 else f"the {len(proteins):,} proteins"
        raise UserError(
            f"{path}: none of its chains ({', '.join(map(one_line, there[:20])) or 'no protein'}) "
            f"is {'' if len(proteins) == 1 else 'one of '}{of}; expected at least "
            "95 % equal residues over 80 % of a chain; give the protein's sequence as FASTA"
        )
    return found


def _mapped(chain: StructureChain, name: str, proteins: Mapping[str, str]) -> MappedChain:
    sequence = proteins.get(name, "")
    places = resolved_positions(chain.letters, sequence) if sequence else None
    unknown = np.full(len(chain.letters), np.nan)
    if places is None:
        return MappedChain(chain, "", np.full(len(chain.letters), -1), 0, 0, unknown)
    pairs = zip(chain.letters, places.tolist(), strict=True)
    n_others = sum(place >= 0 and letter != sequence[place] for letter, place in pairs)
    return MappedChain(chain, name, places, len(sequence), n_others, unknown)


def with_activations(
    chains: Sequence[MappedChain], activations: Callable[[str], np.ndarray], factor: float = 1.0
) -> list[MappedChain]:
    """Chains with the activations of one feature, times a factor.

    Parameters
    ----------
    activations : function of str
        From a protein to an activation for each of its residues.
    """
    of_protein = {own.protein: factor * activations(own.protein) for own in chains if own.protein}
    return [
        replace(
            own, activations=np.where(own.is_placed, of_protein[own.protein][own.places], np.nan)
        )
        if own.protein
        else own
        for own in chains
    ]


def atom_values(chains: Sequence[MappedChain]) -> dict[AtomPlace, float]:
    """The activation of each residue with a place, for `write_b_factors`."""
    return {
        (own.chain.name, *place, name): float(value)
        for own in chains
        for place, names, value in zip(
            own.chain.places, own.chain.names, own.activations, strict=True
        )
        if not np.isnan(value)
        for name in names
    }


def chain_lines(chains: Sequence[MappedChain], with_values: bool = True) -> list[str]:
    """For each chain its protein, and how many residues of either are without the other."""
    return [_chain_line(own, with_values) for own in chains]


def _chain_line(own: MappedChain, with_values: bool) -> str:
    name, n_residues = one_line(own.chain.name), len(own.chain.letters)
    if not own.protein:
        return f"chain {name}: none of the proteins, {n_residues:,} residues"
    n_placed = int(own.is_placed.sum())
    n_outside = n_residues - n_placed
    said = [
        f"chain {name}: {own.protein}, {n_placed:,} of its {own.length:,} residues resolved, "
        f"{own.length - n_placed:,} not"
    ]
    said += [f"{n_outside:,} of the chain not in the protein"] if n_outside else []
    said += [f"{own.n_others:,} other amino acids"] if own.n_others else []
    if not with_values:
        return "; ".join(said)
    values = own.activations[own.is_placed]
    active = f"active at {int((values > 0).sum()):,}, largest {values.max():.4g}"
    return "; ".join([*said, active])
