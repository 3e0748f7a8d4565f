"""Ctrl-C ends a command within some seconds, whatever it is doing.

Python raises `KeyboardInterrupt` in the main thread once that runs Python again. A call into
LightGBM or DuckDB may take minutes until then, and a pool of threads is waited for at exit. So a
thread of its own gives the command some seconds to end by itself, then ends the process. That is
as safe as a kill: whatever a command writes is written beside and renamed, or in one transaction.
"""

import os
import signal
import socket
import threading
import time

GRACE_SECONDS = 4.0
"""How long a command may take to end by itself."""

INTERRUPTED = 130
"""Exit code of a command that was interrupted."""

MESSAGE = "interrupted; nothing is lost, run the same command again"


def end_soon_after_interrupt(grace_seconds: float = GRACE_SECONDS) -> None:
    """From now on, end the process `grace_seconds` after Ctrl-C if it is still there then.

    To be called from the main thread of a process in which nothing else uses
    `signal.set_wakeup_fd`, as asyncio does.
    """
    reader, writer = socket.socketpair()
    writer.setblocking(False)
    # Written to at once, by the handler in C, also while the main thread is not running Python.
    signal.set_wakeup_fd(writer.fileno(), warn_on_full_buffer=False)
    threading.Thread(
        target=_wait, args=(reader, writer, grace_seconds), name="holdfast-interrupt", daemon=True
    ).start()


def end_in_its_own_time() -> None:
    """Take `end_soon_after_interrupt` back, for a command that finishes what it has begun, such as
    the service with its requests.
    """
    signal.set_wakeup_fd(-1)


def end_after(grace_seconds: float = GRACE_SECONDS) -> None:
    """End the process after some seconds if it is still there then, for a command that ends in its
    own time and may wait for what cannot be interrupted.
    """

    def end() -> None:
        time.sleep(grace_seconds)
        os.write(2, f"error {MESSAGE}\n".encode())
        os._exit(INTERRUPTED)

    threading.Thread(target=end, name="holdfast-end", daemon=True).start()


def _wait(reader: socket.socket, writer: socket.socket, grace_seconds: float) -> None:
    # The writer is held here, so that it stays open as long as the thread waits.
    while signal.SIGINT not in reader.recv(1):
        pass
    time.sleep(grace_seconds)
    os.write(2, f"error {MESSAGE}\n".encode())
    os._exit(INTERRUPTED)
