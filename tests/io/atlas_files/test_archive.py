import hashlib
import json
import zipfile
from pathlib import Path

import numpy as np
import pytest

from protsae.errors import UserError
from protsae.io.atlas_files.archive import DOCUMENT, FORMAT_VERSION, read_archive, write_archive
from protsae.io.json_files import write_document

FILES = {"a.bin": b"\x00\x01\x02" * 5, "sae/layer-03/w.bin": bytes(range(256)) * 3}


def packed(folder: Path, name: str = "atlas.zip") -> Path:
    source = folder / f"source-of-{name}"
    for member, data in FILES.items():
        (source / member).parent.mkdir(parents=True, exist_ok=True)
        (source / member).write_bytes(data)
    write_archive(folder / name, source, {"card": {"licence": "none"}})
    return folder / name


def opened(path: Path, folder: Path) -> dict[str, object]:
    folder.mkdir()
    return read_archive(path, folder)


@pytest.mark.parametrize("name", ["atlas.zip", "atlas"])
def test_round_trip(tmp_path: Path, name: str) -> None:
    document = opened(packed(tmp_path, name), tmp_path / "out")
    assert document["card"] == {"licence": "none"}
    for member, data in FILES.items():
        assert (tmp_path / "out" / member).read_bytes() == data


def test_members_are_files_that_all_may_read_of_no_time(tmp_path: Path) -> None:
    with zipfile.ZipFile(packed(tmp_path)) as archive:
        found = {e.filename: (e.external_attr >> 16, e.date_time) for e in archive.infolist()}
    assert found == dict.fromkeys([DOCUMENT, *FILES], (0o644, (1980, 1, 1, 0, 0, 0)))


def test_the_comment_is_the_checksum_of_all_before_it(tmp_path: Path) -> None:
    """Of a mebibyte and one byte, as of fewer."""

    def packed_file(size: int) -> bytes:
        source = tmp_path / str(size)
        source.mkdir()
        (source / "zeros").write_bytes(bytes(size))
        write_archive(tmp_path / "atlas.zip", source, {})
        return (tmp_path / "atlas.zip").read_bytes()

    fewer = packed_file(1_000_000)
    more = packed_file(2**20 + 1 + 1_000_000 - (len(fewer) - 64))
    assert len(more) - 64 == 2**20 + 1
    for whole in (fewer, more):
        assert whole[-64:] == hashlib.sha256(whole[:-64]).hexdigest().encode()


@pytest.mark.parametrize(
    ("size", "line"), [(2**24, "its checksum does not fit"), (2**24 + 1, "is too large for one")]
)
def test_a_document_has_16_mib_at_most(tmp_path: Path, size: int, line: str) -> None:
    path = rezipped(tmp_path / "atlas.zip", {DOCUMENT: bytes(size)})
    with pytest.raises(UserError, match=line):
        opened(path, tmp_path / "out")


def test_equal_files_give_equal_bytes(tmp_path: Path) -> None:
    (tmp_path / "later").mkdir()
    assert packed(tmp_path).read_bytes() == packed(tmp_path / "later").read_bytes()


def test_every_flipped_byte_is_noticed(tmp_path: Path) -> None:
    path = packed(tmp_path)
    whole = path.read_bytes()
    for place in range(len(whole)):
        damaged = bytearray(whole)
        damaged[place] ^= 1 << (place % 8)
        path.write_bytes(damaged)
        with pytest.raises(UserError, match=r"atlas\.zip: "):
            opened(path, tmp_path / f"out-{place}")


def test_every_truncation_is_noticed(tmp_path: Path) -> None:
    path = packed(tmp_path)
    whole = path.read_bytes()
    for n_bytes in np.linspace(0, len(whole) - 1, 41).astype(int):
        path.write_bytes(whole[:n_bytes])
        with pytest.raises(UserError, match=r"atlas\.zip: ") as found:
            opened(path, tmp_path / f"out-{n_bytes}")
        assert "\n" not in str(found.value)


