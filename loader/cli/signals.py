"""Signals that end a command: all as Ctrl-C does, so that it cleans up."""

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from loader.engine import interrupt

_ENDING = (signal.SIGTERM, signal.SIGHUP)


@contextmanager
def ending_well() -> Iterator[None]:
    """Makes SIGTERM and SIGHUP a KeyboardInterrupt, and each of the three end the query under way, for whose
    end Python would wait. A signal that is ignored (nohup) stays so.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    before = {number: signal.getsignal(number) for number in _ENDING}
    for number, handler in before.items():
        if handler is not signal.SIG_IGN:
            signal.signal(number, signal.default_int_handler)
    woken = signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
    watcher = threading.Thread(target=_watch, args=(reading,), daemon=True)
    watcher.start()
    try:
        yield
    finally:
        signal.set_wakeup_fd(woken)
        for number, handler in before.items():
            signal.signal(number, handler)
        # The end of what it reads is the watcher's end.
        os.close(writing)
        watcher.join()
        os.close(reading)


def _watch(reading: int) -> None:
    """Hears of signals while the main thread is inside a query."""
    with suppress(OSError):
        while received := os.read(reading, 1):
            if received[0] in (signal.SIGINT, *_ENDING):
                interrupt()
