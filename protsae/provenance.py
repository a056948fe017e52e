"""Where artefacts come from: checksums of files, settings and the code of a stage."""

import ast
import contextlib
import hashlib
import importlib.util
import json
import os
import re
import sys
from collections.abc import Iterable, Sequence
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

PACKAGE_ROOT = Path(__file__).parent

# Settings reach a stage as values, which Snakemake tracks by themselves; what parses them need not
# rerun everything when it changes.
_NOT_PART_OF_A_STAGE = re.compile(r"protsae(\.(cli|config|provenance|commands)(\.\w+)?)?")


def file_sha256(path: str | Path) -> str:
    """SHA-256 of a file's bytes, as 64 hexadecimal digits."""
    with Path(path).open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()


def settings_sha256(settings: Any) -> str:
    """SHA-256 of a JSON-able object with sorted keys: equal settings have equal digests.

    Examples
    --------
    >>> settings_sha256({"a": 1, "b": 2}) == settings_sha256({"b": 2, "a": 1})
    True
    """
    text = json.dumps(settings, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def protein_set_sha256(accessions: Iterable[str], sequences: Iterable[str]) -> str:
    """SHA-256 over the lines ``accession<TAB>sequence`` of a protein set, in its order."""
    digest = hashlib.sha256()
    for accession, sequence in zip(accessions, sequences, strict=True):
        digest.update(f"{accession}\t{sequence}\n".encode())
    return digest.hexdigest()


def imported_modules(module: str, unused: str | None = None) -> set[str]:
    """Modules of protsae that ``module`` imports, itself included, followed to the end.

    Read from the source (``ast``), so nothing is imported and torch stays out of Snakemake.

    Parameters
    ----------
    unused : str, optional
        A package that a run makes no use of, although ``module`` imports it: neither it nor what
        only it imports is followed.
    """
    found: set[str] = set()
    seen: set[str] = set()
    todo = [module]
    while todo:
        name = todo.pop()
        if name in seen:
            continue
        seen.add(name)
        is_unused = unused is not None and f"{name}.".startswith(f"{unused}.")
        if is_unused or _NOT_PART_OF_A_STAGE.fullmatch(name):
            continue
        path = _source_path(name)
        if path is not None:
            found.add(name)
            todo += _code_cache(PACKAGE_ROOT)[path].imports
    return found


def code_digest(module: str, unused: str | None = None) -> str:
    """First 16 hexadecimal digits of a SHA-256 over the code of a module and all it imports.

    Rules list it as a param: an edited stage reruns; one that was touched, freshly cloned, laid
    out anew or documented better does not. Templates beside a module's package (``*.html``,
    ``*.css``) count as its code. ``unused`` is that of `imported_modules`. What parsing a source
    gave is kept beside Python's compiled modules, if Python may write those.
    """
    digest, codes = hashlib.sha256(), _code_cache(PACKAGE_ROOT)
    for name in sorted(imported_modules(module, unused)):
        path = _source_path(name)
        assert path is not None
        digest.update(f"{name}\0{codes[path].text}\0".encode())
        for template in sorted(p for p in path.parent.glob("*.*") if p.suffix in (".html", ".css")):
            digest.update(f"{name}/{template.name}\0".encode() + template.read_bytes() + b"\0")
    codes.save()
    return digest.hexdigest()[:16]


def code_text(source: str) -> str:
    """Python source without docstrings and comments, in one layout.

    Examples
    --------
    >>> code_text('def f(x):  # twice\\n    "Double x."\\n    return (2*x)')
    'def f(x):\\n    return 2 * x'
    """
    return _parse(source)[1]


def _parse(source: str) -> tuple[list[str], str]:
    """What a source may import, and `code_text`."""
    tree = ast.parse(source)
    imports: list[str] = []
    todo: list[ast.AST] = [tree]
    while todo:
        node = todo.pop()
        if isinstance(node, ast.Import):
            imports += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            imports += [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
        # Statements stand in these alone; that expressions need no visit saves most of the time.
        for block in ("body", "orelse", "finalbody", "handlers", "cases"):
            todo += getattr(node, block, [])
        if hasattr(node, "body"):
            # A docstring, or a string below an assignment that says what it is.
            node.body = [each for each in node.body if not _is_text(each)] or [ast.Pass()]
    return imports, ast.unparse(tree)


def _is_text(node: ast.stmt) -> bool:
    return (
        isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Constant)
        and isinstance(node.value.value, str)
    )


def _source_path(module: str) -> Path | None:
    if module != "protsae" and not module.startswith("protsae."):
        return None
    base = PACKAGE_ROOT.joinpath(*module.split(".")[1:])
    return next((p for p in (base.with_suffix(".py"), base / "__init__.py") if p.is_file()), None)


class _Code(NamedTuple):
    """What counts of a source."""

    key: str
    """SHA-256 of the source and of this module, which says how a source is read."""
    imports: Sequence[str]
    """What it may import."""
    text: str
    """Its `code_text`."""


class _CodeCache:
    """`_Code` of a package's sources; parsing them takes a second, and each cluster job needs them.

    They are kept in a file beside Python's compiled modules, if Python may write those. An entry
    holds for a source with the same content, whatever its date. A damaged file is ignored.
    """

    def __init__(self, package: Path) -> None:
        compiled = importlib.util.cache_from_source(str(package / "code.py"))
        self._file = Path(compiled).with_suffix(".json")
        self._rules = Path(__file__).read_bytes()
        self._is_new = False
        try:
            entries = json.loads(self._file.read_text())
            self._known = {name: _Code(*entry) for name, entry in entries.items()}
        except (OSError, ValueError, TypeError, AttributeError):
            self._known = {}

    def __getitem__(self, path: Path) -> _Code:
        source = path.read_bytes()
        key = hashlib.sha256(self._rules + source).hexdigest()
        known = self._known.get(str(path))
        if known is None or known.key != key:
            known = _Code(key, *_parse(source.decode()))
            self._known[str(path)] = known
            self._is_new = True
        return known

    def save(self) -> None:
        """Write what was parsed, unless Python is told not to or the folder cannot be written."""
        if not self._is_new or sys.dont_write_bytecode:
            return
        own = self._file.with_name(f"{self._file.name}.{os.getpid()}")
        with contextlib.suppress(OSError):
            self._file.parent.mkdir(parents=True, exist_ok=True)
            try:
                own.write_text(json.dumps(self._known))
                own.replace(self._file)
            finally:
                own.unlink(missing_ok=True)
        self._is_new = False


_code_cache = cache(_CodeCache)