def rezipped(path: Path, members: dict[str, bytes], how: int = zipfile.ZIP_STORED) -> Path:
    """A .zip that another program wrote, of these members."""
    with zipfile.ZipFile(path, "w", how) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return path


@pytest.mark.parametrize(
    ("members", "how", "line"),
    [
        ({"../../evil": b"x"}, zipfile.ZIP_STORED, r"a member is named '\.\./\.\./evil'"),
        ({"/etc/evil": b"x"}, zipfile.ZIP_STORED, "a member is named '/etc/evil'"),
        ({"a\\b": b"x"}, zipfile.ZIP_STORED, "a member is named"),
        ({"a/../b": b"x"}, zipfile.ZIP_STORED, "a member is named"),
        ({".hidden": b"x"}, zipfile.ZIP_STORED, "a member is named"),
        ({"zeros": bytes(10**7)}, zipfile.ZIP_DEFLATED, "'zeros' is compressed; expected members"),
        ({"other": b"x"}, zipfile.ZIP_STORED, r"has no atlas\.json; expected an atlas"),
        ({DOCUMENT: b"{}"}, zipfile.ZIP_STORED, "its checksum does not fit"),
    ],
)
def test_hostile_archives(tmp_path: Path, members: dict[str, bytes], how: int, line: str) -> None:
    path = rezipped(tmp_path / "atlas.zip", members, how)
    with pytest.raises(UserError, match=line):
        opened(path, tmp_path / "out")
    assert not (tmp_path / "evil").exists()
    assert not (tmp_path.parent / "evil").exists()


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_a_member_that_is_there_twice(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "atlas.zip", "w") as archive:
        archive.writestr("a", b"1")
        archive.writestr("a", b"2")
    with pytest.raises(UserError, match="'a' is there twice"):
        opened(tmp_path / "atlas.zip", tmp_path / "out")


def test_folders_are_checked_file_by_file(tmp_path: Path) -> None:
    path = packed(tmp_path, "atlas")
    (path / "a.bin").write_bytes(b"other")
    with pytest.raises(UserError, match=r"a\.bin: sha256 .*; expected .*, as atlas\.json says"):
        opened(path, tmp_path / "one")
    (path / "a.bin").unlink()
    with pytest.raises(UserError, match=r"'a\.bin' is missing"):
        opened(path, tmp_path / "two")
    (path / "a.bin").write_bytes(FILES["a.bin"])
    (path / "more").touch()
    with pytest.raises(UserError, match="'more' is not one of its members"):
        opened(path, tmp_path / "three")
    (path / "more").unlink()
    (path / "link").symlink_to("/etc/passwd")
    with pytest.raises(UserError, match="'link'; expected plain files"):
        opened(path, tmp_path / "four")


def test_versions(tmp_path: Path) -> None:
    path = packed(tmp_path, "atlas")
    document = json.loads((path / DOCUMENT).read_text())
    del document["xxh3"]
    write_document(path / DOCUMENT, {**document, "format_version": FORMAT_VERSION + 1})
    with pytest.raises(UserError, match=r"of version 3; this protsae reads 2; install a newer"):
        opened(path, tmp_path / "one")
    write_document(path / DOCUMENT, {**document, "format": "other"})
    with pytest.raises(UserError, match="format 'other' version 2; expected protsae-atlas"):
        opened(path, tmp_path / "two")
    (path / DOCUMENT).write_text("{")
    with pytest.raises(UserError, match=r"atlas: atlas\.json: not JSON"):
        opened(path, tmp_path / "three")


def test_a_folder_that_is_there_is_not_written_over(tmp_path: Path) -> None:
    (tmp_path / "atlas").mkdir()
    with pytest.raises(UserError, match="is there already; expected a new folder"):
        packed(tmp_path, "atlas")


def test_no_atlas(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no such file; expected an atlas"):
        opened(tmp_path / "none.zip", tmp_path / "one")
    with pytest.raises(UserError, match=r"has no atlas\.json"):
        opened(tmp_path / "one", tmp_path / "two")
