"""Features of a run on a structure file: as B-factors, and as attributes for ChimeraX."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from protsae.errors import UserError
from protsae.inspection.feature_name import FeatureName
from protsae.io.atomic import atomic_path
from protsae.io.other_programs.b_factors import write_b_factors
from protsae.io.other_programs.defattr import attribute_lines, attribute_name, residue_spec
from protsae.one_line import cut, note
from protsae.stages.explaining.explainer import Explainer
from protsae.stages.explaining.given_proteins import read_given
from protsae.stages.exporting.chosen_features import named_features
from protsae.stages.exporting.coloured_structures import (
    MappedChain,
    atom_values,
    chain_lines,
    mapped_chains,
    with_activations,
)
from protsae.stages.exporting.source_run import SourceRun

NOT_OF_PROTEIN = -1.0
"""B-factor of atoms of which no activation is known; activations are 0 or more."""

_BEYOND = 0x100
"""Insertion codes from here on stand for thousands of a residue number in PDB (`decimal_line`)."""


@dataclass(frozen=True)
class StructureChoice:
    """Which chains of a structure get activations, and of which proteins they may be.

    Attributes
    ----------
    chains : tuple of str
        Default: all.
    protein : str or None
        Accession of the only protein of the run; default: any of them.
    fasta : str or None
        File of proteins in place of the run's; they go through the model.
    """

    chains: tuple[str, ...] = ()
    protein: str | None = None
    fasta: str | None = None


@dataclass(frozen=True, eq=False)
class Coloured:
    """What was written.

    Attributes
    ----------
    path : Path
    features : tuple of str
        Names of the features.
    chains : list of list of MappedChain
        For each feature.
    n_other_atoms : int
        Atoms with `NOT_OF_PROTEIN`; 0 in a file of attributes.
    """

    path: Path
    features: tuple[str, ...]
    chains: list[list[MappedChain]]
    n_other_atoms: int = 0


def write_coloured(
    run: SourceRun,
    explainer: Callable[..., Explainer],
    source: str | Path,
    target: str | Path,
    feature: str,
    choice: StructureChoice,
    is_percent: bool = False,
) -> Coloured:
    """Copy a structure with a feature's activations as B-factors.

    Parameters
    ----------
    explainer : function
        `Run.explainer`; called only for proteins that are not of the run.
    source, target : path
        PDB or mmCIF, both the same.
    feature : str
        Its name, such as 6/topk/246.
    is_percent : bool
        100 is the feature's largest activation on the run's test set.

    Raises
    ------
    UserError
        If there is no such feature, chain or protein, no chain is one of the proteins, or a number
        does not fit a PDB file.
    """
    [name], [chains] = _with_features(run, explainer, source, [feature], choice, is_percent)
    n_other = write_b_factors(source, target, atom_values(chains), NOT_OF_PROTEIN)
    return Coloured(Path(target), (name,), [chains], n_other)


def write_attributes(
    run: SourceRun,
    explainer: Callable[..., Explainer],
    source: str | Path,
    target: str | Path,
    features: Sequence[str],
    choice: StructureChoice,
) -> Coloured:
    """Write features' activations as attributes of the residues of a structure, for ChimeraX.

    Parameters and errors are those of `write_coloured`; residues without a place in the protein
    have no attribute.
    """
    names, coloured = _with_features(run, explainer, source, features, choice, False)
    lines = []
    for name, chains in zip(names, coloured, strict=True):
        values = [
            (residue_spec(own.chain.name, *place), float(value))
            for own in chains
            for place, value in zip(own.chain.places, own.activations, strict=True)
            if not np.isnan(value)
        ]
        told = f"activations of feature {name} on {Path(source).name}"
        lines += attribute_lines(attribute_name(name), told, values)
    if any(ord(code) >= _BEYOND for own in coloured[0] for _, code in own.chain.places):
        raise UserError(
            f"{source}: residue numbers beyond 9,999; expected such as ChimeraX can name; give "
            "mmCIF"
        )
    with atomic_path(target) as temporary:
        temporary.write_text("\n".join(lines) + "\n", encoding="utf-8", newline="\n")
    return Coloured(Path(target), tuple(names), coloured)


def _with_features(
    run: SourceRun,
    explainer: Callable[..., Explainer],
    source: str | Path,
    features: Sequence[str],
    choice: StructureChoice,
    is_percent: bool,
) -> tuple[list[str], list[list[MappedChain]]]:
    """Names of features, and for each the chains with its activations."""
    rows = named_features(run, features).to_dict("records")
    names = [
        FeatureName(*(row[n] for n in ("model", "layer", "variant", "feature"))) for row in rows
    ]
    sequences = _sequences(run, choice)
    chains = mapped_chains(source, sequences, choice.chains)
    read = _of_model(run, explainer, names, sequences) if choice.fasta else _of_run(run)
    coloured = []
    for name, row in zip(names, rows, strict=True):
        largest = row["max_activation"]
        if is_percent and not largest > 0:
            raise UserError(
                f"{run.results}: {name} is active at no residue of test, so there is no percent of "
                "its largest activation; ask for the activations"
            )
        factor = 100 / largest if is_percent else 1.0
        coloured.append(with_activations(chains, lambda p, n=name: read(n, p), factor))  # type: ignore[misc]
    shown = [str(n) if n.model == run.model else f"{n.model}/{n}" for n in names]
    return shown, coloured


def _sequences(run: SourceRun, choice: StructureChoice) -> dict[str, str]:
    if choice.fasta:
        return dict(read_given(choice.fasta))
    of_run = dict(zip(run.proteins["accession"], run.proteins["sequence"], strict=True))
    if choice.protein is None:
        return of_run
    if choice.protein not in of_run:
        raise UserError(
            f"{run.results}: no protein {cut(choice.protein, 60)!r} among its {len(of_run):,}; "
            "give its sequence as FASTA"
        )
    return {choice.protein: of_run[choice.protein]}


def _of_run(run: SourceRun) -> Callable[[FeatureName, str], np.ndarray]:
    """Stored activations of a feature in a protein."""

    def read(name: FeatureName, protein: str) -> np.ndarray:
        codes = run.activations(name.layer, name.variant, name.model)[protein]
        found: np.ndarray = codes[:, [name.feature]].toarray().ravel()
        return found

    return read


def _of_model(
    run: SourceRun,
    explainer: Callable[..., Explainer],
    names: Sequence[FeatureName],
    sequences: Mapping[str, str],
) -> Callable[[FeatureName, str], np.ndarray]:
    """The same, computed from the sequence."""
    for name in names:
        if name.model != run.model:
            raise UserError(
                f"{name.model}/{name}: proteins of a FASTA file go through {run.model} only; name "
                "a feature of it, or a protein of the run"
            )
    layers = sorted({name.layer for name in names})
    opened = explainer(layers=layers, saes=sorted({name.variant for name in names}))
    held: dict[str, Mapping[tuple[int, str], object]] = {}

    def read(name: FeatureName, protein: str) -> np.ndarray:
        if protein not in held:
            held[protein] = opened.codes(sequences[protein])
        codes = held[protein][name.layer, name.variant]
        found: np.ndarray = codes[:, [name.feature]].toarray().ravel()  # type: ignore[index]
        return found

    return read


def coloured_lines(done: Coloured, is_percent: bool = False) -> list[str]:
    """What was written, which residues are without an activation, and how to see it."""
    first = done.chains[0]
    if len(done.features) > 1:
        names = ", ".join(attribute_name(name) for name in done.features)
        return [*chain_lines(first, False), f"wrote {done.path}: attributes {names}"]
    values = np.concatenate([own.activations[own.is_placed] for own in first])
    largest = float(values.max())
    unit = "% of the largest on test" if is_percent else "activations"
    name = done.features[0]
    said = chain_lines(first)
    if done.path.suffix == ".defattr":
        attribute = attribute_name(name)
        said.append(f"wrote {done.path}: attribute {attribute}, 0 to {largest:.4g}")
        hints = [f"ChimeraX: open {done.path}; color byattribute r:{attribute} palette white:red"]
    else:
        said.append(
            f"wrote {done.path}: B-factors are {unit} of {name}, 0 to {largest:.4g}; "
            f"{NOT_OF_PROTEIN:g} at {done.n_other_atoms:,} atoms without a known activation"
        )
        hints = [
            f"ChimeraX: color bfactor palette white:red range 0,{largest:.4g}",
            f"PyMOL: spectrum b, white_red, minimum=0, maximum={largest:.4g}",
        ]
    return said + (hints if largest > 0 else [note(f"{name} is active at none of these residues")])
