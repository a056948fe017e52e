"""The files of an atlas in one .zip or folder, read only if they are what was written.

Members are stored, not compressed: equal members give equal bytes everywhere, and nothing can grow
on reading. The comment at the end of the .zip is the SHA-256 of all bytes before it; ``atlas.json``
has size and SHA-256 of every other member.
"""

import hashlib
import json
import re
import shutil
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from protsae.errors import UserError
from protsae.io.atomic import atomic_path
from protsae.io.json_files import read_document, write_document
from protsae.one_line import reason, shown
from protsae.provenance import file_sha256

FORMAT, FORMAT_VERSION = "protsae-atlas", 2
DOCUMENT = "atlas.json"
_NAME = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9_.-]*(?:/[A-Za-z0-9_-][A-Za-z0-9_.-]*)*")
_DIGITS = 64
_TIME = (1980, 1, 1, 0, 0, 0)
_MOST_DOCUMENT_BYTES = 2**24
_AGAIN = "pack it again, or copy it again"


def write_archive(target: Path, folder: Path, document: Mapping[str, Any]) -> None:
    """Write all files of a folder, and a document, as an atlas.

    Parameters
    ----------
    target : Path
        A .zip file; with any other ending, a folder, which must not be there.
    folder : Path
        The document is added to it.
    document : mapping
        What ``atlas.json`` says beside format and members.

    Raises
    ------
    UserError
        If the target is a folder that is there.
    """
    names = sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file())
    members = {
        name: {"bytes": (folder / name).stat().st_size, "sha256": file_sha256(folder / name)}
        for name in names
    }
    of_format = {"format": FORMAT, "format_version": FORMAT_VERSION}
    write_document(folder / DOCUMENT, {**of_format, **document, "members": members})
    if target.suffix != ".zip":
        _write_folder(target, folder)
        return
    with atomic_path(target) as temporary:
        with zipfile.ZipFile(temporary, "w", zipfile.ZIP_STORED) as archive:
            for name in (DOCUMENT, *names):
                entry = zipfile.ZipInfo(name, _TIME)
                entry.external_attr, entry.create_system = 0o644 << 16, 3
                archive.writestr(entry, (folder / name).read_bytes())
            archive.comment = b"0" * _DIGITS
        with temporary.open("r+b") as file:
            file.seek(-_DIGITS, 2)
            file.write(_seal(temporary))


def _write_folder(target: Path, folder: Path) -> None:
    if target.exists():
        raise UserError(f"{target}: is there already; expected a new folder, or a name with .zip")
    with atomic_folder(target) as temporary:
        shutil.copytree(folder, temporary, dirs_exist_ok=True)


def atomic_folder(target: Path) -> Any:
    """As `atomic_path`, of a folder."""
    return _AtomicFolder(target)


class _AtomicFolder:
    def __init__(self, target: Path) -> None:
        self._target = target
        self._temporary = target.with_name(f".tmp-{target.name}")

    def __enter__(self) -> Path:
        shutil.rmtree(self._temporary, ignore_errors=True)
        self._temporary.mkdir(parents=True)
        return self._temporary

    def __exit__(self, kind: object, *_: object) -> None:
        if kind is None:
            self._temporary.replace(self._target)
        else:
            shutil.rmtree(self._temporary, ignore_errors=True)


def read_archive(path: Path, folder: Path) -> dict[str, Any]:
    """Check an atlas and put its files into an empty folder; what ``atlas.json`` says.

    Raises
    ------
    UserError
        If it is missing, no atlas, of a newer version, truncated or changed; if a member is
        missing, not named in ``atlas.json``, compressed, or has a name that leads elsewhere.
    """
    if path.is_dir():
        return _read_folder(path, folder)
    if not path.is_file():
        raise UserError(f"{path}: no such file; expected an atlas, which protsae pack writes")
    try:
        with zipfile.ZipFile(path) as archive:
            _validate_entries(path, archive)
            _validate_seal(path)
            for entry in archive.infolist():
                target = folder / entry.filename
                target.parent.mkdir(parents=True, exist_ok=True)
                with archive.open(entry) as source, target.open("wb") as copy:
                    shutil.copyfileobj(source, copy)
    except UserError:
        raise
    except OSError as error:
        if error.filename is None:
            raise _damaged(path, error) from None
        raise
    except Exception as error:  # whatever the bytes of a file can provoke in zipfile
        raise _damaged(path, error) from None
    return _validated(path, folder)


