"""The ESM-2 models that can be asked for by name, and their shapes."""

import difflib
import re

RELEASED = {
    "esm2_t6_8M_UR50D": (6, 320, 20),
    "esm2_t12_35M_UR50D": (12, 480, 20),
    "esm2_t30_150M_UR50D": (30, 640, 20),
    "esm2_t33_650M_UR50D": (33, 1280, 20),
    "esm2_t36_3B_UR50D": (36, 2560, 40),
    "esm2_t48_15B_UR50D": (48, 5120, 40),
}
"""Layers, width and attention heads of the models that fair-esm names."""


_LAYERS = re.compile(r"esm2_t(\d+)_")


def stated_layers(name: str) -> int | None:
    """Layers of a model by its name, released or a file's; None if it does not say.

    Examples
    --------
    >>> stated_layers("esm2_t6_8M_UR50D"), stated_layers("esm2_t8_mine.pt"), stated_layers("mine")
    (6, 8, None)
    """
    stated = _LAYERS.match(name)
    return int(stated[1]) if stated else None


def unknown_model(name: str) -> str:
    """What to say of a name that is none of them.

    Examples
    --------
    >>> unknown_model("esm2_t6_8M").split(";")[0]
    "embed.model: 'esm2_t6_8M' is not an ESM-2 of fair-esm"
    """
    near = difflib.get_close_matches(name, RELEASED, n=1)
    hint = f"did you mean {near[0]!r}? Expected" if near else "expected"
    return (
        f"embed.model: {name!r} is not an ESM-2 of fair-esm; {hint} a local .pt file or "
        f"one of {', '.join(RELEASED)}"
    )
