"""What other programs wrote beside their SAEs, read as data: nothing in it is run or trusted."""

import json
import re
from pathlib import Path
from reprlib import Repr
from typing import Any

import yaml

from protsae.config.yaml_depth import validate_depth
from protsae.errors import UserError
from protsae.one_line import reason

MAX_JSON_BYTES = 2**24
MAX_YAML_BYTES = 2**17
"""A configuration of more bytes is none; YAML takes minutes to read much more."""

_SHORT = Repr()
_SHORT.maxstring = _SHORT.maxother = _SHORT.maxlong = 60

_LAYER_IN_NAME = re.compile(r"(?:^|[._/-])(?:blocks?|layers?|h)[._-]?(\d{1,9})(?=$|[._/-])")


def shown(value: object) -> str:
    """A value of a file for one line of an error, cut short.

    Examples
    --------
    >>> print(shown(["a\\nb", 3]), len(shown("x" * 999)))
    ['a\\nb', 3] 60
    """
    return _SHORT.repr(value)


def read_json_mapping(path: Path) -> dict[str, Any]:
    """A JSON document whose root has keys.

    Raises
    ------
    UserError
        If the file holds anything else.
    """
    try:
        document = json.loads(_text(path, MAX_JSON_BYTES))
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror}); {_COPY}") from None
    except (ValueError, RecursionError) as error:
        raise UserError(f"{path}: not JSON ({reason(error, 120)}); {_COPY}") from None
    return mapping(path, "the document", document)


def read_yaml_nodes(path: Path) -> dict[str, yaml.Node]:
    """The nodes under the root of a YAML document, by key; tags are kept and never followed.

    Raises
    ------
    UserError
        If the file is not YAML, or its root has no keys.
    """
    try:
        text = _text(path, MAX_YAML_BYTES)
        validate_depth(text)
        root = yaml.compose(text, Loader=yaml.SafeLoader)
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror}); {_COPY}") from None
    except (ValueError, yaml.YAMLError, RecursionError) as error:
        raise UserError(f"{path}: not YAML ({reason(error, 120)}); {_COPY}") from None
    if not isinstance(root, yaml.MappingNode):
        raise UserError(f"{path}: no keys at its top; expected a configuration; {_COPY}")
    return children(root)


def children(node: yaml.Node | None) -> dict[str, yaml.Node]:
    """Nodes by key; none, if there are no keys."""
    pairs = node.value if isinstance(node, yaml.MappingNode) else []
    return {key.value: value for key, value in pairs if isinstance(key.value, str)}


def mapping(path: Path, name: str, value: object) -> dict[str, Any]:
    """``value`` if it has keys; none at all for null.

    Raises
    ------
    UserError
        If it is anything else.
    """
    if value is None and name != "the document":
        return {}
    if not isinstance(value, dict):
        raise UserError(f"{path}: {name} is {shown(value)}; expected keys and values; {_COPY}")
    return value


def flag(path: Path, config: dict[str, Any], key: str, default: bool) -> bool:
    """A setting that is on or off.

    Raises
    ------
    UserError
        If it is neither.
    """
    value = config.get(key)
    if value is None:
        return default
    if not isinstance(value, bool):
        raise UserError(f"{path}: {key} is {shown(value)}; expected true or false; {_MEND}")
    return value


def active_features(path: Path, stated: dict[str, Any], n_features: int) -> int:
    """k, wherever it is stated.

    Parameters
    ----------
    stated : dict
        What is found, by the place it is found at; None where there is nothing.

    Raises
    ------
    UserError
        If there is none, two differ, or it is no whole number from 1 to ``n_features``.

    Examples
    --------
    >>> active_features(Path("cfg.json"), {"k": None, "activation_fn_kwargs.k": 16}, 512)
    16
    """
    expected = f"expected a whole number from 1 to {n_features}"
    found = {place: value for place, value in stated.items() if value is not None}
    if not found:
        raise UserError(f"{path}: no {' and no '.join(stated)}; {expected}; {_MEND}")
    for place, value in found.items():
        k = whole_number(value)
        if k is None or not 1 <= k <= n_features:
            raise UserError(f"{path}: {place} is {shown(value)}; {expected}; {_MEND}")
    ks = {place: whole_number(value) for place, value in found.items()}
    if len(set(ks.values())) > 1:
        both = " but ".join(f"{place} is {k}" for place, k in ks.items())
        raise UserError(f"{path}: {both}; expected one k; {_MEND}")
    return next(k for k in ks.values() if k is not None)


def whole_number(value: object) -> int | None:
    """The integer that ``value`` is, also as 16.0; None if it is none.

    Examples
    --------
    >>> whole_number(16), whole_number(16.0), whole_number(16.5), whole_number(True)
    (16, 16, None, None)
    """
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def layer_in_name(name: str) -> int | None:
    """The layer that the name of a place in a model tells, if it tells one.

    Examples
    --------
    >>> layer_in_name("blocks.3.hook_resid_post"), layer_in_name("layer_12"), layer_in_name("x.4")
    (3, 12, None)
    """
    found = _LAYER_IN_NAME.search(name)
    return int(found[1]) if found else None


def validate_layer(path: Path, stated: dict[str, Any], layer: int) -> None:
    """Raise UserError if anything that is stated names another layer.

    Parameters
    ----------
    stated : dict
        Layers, and names of places in a model, by their keys; None where there is nothing.
    """
    for key, value in stated.items():
        if value is None:
            continue
        number = int(value) if isinstance(value, str) and re.fullmatch(r"\d{1,9}", value) else value
        found = layer_in_name(number) if isinstance(number, str) else whole_number(number)
        if found is None and not isinstance(value, str):
            raise UserError(f"{path}: {key} is {shown(value)}; expected one layer; {_MEND}")
        if found not in (None, layer):
            raise UserError(
                f"{path}: {key} is {shown(value)}; expected layer {layer}, as --layer says; give "
                f"the layer that the SAE was trained on, or mend {key} if it counts otherwise"
            )


_COPY = "copy it again"
_MEND = "set it to what the SAE was trained with"


def _text(path: Path, max_bytes: int) -> str:
    if path.stat().st_size > max_bytes:
        raise ValueError(f"more than {max_bytes} bytes")
    return path.read_text(encoding="utf-8")
