"""F8: the spool's disk is full, read-only or no folder at all, or the spool is deleted while it is written
to.

The database is away meanwhile, so that nothing but that disk and memory can hold what ends.
"""

import ctypes
import os
import resource
import shutil
import stat
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final

from faults.bench import Bench
from faults.process import Child
from faults.proxy import Proxy
from faults.row import Row, Stack
from faults.trial import Trial
from faults.waiting import TooSlowError, wait_until

_RECOVERY_SECONDS: Final = 5.0
_FIRST: Final = 30
_DISK_BYTES: Final = 2 * 1024 * 1024
_LEFT_BYTES: Final = 400_000
_NEW_MOUNTS: Final = 0x00020000


class Disk:
    """How the spool's disk fails: `prepare` comes before the load, `fail` after its first spans."""

    situation = "the spool's folder is deleted"
    needs_mounts = False

    def prepare(self, trial: Trial) -> None:
        """Before the load is there."""

    def fail(self, trial: Trial, load: Child) -> None:
        """While it runs."""
        del load
        # The stock stack has none.
        shutil.rmtree(trial.spool, ignore_errors=True)

    def heal(self, trial: Trial, load: Child) -> None:
        """Space returns."""

    def clear(self, trial: Trial) -> None:
        """Leave nothing that outlives the load."""


class FullDisk(Disk):
    """A small disk that something else fills."""

    situation = "2 MB tmpfs, full"
    needs_mounts = True

    def prepare(self, trial: Trial) -> None:
        _mount(trial.spool)

    def fail(self, trial: Trial, load: Child) -> None:
        del load
        free = shutil.disk_usage(trial.spool).free
        (trial.spool / "ballast").write_bytes(b"x" * (free - _LEFT_BYTES))

    def heal(self, trial: Trial, load: Child) -> None:
        del load
        (trial.spool / "ballast").unlink()

    def clear(self, trial: Trial) -> None:
        _call("umount", "--lazy", os.fspath(trial.spool))


class ReadOnlyDisk(Disk):
    """Read-only from the start: the kernel makes no disk so while a file on it is open for writing."""

    situation = "tmpfs, read-only"
    needs_mounts = True

    def prepare(self, trial: Trial) -> None:
        _mount(trial.spool)
        _call("mount", "-o", "remount,ro", os.fspath(trial.spool))

    def fail(self, trial: Trial, load: Child) -> None:
        """It has."""

    def heal(self, trial: Trial, load: Child) -> None:
        del load
        _call("mount", "-o", "remount,rw", os.fspath(trial.spool))

    def clear(self, trial: Trial) -> None:
        _call("umount", "--lazy", os.fspath(trial.spool))


class Limit(Disk):
    """No file may grow: what a full disk looks like to one process, whoever runs it."""

    situation = "files cannot exceed 1 MB"

    def fail(self, trial: Trial, load: Child) -> None:
        del trial
        _, hard = resource.prlimit(load.pid, resource.RLIMIT_FSIZE)
        resource.prlimit(load.pid, resource.RLIMIT_FSIZE, (1_000_000, hard))

    def heal(self, trial: Trial, load: Child) -> None:
        del trial
        _, hard = resource.prlimit(load.pid, resource.RLIMIT_FSIZE)
        resource.prlimit(load.pid, resource.RLIMIT_FSIZE, (hard, hard))


class NotAFolder(Disk):
    """A file lies where the folder should be."""

    situation = "a file in place of the folder"

    def prepare(self, trial: Trial) -> None:
        trial.spool.write_text("in the way", encoding="utf-8")

    def fail(self, trial: Trial, load: Child) -> None:
        """It has."""

    def heal(self, trial: Trial, load: Child) -> None:
        del load
        trial.spool.unlink()


class FullDevice(NotAFolder):
    """/dev/full lies there; a node of our own for root, who could harm the real one."""

    situation = "/dev/full in place of the folder"

    def prepare(self, trial: Trial) -> None:
        if os.geteuid() == 0:
            os.mknod(trial.spool, stat.S_IFCHR | 0o666, os.makedev(1, 7))
        else:
            trial.spool.symlink_to("/dev/full")


def run(bench: Bench) -> Iterator[Row]:
    """6,000 spans into the failing disk at once, then 200 a second while it gets well."""
    can_mount = os.geteuid() == 0 and _has_own_mounts()
    for disk in (FullDisk(), ReadOnlyDisk(), Limit(), Disk(), NotAFolder(), FullDevice()):
        for stack in bench.stacks:
            if can_mount or not disk.needs_mounts:
                yield _row(bench, stack, disk)
            elif stack == "ours" and not bench.is_short:
                yield Row(
                    "F8",
                    disk.situation,
                    "ours",
                    _GOAL,
                    missed=("cannot run here: mounting a tmpfs needs root (CAP_SYS_ADMIN)",),
                )


_GOAL: Final = f"exceptions 0, lost = counted, well again <= {_RECOVERY_SECONDS:g} s"


def _row(bench: Bench, stack: Stack, disk: Disk) -> Row:
    burst = bench.size(6_000, 4_500)
    count = burst + bench.size(3_000, 600)
    name = f"F8 {type(disk).__name__}"
    with bench.trial(name, stack) as trial, Proxy(bench.server.conninfo) as proxy:
        proxy.behave("reset")
        disk.prepare(trial)
        try:
            load = trial.load(dsn=proxy.conninfo(trial.name), count=count, rate=200, pauses=(_FIRST, burst))
            load.event("paused")
            disk.fail(trial, load)
            load.go_on()
            load.event("paused")
            disk.heal(trial, load)
            before = _spool_bytes(trial.spool)
            load.go_on()
            recovery = None
            if trial.is_ours:
                with suppress(TooSlowError):
                    recovery = wait_until(
                        lambda: _spool_bytes(trial.spool) > before,
                        seconds=4 * _RECOVERY_SECONDS,
                        wanted="a record in the spool",
                    )
            proxy.behave("pass")
            shut = load.event("shut", seconds=120)
            load.wait()
            trial.drain()
            return trial.row(
                "F8",
                disk.situation,
                _GOAL,
                recovery_seconds=recovery,
                figures={"exceptions": shut["errors"]},
                checks={
                    "exceptions": shut["errors"] == 0,
                    "well again": recovery is not None and recovery <= _RECOVERY_SECONDS,
                },
                refused=shut["refused"],
                may_drop=True,
            )
        finally:
            disk.clear(trial)


def _spool_bytes(spool: Path) -> int:
    return sum(path.stat().st_size for path in spool.glob("*.segment")) if spool.is_dir() else 0


def _mount(folder: Path) -> None:
    folder.mkdir(mode=0o700)
    _call("mount", "-t", "tmpfs", "-o", f"size={_DISK_BYTES},mode=700", "faults", os.fspath(folder))


def _call(*words: str) -> None:
    subprocess.run(words, check=True, capture_output=True)


def _has_own_mounts() -> bool:
    """Give this process and its children mounts of their own; False if that is refused."""
    if ctypes.CDLL(None, use_errno=True).unshare(_NEW_MOUNTS) != 0:
        return False
    try:
        _call("mount", "--make-rprivate", "/")
    except (OSError, subprocess.CalledProcessError):
        return False
    return True
