"""The protein and the mutants that somebody asks about, checked against each other."""

import itertools
from collections.abc import Callable, Sequence

from protsae.errors import UserError
from protsae.inspection.run_protein import RunProtein
from protsae.io.protein_files.mutant_files import read_mutants
from protsae.proteins.substitutions import Mutant, parse_mutant, single_mutants, validate_mutants
from protsae.stages.explaining.given_proteins import given_proteins


def one_protein(
    sequence: str | None,
    fasta: str | None,
    accession: str | None,
    of_run: Callable[[str], RunProtein] | None,
) -> tuple[str, str]:
    """Name and sequence of the protein: given itself, in a file with it alone, or of the run.

    Parameters
    ----------
    sequence, fasta, accession : str or None
        One of them is given.
    of_run : function, optional
        The protein of a run by its accession, where there is a run.

    Raises
    ------
    UserError
        If the file has more than one protein, an accession is asked for without a run or is none
        of its, or as `given_proteins` does.
    """
    if accession is not None:
        if of_run is None:
            raise UserError(
                "--accession: only a run has proteins by accession; name the run with --run, or "
                "give the protein with --fasta or --sequence"
            )
        own = of_run(accession)
        return own.accession, own.sequence
    # Two are enough to know that it is not one.
    found = list(itertools.islice(given_proteins(sequence, fasta), 2))
    if len(found) > 1:
        raise UserError(f"{fasta}: more than one protein; expected one; give a file with it alone")
    return found[0]


def given_mutants(
    words: Sequence[str] | None, path: str | None, name: str, sequence: str
) -> list[Mutant]:
    """The mutants of the command line, those of a file, or without either all single ones.

    Raises
    ------
    UserError
        If one is no mutant or none of this protein, or one occurs twice.
    """
    if words is not None:
        return validate_mutants(
            [("--mutants", parse_mutant(word)) for word in words], name, sequence
        )
    if path is not None:
        return validate_mutants(read_mutants(path), name, sequence)
    if found := single_mutants(sequence):
        return found
    raise UserError(
        f"{name}: none of its residues is one of the 20 amino acids; nothing to replace"
    )
