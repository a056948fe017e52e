"""What a job's log says to those who do not open it: its notes, and why it failed."""

from pathlib import Path

from protsae.one_line import NOTE


def read_notes(path: str) -> list[str]:
    """The notes in a log, each once; none if the log cannot be read.

    A stage prints a note as `protsae.one_line.note` writes it.
    """
    lines = [line.strip() for line in _read_lines(path)]
    return list(dict.fromkeys(line.removeprefix(NOTE) for line in lines if line.startswith(NOTE)))


def read_reason(path: str) -> str:
    """Why a job failed: the stage's own line about it, or else how its log ends.

    A job that is killed from outside, as when memory runs out, gives no reason of its own.

    Examples
    --------
    >>> read_reason("no/such.log")
    'no/such.log says nothing: the job was killed, or could not start'
    """
    lines = [line.strip() for line in _read_lines(path) if line.strip()]
    if not lines:
        return f"{path or 'its log'} says nothing: the job was killed, or could not start"
    own = [line for line in lines if line.startswith("protsae ")]
    return own[-1] if own else f"no reason given, killed perhaps; its log ends: {lines[-1]}"


def _read_lines(path: str) -> list[str]:
    try:
        return Path(path).read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return []
