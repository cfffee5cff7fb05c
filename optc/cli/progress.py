"""Progress of long work on standard error: one line that renews itself on a terminal, plain lines elsewhere."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, TextIO

from .show import number

if TYPE_CHECKING:
    from optc.compiler.context import Progress

Report = Callable[["Progress"], None]
_RENEW = 0.1  # seconds between renewals on a terminal
_LINES = 1.0  # seconds between plain lines


def reporter(args: argparse.Namespace) -> Report | None:
    """What the wish of the user and the kind of the stream ask for; None for silence."""
    if args.json_stream:
        return _stream
    if args.progress == "off" or (args.quiet and args.progress == "auto"):
        return None
    if sys.stderr.isatty():
        return _Line(sys.stderr)
    return _Plain(sys.stderr) if args.progress == "on" or args.verbose else None


def finish(report: Report | None) -> None:
    """Clears the line of a terminal, so that what follows starts on an empty one."""
    if isinstance(report, _Line):
        report.clear()


def text(progress: Progress) -> str:
    """``solve  12.3 s  best 4.5  bound 4.1  gap 0.0889  1,200 nodes``."""
    parts = [progress.phase, f"{progress.elapsed:.1f} s"]
    if progress.incumbent is not None:
        parts.append(f"best {number(progress.incumbent, 8)}")
    if progress.bound is not None:
        parts.append(f"bound {number(progress.bound, 8)}")
    if progress.incumbent is not None and progress.bound is not None:
        gap = abs(progress.incumbent - progress.bound) / max(1.0, abs(progress.incumbent))
        parts.append(f"gap {number(gap, 3)}")
    if progress.residual is not None:
        parts.append(f"residual {number(progress.residual, 3)}")
    if progress.work is not None:
        parts.append(f"{progress.work:,} {progress.unit}")
    return "  ".join(parts)


class _Line:
    """A line that is written over; never more often than the eye can see, never longer than the terminal."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._last = -_RENEW
        self._shown = False

    def __call__(self, progress: Progress) -> None:
        now = time.monotonic()
        if now - self._last < _RENEW:
            return
        from shutil import get_terminal_size

        self._last, self._shown = now, True
        self._stream.write("\r\x1b[K" + text(progress)[: get_terminal_size().columns - 1])
        self._stream.flush()

    def clear(self) -> None:
        if self._shown:
            self._stream.write("\r\x1b[K")
            self._stream.flush()


class _Plain:
    """A line now and then, for logs."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._last = -_LINES

    def __call__(self, progress: Progress) -> None:
        now = time.monotonic()
        if now - self._last >= _LINES:
            self._last = now
            print(text(progress), file=self._stream, flush=True)


def _stream(progress: Progress) -> None:
    from .output import print_json

    value = {
        "event": "progress",
        "phase": progress.phase,
        "elapsed": round(progress.elapsed, 3),
        "incumbent": progress.incumbent,
        "bound": progress.bound,
        "residual": progress.residual,
        "work": progress.work,
        "unit": progress.unit,
    }
    print_json(value)
