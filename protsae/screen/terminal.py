"""Where the screen is written: lines that stay, and below them lines that are written anew."""

import os
import shutil
import threading
from collections.abc import Sequence
from typing import TextIO

_UP_AND_CLEAR = "\x1b[{n}A\x1b[J"


class Terminal:
    """A stream to which lines are added; on a terminal, the last lines can be replaced.

    Parameters
    ----------
    stream : text file
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._n_live = 0
        self._lock = threading.RLock()
        self.is_live = stream.isatty() and os.environ.get("TERM", "dumb") != "dumb"

    def size(self) -> tuple[int, int]:
        """Columns that a line may fill and rows that there are."""
        columns, rows = shutil.get_terminal_size()
        return columns - 1, rows - 1

    def add(self, lines: Sequence[str]) -> None:
        """Lines that stay, in the place of those that are replaced, which go until shown anew."""
        with self._lock:
            self._clear()
            for line in lines:
                self._stream.write(f"{line}\n")
            self._stream.flush()

    def show(self, lines: Sequence[str]) -> None:
        """Replace the lines that do not stay; not on a file."""
        if self.is_live:
            with self._lock:
                self._clear()
                self._stream.write("".join(f"{line}\n" for line in lines))
                self._n_live = len(lines)
                self._stream.flush()

    def _clear(self) -> None:
        if self._n_live:
            self._stream.write(_UP_AND_CLEAR.format(n=self._n_live))
            self._n_live = 0
