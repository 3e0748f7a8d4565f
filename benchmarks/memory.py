"""Memory: the peak of this process so far, and that of a part of its work."""

import re
import resource
import sys
import threading
from pathlib import Path
from typing import Self

MIB = 1024 * 1024
_STATUS = Path("/proc/self/status")


def peak_mib() -> float:
    """Peak of the resident memory, MiB; a process inherits the peak of the one that starts it."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return float(peak) * (1 if sys.platform == "darwin" else 1024) / MIB


class PeakMemory:
    """Peaks of the resident memory of this process from `begin` to `end`, where the system tells:
    on Linux. Elsewhere all are zero.

    Pages of files that are mapped, such as those of LMDB, are resident, too; the system takes them
    back where it needs memory. What a process cannot give back is its own memory, which is sampled
    ten times a second.
    """

    def __init__(self) -> None:
        self.resident_mib = self.own_mib = 0.0
        self._over = threading.Event()
        self._sampler = threading.Thread(target=self._sample, daemon=True)

    @classmethod
    def begin(cls) -> Self:
        """Measure from now on."""
        memory = cls()
        if _STATUS.exists():
            _STATUS.with_name("clear_refs").write_text("5")  # forgets the peak so far
            memory._sampler.start()
        return memory

    def end(self) -> None:
        """Stop, and keep the peaks."""
        if _STATUS.exists():
            self._over.set()
            self._sampler.join()
            self.resident_mib = _status_mib("VmHWM")

    def _sample(self) -> None:
        while not self._over.wait(0.1):
            self.own_mib = max(self.own_mib, _status_mib("RssAnon"))


def _status_mib(name: str) -> float:
    (kib,) = re.findall(rf"{name}:\s+(\d+) kB", _STATUS.read_text())
    return int(kib) / 1024
