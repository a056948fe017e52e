"""Whether two runs have the same results, byte for byte: moving code must not change them.

    python -m studies.same_results OLD NEW

Logs, which have times in them, are left out.
"""

import sys
from pathlib import Path

LEFT_OUT = ("logs",)


def files(results: Path) -> dict[str, Path]:
    """The files of a results folder by their paths in it."""
    found = {path.relative_to(results): path for path in results.rglob("*") if path.is_file()}
    return {str(name): found[name] for name in sorted(found) if name.parts[0] not in LEFT_OUT}


def differences(old: Path, new: Path) -> list[str]:
    """A line for each file that only one of two folders has, or that differs."""
    of_old, of_new = files(old), files(new)
    lines = [f"only in {old}: {name}" for name in of_old.keys() - of_new.keys()]
    lines += [f"only in {new}: {name}" for name in of_new.keys() - of_old.keys()]
    for name in of_old.keys() & of_new.keys():
        if of_old[name].read_bytes() != of_new[name].read_bytes():
            lines.append(f"differs: {name}")
    return sorted(lines)


def main() -> None:
    """Print the differences and how many files were compared; exit status 1 if there are any."""
    old, new = map(Path, sys.argv[1:])
    lines = differences(old, new)
    print("\n".join([*lines, f"{len(files(old))} files compared, {len(lines)} differ"]))
    sys.exit(bool(lines))


if __name__ == "__main__":
    main()
