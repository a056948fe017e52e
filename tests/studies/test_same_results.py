from pathlib import Path

from studies.same_results import differences


def test_what_differs(tmp_path: Path) -> None:
    old, new = tmp_path / "old", tmp_path / "new"
    for name, text in {"a/same.tsv": "1", "a/other.tsv": "1", "gone.tsv": "1"}.items():
        (old / name).parent.mkdir(parents=True, exist_ok=True)
        (old / name).write_text(text)
    for name, text in {"a/same.tsv": "1", "a/other.tsv": "2", "logs/a.log": "1"}.items():
        (new / name).parent.mkdir(parents=True, exist_ok=True)
        (new / name).write_text(text)

    assert differences(old, old) == []
    assert differences(old, new) == ["differs: a/other.tsv", f"only in {old}: gone.tsv"]
    assert differences(new, old) == ["differs: a/other.tsv", f"only in {old}: gone.tsv"]
