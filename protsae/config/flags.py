"""Settings as command-line flags: one flag per field, and back.

The workflow turns a section of the configuration into the flags of its stage, so that what a job
was run with can be read off its command, and Snakemake sees every change.
"""

import argparse
import json
import shlex
import typing
from collections.abc import Mapping
from typing import Any

from protsae.config.section import Settings
from protsae.config.settings import S, parse_settings
from protsae.config.stage_settings import CacheSettings


def add_flags(parser: argparse.ArgumentParser, model: type[Settings]) -> None:
    """Give ``parser`` one ``--flag`` per field of ``model``, with its description and default."""
    group = parser.add_argument_group("settings", model.__doc__)
    for name, field in model.model_fields.items():
        many = typing.get_origin(field.annotation) is tuple
        default = "required" if field.is_required() else f"default: {_shown(field.default)}"
        group.add_argument(
            _flag(name),
            dest=name,
            nargs="+" if many else None,
            default=argparse.SUPPRESS,
            required=field.is_required(),
            metavar="VALUE",
            help=f"{field.description} ({default})".replace("%", "%%"),
        )


def add_protein_flags(parser: argparse.ArgumentParser) -> "argparse._MutuallyExclusiveGroup":
    """Give ``parser`` the flags ``--fasta`` and ``--sequence``, in a group that takes one flag."""
    given = parser.add_mutually_exclusive_group(required=True)
    given.add_argument("--fasta", metavar="FILE", help="proteins, plain or .gz; - for stdin")
    given.add_argument("--sequence", metavar="LETTERS", help="one protein")
    return given


_MOST_THREADS = 1024
"""More than any program of ours makes use of; with many more, OpenMP crashes."""


def add_threads_flag(parser: argparse.ArgumentParser, default: int = 1) -> None:
    """Give ``parser`` a ``--threads`` flag: CPU threads, at least 1."""

    def threads(text: str) -> int:
        if not text.isdecimal() or not 1 <= int(text) <= _MOST_THREADS:
            raise argparse.ArgumentTypeError(
                f"{text!r}; expected CPU threads, 1 to {_MOST_THREADS}"
            )
        return int(text)

    parser.add_argument(
        "--threads", type=threads, default=default, help="CPU threads (default: %(default)s)"
    )


def whole_number(text: str) -> int:
    """The ``type`` of a flag that takes a number of things, 0 or more.

    Examples
    --------
    >>> whole_number("12")
    12
    """
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"{text!r}; expected a whole number, 0 or more")
    return int(text)


def seed_number(text: str) -> int:
    """The ``type`` of a flag that takes a seed, which scikit-learn has in 32 bits.

    Examples
    --------
    >>> seed_number("7")
    7
    """
    if not text.isdecimal() or int(text) >= 1 << 32:
        raise argparse.ArgumentTypeError(f"{text!r}; expected a whole number, 0 to {(1 << 32) - 1}")
    return int(text)


def add_compression_flag(parser: argparse.ArgumentParser) -> None:
    """Give ``parser`` a ``--compression`` flag, as the stages that write activations have."""
    field = CacheSettings.model_fields["compression"]
    parser.add_argument(
        "--compression",
        choices=typing.get_args(field.annotation),
        default=field.default,
        help=f"{field.description} (default: {field.default})".replace("%", "%%"),
    )


def settings_from_flags(model: type[S], args: argparse.Namespace) -> S:
    """Settings of a stage from its parsed command line.

    Raises
    ------
    UserError
        If a value is outside its range or of another type.
    """
    values = {name: value for name, value in vars(args).items() if name in model.model_fields}
    return parse_settings(model, values, "command line")


def to_flags(settings: Settings) -> str:
    """Settings as a shell-quoted command line that ``settings_from_flags`` reads back equal.

    Examples
    --------
    >>> from protsae.config.settings import ReportSettings
    >>> to_flags(ReportSettings(features_per_layer=3))
    '--features-per-layer 3'
    """
    words: list[str] = []
    for name, value in settings:
        if value == ():  # a flag of many takes at least one
            continue
        if isinstance(value, tuple):
            words += [_flag(name), *map(str, value)]
        elif str(value).startswith("-"):  # or argparse would take it for a flag
            words.append(f"{_flag(name)}={value}")
        elif value is not None:
            words += [_flag(name), str(value)]
    return shlex.join(words)


def variants_flag(variants: Mapping[str, Settings]) -> str:
    """SAE variants as the shell-quoted ``--saes`` flag of ``protsae train``.

    Examples
    --------
    >>> from protsae.config.settings import TrainSettings
    >>> print(variants_flag({"one": TrainSettings(architecture="topk", k=3)}))
    --saes '{"one": {"architecture": "topk", "k": 3}}'
    """
    given = {
        name: settings.model_dump(exclude_defaults=True) for name, settings in variants.items()
    }
    return "--saes " + shlex.quote(json.dumps(given))


def _flag(name: str) -> str:
    return "--" + name.replace("_", "-")


def _shown(value: Any) -> str:
    return " ".join(map(str, value)) if isinstance(value, tuple) else str(value)
