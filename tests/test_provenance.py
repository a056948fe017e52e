import hashlib
import os
import subprocess
import sys
from pathlib import Path

import pytest

from protsae import provenance
from protsae.cli import COMMANDS
from protsae.commands import module_of
from protsae.provenance import (
    code_digest,
    code_text,
    file_sha256,
    imported_modules,
    protein_set_sha256,
    settings_sha256,
)


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A package in protsae's place: stage -> core.numbers, core.more -> core.deep."""
    files = {
        "__init__.py": "",
        "config.py": "x = 1\n",
        "stage.py": "import numpy\nfrom protsae.core import more\n"
        "from protsae.core.numbers import x\nfrom protsae.config.settings import x\n",
        "core/__init__.py": "",
        "core/numbers.py": "x = 1\n",
        "core/more.py": "import protsae.core.deep\n",
        "core/deep.py": "def f():\n    from protsae import stage\n",
        "other.py": "y = 1\n",
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    monkeypatch.setattr(provenance, "PACKAGE_ROOT", tmp_path)
    return tmp_path


def test_imports_are_followed_in_circles_too(package: Path) -> None:
    assert imported_modules("protsae.stage") == {
        "protsae.stage",
        "protsae.core",
        "protsae.core.more",
        "protsae.core.deep",
        "protsae.core.numbers",
    }


@pytest.mark.parametrize("name", ["stage.py", "core/numbers.py", "core/deep.py"])
def test_the_digest_follows_content(package: Path, name: str) -> None:
    before = code_digest("protsae.stage")
    path = package / name
    path.touch()
    assert code_digest("protsae.stage") == before
    path.write_text(path.read_text() + "\n\ny = 2\n")
    assert code_digest("protsae.stage") != before


@pytest.mark.parametrize(
    "text",
    [
        '"""What it is."""\nx = 1\n',
        "x = 1  # so many\n",
        'x = (\n    1\n)\n"""So many."""\n',
    ],
    ids=["docstring", "comment", "layout"],
)
def test_the_digest_ignores_words(package: Path, text: str) -> None:
    before = code_digest("protsae.stage")
    (package / "core/numbers.py").write_text(text)
    assert code_digest("protsae.stage") == before


def test_words_that_are_used_count() -> None:
    assert code_text("print('a')") != code_text("print('b')")
    assert code_text("def f():\n    'Alone.'\n") == "def f():\n    pass"


@pytest.mark.parametrize(
    "statement",
    [
        "class A:\n    def f(self):\n        {}",
        "if x:\n    pass\nelse:\n    {}",
        "for i in x:\n    pass\nelse:\n    {}",
        "try:\n    pass\nexcept OSError:\n    {}",
        "try:\n    pass\nfinally:\n    {}",
        "with x:\n    {}",
        "match x:\n    case 1:\n        {}",
    ],
    ids=["method", "else", "end of a loop", "except", "finally", "with", "case"],
)
def test_imports_are_followed_from_any_block(package: Path, statement: str) -> None:
    (package / "stage.py").write_text(statement.format("import protsae.other"))
    assert imported_modules("protsae.stage") == {"protsae.stage", "protsae.other"}


def test_what_a_run_does_not_use_is_not_followed(package: Path) -> None:
    assert imported_modules("protsae.stage", unused="protsae.core") == {"protsae.stage"}
    before = code_digest("protsae.stage", unused="protsae.core")
    (package / "core/numbers.py").write_text("x = 2\n")
    assert code_digest("protsae.stage", unused="protsae.core") == before


def test_training_without_end_to_end_saes_needs_no_model_code() -> None:
    modules = imported_modules(module_of("train"), unused="protsae.plm")
    assert "protsae.sae.training.step" in modules
    assert not any(name.startswith("protsae.plm") for name in modules)


@pytest.mark.parametrize("name", ["other.py", "config.py"])
def test_the_digest_ignores_what_is_no_part_of_the_stage(package: Path, name: str) -> None:
    before = code_digest("protsae.stage")
    (package / name).write_text("z = 2\n")
    assert code_digest("protsae.stage") == before


@pytest.mark.parametrize("name", ["page.html", "page.css"])
def test_templates_count_as_source(package: Path, name: str) -> None:
    digests = [code_digest("protsae.stage")]
    for text in ("one", "two"):
        (package / name).write_text(text)
        digests.append(code_digest("protsae.stage"))
    (package / name).rename(package / f"other_{name}")
    digests.append(code_digest("protsae.stage"))
    assert len(set(digests)) == 4


def test_other_files_beside_a_module_are_no_source(package: Path) -> None:
    before = code_digest("protsae.stage")
    (package / "page.txt").write_text("one")
    assert code_digest("protsae.stage") == before


@pytest.fixture
def kept(package: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file in which the parsed code of the package is kept."""
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    monkeypatch.setattr(sys, "pycache_prefix", None)
    code_digest("protsae.stage")
    return package / "__pycache__" / f"code.{sys.implementation.cache_tag}.json"


def no_memory() -> None:
    """As in a new process."""
    provenance._code_cache.cache_clear()


def test_a_second_process_parses_nothing(
    package: Path, kept: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = code_digest("protsae.stage")
    assert [path.name for path in kept.parent.iterdir()] == [kept.name]
    no_memory()
    monkeypatch.setattr(provenance, "_parse", None)
    assert code_digest("protsae.stage") == before
    (package / "core/numbers.py").write_text("x = 2\n")
    with pytest.raises(TypeError, match="not callable"):
        code_digest("protsae.stage")


def test_a_second_process_sees_what_changed(package: Path, kept: Path) -> None:
    before = code_digest("protsae.stage")
    no_memory()
    (package / "core/numbers.py").write_text("x = 2\n")
    changed = code_digest("protsae.stage")
    assert changed != before
    no_memory()
    assert code_digest("protsae.stage") == changed


def test_code_kept_under_other_rules_is_read_again(
    package: Path, kept: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What this module took from a source is good until this module changes."""
    changed = package / "provenance.py"
    changed.write_bytes(Path(provenance.__file__).read_bytes() + b"\n")
    monkeypatch.setattr(provenance, "__file__", str(changed))
    monkeypatch.setattr(provenance, "_parse", lambda source: ([], "of other rules"))
    no_memory()
    assert imported_modules("protsae.stage") == {"protsae.stage"}


def test_code_is_written_only_where_some_was_parsed(package: Path, kept: Path) -> None:
    """Neither by a process that parsed all before, nor by one that finds it."""
    whole = kept.read_text()
    kept.unlink()
    code_digest("protsae.stage")
    assert not kept.exists()
    kept.write_text(f"{whole} ")
    no_memory()
    code_digest("protsae.stage")
    assert kept.read_text() == f"{whole} "


def test_code_is_kept_where_python_keeps_its_own(
    package: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    elsewhere = package / "compiled"
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    monkeypatch.setattr(sys, "pycache_prefix", str(elsewhere))
    code_digest("protsae.stage")
    name = f"code.{sys.implementation.cache_tag}.json"
    assert (elsewhere / package.relative_to(package.anchor) / name).is_file()
    assert not (package / "__pycache__").exists()


def test_processes_that_write_at_once_do_not_share_a_file(
    package: Path, kept: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept.unlink()
    no_memory()
    moved = []
    monkeypatch.setattr(os, "getpid", lambda: 4711)
    monkeypatch.setattr(Path, "replace", lambda *paths: moved.append(paths))
    code_digest("protsae.stage")
    assert moved == [(kept.with_name(f"{kept.name}.4711"), kept)]


def test_code_that_cannot_be_kept_leaves_no_file(
    package: Path, kept: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(path: Path, target: Path) -> None:
        assert path.exists()
        raise OSError("No space left on device")

    before = code_digest("protsae.stage")
    kept.unlink()
    no_memory()
    monkeypatch.setattr(Path, "replace", full)
    assert code_digest("protsae.stage") == before
    assert list(kept.parent.iterdir()) == []


@pytest.mark.parametrize("text", ["", "{", "[]", "1", '{"a": 1}', '{"a": [1]}', "\xff"])
def test_a_damaged_file_of_kept_code_is_made_anew(package: Path, kept: Path, text: str) -> None:
    before, whole = code_digest("protsae.stage"), kept.read_text()
    kept.write_text(text, encoding="latin-1")
    no_memory()
    assert code_digest("protsae.stage") == before
    assert kept.read_text() == whole


def test_no_code_is_kept_where_python_keeps_none(
    package: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    code_digest("protsae.stage")
    assert not (package / "__pycache__").exists()


def test_a_package_that_cannot_be_written(package: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    monkeypatch.setattr(sys, "pycache_prefix", None)
    (package / "__pycache__").write_text("no folder")
    assert len(code_digest("protsae.stage")) == 16


def test_real_stages_include_what_they_run_on() -> None:
    modules = imported_modules("protsae.commands.saes.train")
    assert {
        "protsae.sae.autoencoder",
        "protsae.sae.architectures.topk",
        "protsae.io.hdf5.activation_cache",
        "protsae.proteins.split_names",
    } <= modules
    assert not any(name.startswith("protsae.report") for name in modules)
    digests = {name: code_digest(module_of(name)) for name in COMMANDS}
    assert len(set(digests.values())) == len(COMMANDS)
    assert all(len(digest) == 16 for digest in digests.values())


def test_digests_need_no_torch() -> None:
    code = (
        "import sys; from protsae.provenance import code_digest; "
        "code_digest('protsae.commands.saes.train'); "
        "sys.exit(any(name in sys.modules for name in ('torch', 'h5py', 'numpy')))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_checksum_of_a_file(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"abc")
    assert file_sha256(tmp_path / "a") == hashlib.sha256(b"abc").hexdigest()


def test_checksum_of_proteins() -> None:
    expected = hashlib.sha256(b"P1\tMK\nP2\tAC\n").hexdigest()
    assert protein_set_sha256(["P1", "P2"], ["MK", "AC"]) == expected
    assert protein_set_sha256(["P2", "P1"], ["AC", "MK"]) != expected
    with pytest.raises(ValueError, match="shorter"):
        protein_set_sha256(["P1", "P2"], ["MK"])


def test_checksum_of_settings() -> None:
    assert settings_sha256({"a": [1, 2]}) != settings_sha256({"a": [2, 1]})
    expected = hashlib.sha256(b'{"a":[1,2],"b":3}').hexdigest()
    assert settings_sha256({"b": 3, "a": [1, 2]}) == expected
