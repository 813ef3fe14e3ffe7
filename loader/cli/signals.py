"""Signals that end a command: all as Ctrl-C does, so that it cleans up."""

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import FrameType

from loader.engine import interrupt

_ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
# Between two attempts to end a query that had not begun at the first.
_AGAIN_SECONDS = 0.05


@contextmanager
def ending_well() -> Iterator[None]:
    """Make SIGTERM and SIGHUP a KeyboardInterrupt, and let each of the three end the query under way.

    Python handles a signal only after the query. A signal that is ignored (nohup) stays ignored.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    raised = threading.Event()
    is_ending = False

    def end(number: int, frame: FrameType | None) -> None:
        nonlocal is_ending
        is_ending = True
        raised.set()
        signal.default_int_handler(number, frame)

    before = {number: signal.getsignal(number) for number in _ENDING}
    for number, handler in before.items():
        if handler is not signal.SIG_IGN:
            signal.signal(number, end)
    woken = signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
    watcher = threading.Thread(target=_watch, args=(reading, raised), daemon=True)
    watcher.start()
    try:
        yield
    except RuntimeError as error:
        # DuckDB looks for signals itself, and raises this in place of the KeyboardInterrupt.
        if is_ending:
            raise KeyboardInterrupt from error
        raise
    finally:
        signal.set_wakeup_fd(woken)
        for number, handler in before.items():
            signal.signal(number, handler)
        # The end of what it reads is the watcher's end.
        os.close(writing)
        raised.set()
        watcher.join()
        os.close(reading)


def _watch(reading: int, raised: threading.Event) -> None:
    """End queries from the moment a signal comes until the main thread is out of them and raises."""
    with suppress(OSError):
        while received := os.read(reading, 1):
            if received[0] not in _ENDING:
                continue
            while not raised.is_set():
                interrupt()
                raised.wait(_AGAIN_SECONDS)
            raised.clear()