def _damaged(path: Path, error: Exception) -> UserError:
    return UserError(f"{path}: no whole .zip ({reason(error)}); expected an atlas; {_AGAIN}")


def _validate_entries(path: Path, archive: zipfile.ZipFile) -> None:
    """Raise UserError for names that lead elsewhere, and for what could grow on reading."""
    entries = archive.infolist()
    names = [entry.filename for entry in entries]
    for entry in entries:
        if not _NAME.fullmatch(entry.filename):
            raise UserError(
                f"{path}: a member is named {shown(entry.filename)}; expected plain names below "
                f"the atlas; {_AGAIN}"
            )
        if entry.compress_type != zipfile.ZIP_STORED or entry.file_size != entry.compress_size:
            raise UserError(
                f"{path}: {shown(entry.filename)} is compressed; expected members that are stored, "
                f"as protsae pack writes them; {_AGAIN}"
            )
    if len(set(names)) != len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise UserError(f"{path}: {shown(twice)} is there twice; {_AGAIN}")
    if DOCUMENT not in names:
        raise UserError(f"{path}: has no {DOCUMENT}; expected an atlas; {_AGAIN}")
    size = path.stat().st_size
    if (claimed := sum(entry.file_size for entry in entries)) > size:
        raise UserError(f"{path}: {claimed:,} bytes in a file of {size:,}; {_AGAIN}")
    if archive.getinfo(DOCUMENT).file_size > _MOST_DOCUMENT_BYTES:
        raise UserError(f"{path}: {DOCUMENT} is too large for one; {_AGAIN}")


def _validate_seal(path: Path) -> None:
    with path.open("rb") as file:
        file.seek(-_DIGITS, 2)
        stated = file.read()
    if stated != _seal(path):
        raise UserError(f"{path}: changed since it was packed: its checksum does not fit; {_AGAIN}")


def _seal(path: Path) -> bytes:
    """SHA-256 of all before the last 64 bytes, which hold it."""
    digest, left = hashlib.sha256(), path.stat().st_size - _DIGITS
    with path.open("rb") as file:
        while left > 0:
            chunk = file.read(min(2**20, left))
            digest.update(chunk)
            left -= len(chunk)
    return digest.hexdigest().encode()


def _read_folder(path: Path, folder: Path) -> dict[str, Any]:
    if not (path / DOCUMENT).is_file():
        raise UserError(f"{path}: has no {DOCUMENT}; expected an atlas, which protsae pack writes")
    for found in path.rglob("*"):
        name = found.relative_to(path).as_posix()
        if found.is_symlink() or not _NAME.fullmatch(name):
            raise UserError(
                f"{path}: holds {shown(name)}; expected plain files and folders; {_AGAIN}"
            )
    shutil.copytree(path, folder, dirs_exist_ok=True)
    return _validated(path, folder)


def _validated(path: Path, folder: Path) -> dict[str, Any]:
    """The document, if the files are those that it names."""
    try:
        version = json.loads((folder / DOCUMENT).read_text(encoding="utf-8"))["format_version"]
    except (ValueError, KeyError, TypeError, RecursionError):
        version = FORMAT_VERSION
    if isinstance(version, int) and version > FORMAT_VERSION:
        raise UserError(
            f"{path}: an atlas of version {version}; this protsae reads {FORMAT_VERSION}; install "
            "a newer protsae"
        )
    try:
        document = read_document(folder / DOCUMENT)
    except UserError as error:
        finding = str(error).removeprefix(f"{folder / DOCUMENT}: ").split(";")[0]
        raise UserError(f"{path}: {DOCUMENT}: {finding}; {_AGAIN}") from None
    found = document.get("format"), document.get("format_version")
    if found != (FORMAT, FORMAT_VERSION):
        raise UserError(
            f"{path}: format {shown(found[0])} version {shown(found[1])}; expected {FORMAT} "
            f"version {FORMAT_VERSION}; {_AGAIN}"
        )
    there = {p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file()}
    members = document["members"]
    for name in sorted(there.symmetric_difference({DOCUMENT, *members})):
        what = "is missing" if name in members else "is not one of its members"
        raise UserError(f"{path}: {shown(name)} {what}; {_AGAIN}")
    for name, stated in members.items():
        if file_sha256(folder / name) != stated["sha256"]:
            raise UserError(
                f"{path}: {name}: sha256 {file_sha256(folder / name)[:12]}; expected "
                f"{stated['sha256'][:12]}, as {DOCUMENT} says; {_AGAIN}"
            )
    return document
