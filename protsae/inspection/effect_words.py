"""What a feature does to the model's predictions, in words."""

import pandas as pd

from protsae.association.scoring.metrics import CALLED_Q
from protsae.one_line import one_line


def effect_words(row: pd.Series) -> str:
    """What the feature does to the model's predictions; empty where that was not measured.

    Examples
    --------
    >>> row = {"necessity_kl": 0.02, "necessity_kl_random": 0.004, "necessity_q_value": 0.001}
    >>> row |= {"promotion_kl": 0.01, "promotion_kl_random": 0.005, "promotion_q_value": 0.3}
    >>> row["covariance_q_value"] = 0.2
    >>> effect_words(pd.Series(row | {"promotes": "M L", "suppresses": None}))
    'switched off where active, it changes predictions by 0.02 nats (random direction of its size: \
0.004; q 0.001); switched on where silent, by 0.01 (random: 0.005; not called, q 0.3); but random \
directions that vary as the activations do reach as much (q 0.2): weak evidence; makes M L likelier'
    >>> row |= {"promotion_kl": None, "covariance_q_value": None, "concept": "SIGNAL"}
    >>> row |= {"inside_kl": 0.03, "outside_kl": 0.01, "inside_kl_difference_low": 0.004}
    >>> effect_words(pd.Series(row | {"inside_kl_difference_high": 0.036}))
    'switched off where active, it changes predictions by 0.02 nats (random direction of its size: \
0.004; q 0.001); switched off, it changes them by 0.03 at residues with SIGNAL, by 0.01 at others \
(95 % interval of the difference [0.004, 0.036])'
    >>> effect_words(pd.Series({"necessity_kl": None, "promotion_kl": None}))
    ''
    """
    said: list[str] = []
    changes = ("necessity", "switched off where active"), ("promotion", "switched on where silent")
    for name, change in changes:
        if pd.isna(row.get(f"{name}_kl")):
            continue
        what = "it changes predictions by" if not said else "by"
        unit = " nats" if not said else ""
        random = "random direction of its size" if not said else "random"
        q = row[f"{name}_q_value"]
        called = f"q {q:.2g}" if q <= CALLED_Q else f"not called, q {q:.2g}"
        said.append(
            f"{change}, {what} {row[f'{name}_kl']:.2g}{unit} ({random}: "
            f"{row[f'{name}_kl_random']:.2g}; {called})"
        )
    if said and pd.notna(beyond := row.get("covariance_q_value")):
        directions = "random directions that vary as the activations do"
        said.append(
            f"more than {directions}, too (q {beyond:.2g})"
            if beyond <= CALLED_Q
            else f"but {directions} reach as much (q {beyond:.2g}): weak evidence"
        )
    if pd.notna(row.get("inside_kl")):
        low, high = (row[f"inside_kl_difference_{end}"] for end in ("low", "high"))
        said.append(
            f"switched off, it changes them by {row['inside_kl']:.2g} at residues with "
            f"{one_line(str(row['concept']))}, by {row['outside_kl']:.2g} at others (95 % interval "
            f"of the difference [{low:.2g}, {high:.2g}])"
        )
    for name, which in (("promotes", "likelier"), ("suppresses", "less likely")):
        is_told = isinstance(row.get(name), str) and row[name]
        said += [f"makes {row[name]} {which}"] if is_told else []
    return "; ".join(said)
