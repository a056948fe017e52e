"""YAML from a user: bounded in depth, size and aliases, and no key twice."""

import math
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from protsae.config.yaml_depth import validate_depth
from protsae.errors import UserError
from protsae.one_line import reason, shown

MAX_TEXT = 1 << 18
"""Characters of a configuration, at most: a thousand SAEs take a third; YAML is read slowly."""


MAX_VALUES = 1_000_000
"""Values of a configuration, at most: a bomb of aliases has billions."""


def read_yaml(path: str | Path) -> Any:
    """`parse_yaml` of a file."""
    try:
        with Path(path).open("rb") as file:
            return parse_yaml(file.read(MAX_TEXT + 1), str(path))
    except FileNotFoundError:
        raise UserError(f"{path}: no such configuration file") from None


def parse_yaml(text: str | bytes, where: str) -> Any:
    """What a YAML document holds.

    Raises
    ------
    UserError
        If it is longer than `MAX_TEXT`, not YAML, if its aliases expand to more than `MAX_VALUES`
        values, or if a key occurs twice in a section, where YAML would silently keep the last.
    """
    if len(text) > MAX_TEXT:
        raise UserError(f"{where}: longer than {MAX_TEXT:,} characters; expected a configuration")
    try:
        validate_depth(text)
        root = yaml.compose(text, Loader=yaml.SafeLoader)
        if _n_values(root, {}) > MAX_VALUES:
            raise UserError(f"{where}: its aliases stand for more than {MAX_VALUES:,} values")
        for node in _sections(root):
            _validate_keys(node, where)
        return yaml.safe_load(text)
    except (UserError, MemoryError):
        raise
    # Whatever tagged values provoke in PyYAML: a number of no digits, a date that is none, ...
    except Exception as error:
        raise UserError(f"{where}: not YAML: {reason(error)}") from None


def _validate_keys(section: yaml.MappingNode, where: str) -> None:
    keys = [key.value for key, _ in section.value if isinstance(key, yaml.ScalarNode)]
    for key, number in Counter(keys).items():
        if number > 1:
            raise UserError(
                f"{where}: {shown(key)} occurs {number} times in one section; YAML keeps the last; "
                "put all of it into one"
            )


def _children(node: yaml.Node | None) -> list[yaml.Node]:
    if isinstance(node, yaml.MappingNode):
        return [value for _, value in node.value]
    return list(node.value) if isinstance(node, yaml.SequenceNode) else []


def _n_values(node: yaml.Node | None, known: dict[int, float]) -> float:
    """Values that a node stands for once its aliases are followed; infinite if it holds itself."""
    if id(node) not in known:
        known[id(node)] = math.inf
        known[id(node)] = 1 + sum(_n_values(child, known) for child in _children(node))
    return known[id(node)]


def _sections(root: yaml.Node | None) -> Iterator[yaml.MappingNode]:
    """Every mapping once."""
    waiting, seen = [root], set()
    while waiting:
        node = waiting.pop()
        if id(node) not in seen:
            seen.add(id(node))
            waiting += _children(node)
            if isinstance(node, yaml.MappingNode):
                yield node
