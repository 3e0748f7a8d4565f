"""Ctrl-C while a command is deep in a library that does not look at signals."""

import signal
import subprocess
import sys

from holdfast.interrupt import INTERRUPTED, MESSAGE

# Minutes of work in C, which no signal interrupts.
BUSY = """
import hashlib
from holdfast.interrupt import end_soon_after_interrupt

end_soon_after_interrupt(grace_seconds=0.2)
while True:
    try:
        print("busy", flush=True)
        hashlib.pbkdf2_hmac("sha512", b"", b"", 2_000_000_000)
    except KeyboardInterrupt:  # the signal came just before the call
        pass
"""


def test_a_process_that_is_deep_in_a_library_ends_all_the_same() -> None:
    with subprocess.Popen(
        [sys.executable, "-c", BUSY],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        # Under some runners SIGINT is ignored, and children inherit that.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    ) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "busy\n"
            process.send_signal(signal.SIGINT)
            _, errors = process.communicate(timeout=60)
        finally:
            process.kill()
    assert process.returncode == INTERRUPTED
    assert errors == f"error {MESSAGE}\n"
