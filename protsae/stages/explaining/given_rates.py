"""What is said of the base rates that somebody gives."""

from collections.abc import Iterable, Mapping

import pandas as pd

from protsae.errors import UserError
from protsae.one_line import shown
from protsae.probabilities.activation_probabilities import GIVEN
from protsae.stages.explaining.opened_sae import OpenedSae


def rates_line(path: str, rates: Mapping[str, float], saes: Iterable[OpenedSae]) -> str:
    """How many concepts take their base rate from a file.

    Parameters
    ----------
    path : str
        The file.
    rates : mapping of str to float
        What it says, by concept.
    saes : iterable of OpenedSae
        Opened with these rates.

    Raises
    ------
    UserError
        If there are concepts with probabilities, and the file has no rate of any.
    """
    sources = [(sae.pairs["concept"], sae.probabilities.claims["base_rate_from"]) for sae in saes]
    stated = pd.concat([pd.DataFrame({"concept": c, "source": s}) for c, s in sources]).dropna()
    concepts = stated["concept"].unique()
    n_given = stated.loc[stated["source"] == GIVEN, "concept"].nunique()
    if len(concepts) and not n_given:
        raise UserError(
            f"{path}: no base rate of a concept that has probabilities; found {len(rates):,}, "
            f"such as {shown(next(iter(rates)))}; expected names as in the run, such as "
            f"{shown(concepts[0])}"
        )
    return (
        f"{path}: base rates of {len(rates):,} concepts, for {n_given:,} of the "
        f"{len(concepts):,} that have probabilities"
    )
