"""PID 1 of the laboratory and of each of its hosts. A program, started by its path: ``python -I -S init.py FD MOUNT``.

Theory of operation. The owner (``hacluster.lab.hosts``) holds one end of a socket, this program the other. The program
enters new namespaces and becomes PID 1 of a PID namespace: *the switch*. It carries the bridges, the hosts' disks (a
tmpfs that only its mount namespace sees) and, as children, the hosts. Each host is PID 1 of a namespace inside the
switch's, with network, UTS, IPC and mount namespaces and a socket to the owner of its own. Both kinds serve the same
requests: start a program, signal all programs, and (the switch) boot a host.

When the owner's end of the socket closes, for whatever reason, PID 1 exits and the kernel kills what is left. No
parent-death signal is used: it is sent when the parent's *thread* ends, and the owner may be a thread.

Requests are JSON in SOCK_SEQPACKET messages, descriptors ride along (unix(7), SCM_RIGHTS). This file imports nothing of
hacluster, for in ``-I -S`` there is no path to it and nothing of it is wanted in memory.
"""

from __future__ import annotations

import ctypes
import json
import os
import select
import shutil
import signal
import socket
import stat
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any, NoReturn

MAX_MESSAGE = 1 << 18
MS_NOSUID, MS_NODEV, MS_BIND, MS_REC, MS_PRIVATE, MNT_DETACH = 2, 4, 4096, 16384, 1 << 18, 2
NEW_NS, NEW_UTS, NEW_IPC, NEW_USER, NEW_PID, NEW_NET = (
    0x00020000,
    0x04000000,
    0x08000000,
    0x10000000,
    0x20000000,
    0x40000000,
)
PR_SET_DUMPABLE, PR_SET_NAME = 4, 15

NOT_ROOT_DIRECTORIES = frozenset(("proc", "sys", "dev", "run", "tmp", "lost+found"))
PLAIN_DEVICES = ("null", "zero", "full", "random", "urandom", "tty")
LOOP_DEVICES = 32
DEVICE_LINKS = {
    "fd": "/proc/self/fd",
    "stdin": "/proc/self/fd/0",
    "stdout": "/proc/self/fd/1",
    "stderr": "/proc/self/fd/2",
    "ptmx": "pts/ptmx",
}
# A file system that holds files people put there, as opposed to a window into the kernel.
STORAGE = frozenset(
    (
        "ext2",
        "ext3",
        "ext4",
        "xfs",
        "btrfs",
        "bcachefs",
        "zfs",
        "f2fs",
        "overlay",
        "nfs",
        "nfs4",
        "vfat",
        "9p",
        "virtiofs",
    )
)
# In a user namespace the lower directories belong to an unmapped owner; a directory that is made anew in the upper
# layer belongs to us, and only there may files be created.
OWNED_IN_USER_NAMESPACE = {
    "etc": "default ha.d ha.d/conf ha.d/rc.d ha.d/resource.d init.d systemd systemd/system",
    "var": "cache lib lib/heartbeat lib/pacemaker log spool tmp www www/html",
    "usr": "lib lib/ocf lib/ocf/resource.d lib/ocf/resource.d/heartbeat local local/bin local/sbin",
}

_libc = ctypes.CDLL(None, use_errno=True)


class StepError(Exception):
    """A step of the set-up that the kernel refused; ``step`` is one word that the owner turns into a report."""

    def __init__(self, step: str, text: str) -> None:
        super().__init__(text)
        self.step = step


@contextmanager
def _step(name: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise StepError(name, f"{error.strerror}: {error.filename}" if error.filename else str(error)) from None


def _call(function: str, *arguments: object) -> None:
    if getattr(_libc, function)(*arguments) != 0:
        code = ctypes.get_errno()
        shown = " ".join(a.decode() for a in arguments if isinstance(a, bytes))
        raise OSError(code, f"{os.strerror(code)} ({function} {shown})".replace(" )", ")"))


def _mount(source: str, target: str, kind: str = "", flags: int = 0, data: str = "") -> None:
    _call(
        "mount",
        source.encode(),
        target.encode(),
        kind.encode() or None,
        ctypes.c_ulong(flags),
        data.encode() or None,
    )


def _write(path: str, text: str) -> None:
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)


def _replace(path: str, text: str) -> None:
    """Put a new file in the place of one that may belong to somebody who is not mapped here."""
    _write(path + ".new", text)
    os.replace(path + ".new", path)


# ---- the root of a host ------------------------------------------------------------------------------------------


def _storage_mounts() -> list[str]:
    """Mount points of real file systems, outermost first (proc(5), mountinfo)."""
    found = []
    with open("/proc/self/mountinfo", encoding="utf-8") as file:
        for line in file:
            left, _, right = line.partition(" - ")
            if right.split()[0] in STORAGE:
                found.append(left.split()[4].encode().decode("unicode_escape"))
    return sorted({path for path in found if path != "/"})


class Root:
    """Builds a host's root below ``disk``/root: each directory of / as an overlay of its own.

    Not one overlay of the whole of /, because a user namespace may not lay anything over a directory that has mounts of
    its parent below it (the kernel would show what those mounts hide), and / always has.
    """

    def __init__(self, disk: str, owned: bool) -> None:
        self.disk = disk
        self.path = disk + "/root"
        self.owned = owned
        os.makedirs(self.path, exist_ok=True)

    def build(self, name: str, binds: list[str]) -> None:
        """Mount everything; the disk keeps what an earlier boot wrote."""
        with _step("overlay"):
            for entry in sorted(os.listdir("/")):
                self._top(entry)
            for mounted in _storage_mounts():
                inner = self.path + mounted
                if mounted.count("/") > 1 and os.path.isdir(inner) and not self.disk.startswith(mounted + "/"):
                    self._overlay(mounted)
        with _step("devices"):
            self._devices()
        with _step("mount"):
            self._volatile()
            for path in binds:
                self._bind(path)
            for kind in ("proc", "sys"):
                os.makedirs(f"{self.path}/{kind}", exist_ok=True)
        with _step("proc"):
            _mount("proc", self.path + "/proc", "proc")
            # It is the machine's, whoever writes to it: a host that reboots itself must not take the machine along.
            trigger = self.path + "/proc/sysrq-trigger"
            if os.path.exists(trigger):
                _mount("/dev/null", trigger, "", MS_BIND)
        with _step("sysfs"):
            _mount("sysfs", self.path + "/sys", "sysfs")
        with _step("files"):
            _replace(self.path + "/etc/hostname", name + "\n")
            _replace(self.path + "/etc/machine-id", f"{int.from_bytes(name.encode(), 'big') % (1 << 128):032x}\n")

    def _top(self, entry: str) -> None:
        outside, inside = "/" + entry, f"{self.path}/{entry}"
        if entry in NOT_ROOT_DIRECTORIES:
            return
        if os.path.islink(outside):
            if not os.path.lexists(inside):
                os.symlink(os.readlink(outside), inside)
        elif os.path.isdir(outside):
            os.makedirs(inside, exist_ok=True)
            # The directory that carries the disks, and what we may not read, begin empty.
            if os.access(outside, os.R_OK | os.X_OK) and not self.disk.startswith(outside + "/"):
                self._overlay(outside)

    def _overlay(self, lower: str) -> None:
        key = lower.strip("/").replace("/", "%")
        upper, work = f"{self.disk}/up/{key}", f"{self.disk}/work/{key}"
        fresh = not os.path.isdir(upper)
        os.makedirs(upper, exist_ok=True)
        os.makedirs(work, exist_ok=True)
        if fresh:
            shutil.copymode(lower, upper)
            if self.owned:
                self._own(lower, upper)
            else:
                owner = os.stat(lower)
                os.chown(upper, owner.st_uid, owner.st_gid)
        options = f"lowerdir={lower},upperdir={upper},workdir={work}" + (",userxattr" if self.owned else "")
        try:
            _mount("lab", self.path + lower, "overlay", 0, options)
        except OSError:
            if not self.owned:
                raise
            self._without_overlay(lower, upper)

    def _own(self, lower: str, upper: str) -> None:
        for below in OWNED_IN_USER_NAMESPACE.get(lower.strip("/"), "").split():
            if not os.path.islink(f"{lower}/{below}"):
                os.makedirs(f"{upper}/{below}", exist_ok=True)

    def _without_overlay(self, lower: str, upper: str) -> None:
        """What must be private is copied (/etc) or begun empty (/var); the rest is only looked at."""
        if lower == "/etc":
            for entry in os.scandir(lower):
                if not os.path.lexists(f"{upper}/{entry.name}"):
                    _copy(entry.path, f"{upper}/{entry.name}")
        _mount(upper if lower in ("/etc", "/var") else lower, self.path + lower, "", MS_BIND | MS_REC)

    def _devices(self) -> None:
        dev = self.path + "/dev"
        os.makedirs(dev, exist_ok=True)
        _mount("dev", dev, "tmpfs", 0, "mode=755")
        for name in PLAIN_DEVICES:
            _bind_file("/dev/" + name, f"{dev}/{name}")
        for name, number in [("loop-control", os.makedev(10, 237))] + [
            (f"loop{n}", os.makedev(7, n)) for n in range(LOOP_DEVICES)
        ]:
            kind = stat.S_IFCHR if name == "loop-control" else stat.S_IFBLK
            try:
                os.mknod(f"{dev}/{name}", kind | 0o660, number)
            except PermissionError:
                break  # a user namespace may make no device nodes, and could not use these
        os.mkdir(dev + "/pts")
        os.mkdir(dev + "/shm")
        _mount("devpts", dev + "/pts", "devpts", 0, "newinstance,ptmxmode=0666,mode=620")
        _mount("shm", dev + "/shm", "tmpfs", MS_NOSUID | MS_NODEV, "mode=1777")
        for link, target in DEVICE_LINKS.items():
            os.symlink(target, f"{dev}/{link}")

    def _volatile(self) -> None:
        for name, mode in (("run", "755"), ("tmp", "1777")):
            os.makedirs(f"{self.path}/{name}", exist_ok=True)
            _mount(name, f"{self.path}/{name}", "tmpfs", MS_NOSUID | MS_NODEV, "mode=" + mode)
        for name in ("lock", "user", "resource-agents"):
            os.mkdir(f"{self.path}/run/{name}")

    def _bind(self, path: str) -> None:
        os.makedirs(self.path + path, exist_ok=True)
        _mount(path, self.path + path, "", MS_BIND | MS_REC)


def _copy(source: str, target: str) -> None:
    """Copy what may be read; a secret that only the real root may read is left out."""
    try:
        if os.path.islink(source):
            os.symlink(os.readlink(source), target)
        elif os.path.isdir(source):
            os.mkdir(target)
            for entry in os.scandir(source):
                _copy(entry.path, f"{target}/{entry.name}")
        elif os.path.isfile(source):
            shutil.copyfile(source, target)
            shutil.copymode(source, target)
    except PermissionError:
        pass


def _bind_file(source: str, target: str) -> None:
    os.close(os.open(target, os.O_CREAT | os.O_WRONLY, 0o600))
    _mount(source, target, "", MS_BIND)


def _enter(root: str) -> None:
    """Make ``root`` the root directory and forget the old one (pivot_root(2), the form with two equal directories)."""
    _mount(root, root, "", MS_BIND | MS_REC)
    os.chdir(root)
    _call("pivot_root", b".", b".")
    _call("umount2", b".", MNT_DETACH)
    os.chdir("/")


# ---- serving -----------------------------------------------------------------------------------------------------


def _find(program: str, path: str) -> str:
    if "/" in program:
        return program
    for directory in path.split(":"):
        candidate = f"{directory}/{program}"
        if os.path.isfile(candidate) and os.access(candidate, os.X_OK):
            return candidate
    raise FileNotFoundError(2, "no such program", program)


class Server:
    """The loop of a PID 1: requests from the owner, signals from the reply sockets, dead children."""

    def __init__(self, control: socket.socket) -> None:
        self.control = control
        self.poll = select.poll()
        self.jobs: dict[int, tuple[int, socket.socket]] = {}  # reply descriptor → pid, reply socket
        self.requests: dict[str, Callable[[dict[str, Any], list[int]], None]] = {
            "spawn": self.spawn,
            "signal-all": self.signal_all,
        }
        self.wake, write = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(write, warn_on_full_buffer=False)
        for descriptor in (control.fileno(), self.wake):
            self.poll.register(descriptor, select.POLLIN)

    def run(self) -> NoReturn:
        """Serve until the owner's end of the control socket closes."""
        while True:
            for descriptor, _ in self.poll.poll():
                if descriptor == self.wake:
                    os.read(self.wake, 4096)
                elif descriptor == self.control.fileno():
                    self._request()
                elif descriptor in self.jobs:
                    self._from_owner(descriptor)
            self._reap()

    def _request(self) -> None:
        data, descriptors, _, _ = socket.recv_fds(self.control, MAX_MESSAGE, 4)
        for descriptor in descriptors:  # Python 3.11's recv_fds overlooks a flag that would say so
            os.set_inheritable(descriptor, False)
        if not data:
            os._exit(0)
        request = json.loads(data)
        try:
            self.requests[request["op"]](request, descriptors)
        finally:
            for descriptor in descriptors:
                os.close(descriptor)

    def spawn(self, request: dict[str, Any], descriptors: list[int]) -> None:
        """Start ``argv`` as leader of a session; descriptors are stdin, stdout, stderr and the reply socket."""
        stdin, stdout, stderr, reply_fd = descriptors
        reply = socket.socket(fileno=os.dup(reply_fd))
        environment: dict[str, str] = request["env"]
        try:
            os.chdir(request["cwd"])
            pid = os.posix_spawn(
                _find(request["argv"][0], environment.get("PATH", os.defpath)),
                request["argv"],
                environment,
                file_actions=[
                    (os.POSIX_SPAWN_DUP2, stdin, 0),
                    (os.POSIX_SPAWN_DUP2, stdout, 1),
                    (os.POSIX_SPAWN_DUP2, stderr, 2),
                ],
                setsid=True,
                setsigmask=(),
                setsigdef=(signal.SIGINT, signal.SIGPIPE, signal.SIGCHLD),
            )
        except OSError as error:
            _tell(reply, {"error": f"{error.strerror}: {error.filename or request['argv'][0]}", "errno": error.errno})
            reply.close()
        else:
            self.jobs[reply.fileno()] = (pid, reply)
            self.poll.register(reply.fileno(), select.POLLIN)
            _tell(reply, {"pid": pid})
        finally:
            os.chdir("/")

    def signal_all(self, request: dict[str, Any], descriptors: list[int]) -> None:
        """kill(2) with -1 reaches every process of the namespace but PID 1, in one sweep."""
        with suppress(ProcessLookupError):
            os.kill(-1, request["signal"])
        reply = socket.socket(fileno=os.dup(descriptors[0]))
        _tell(reply, {"done": True})
        reply.close()

    def _from_owner(self, descriptor: int) -> None:
        pid, reply = self.jobs[descriptor]
        try:
            data = reply.recv(4096)
        except OSError:
            data = b""
        if not data:  # the owner forgot the job; the program runs on
            self.poll.unregister(descriptor)
            return
        wish = json.loads(data)
        with suppress(ProcessLookupError):
            (os.killpg if wish["group"] else os.kill)(pid, wish["signal"])

    def _reap(self) -> None:
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            for descriptor, (job, reply) in list(self.jobs.items()):
                if job == pid:
                    del self.jobs[descriptor]
                    with suppress(KeyError):
                        self.poll.unregister(descriptor)
                    _tell(reply, {"status": os.waitstatus_to_exitcode(status)})
                    reply.close()


def _tell(reply: socket.socket, message: dict[str, Any]) -> None:
    with suppress(OSError):  # nobody may be listening any more
        reply.send(json.dumps(message).encode(), socket.MSG_NOSIGNAL)


class Switch(Server):
    """PID 1 of the laboratory: also boots hosts."""

    def __init__(self, control: socket.socket, disks: str, owned: bool) -> None:
        super().__init__(control)
        self.disks = disks
        self.owned = owned
        self.requests["boot"] = self.boot

    def boot(self, request: dict[str, Any], descriptors: list[int]) -> None:
        """Fork twice: a process cannot move itself into a PID namespace, only its children."""
        read, write = os.pipe()
        if os.fork() == 0:
            try:
                with _step("namespaces"):
                    _call("unshare", NEW_NS | NEW_UTS | NEW_IPC | NEW_PID | NEW_NET)
                pid = os.fork()
                if pid == 0:
                    self._become_host(request, descriptors[0])
                os.write(write, b"%d" % pid)
            except StepError as error:
                os.write(write, json.dumps({"step": error.step, "error": str(error)}).encode())
            finally:
                os._exit(0)
        os.close(write)
        with os.fdopen(read, "rb") as pipe:
            answer = json.loads(pipe.read() or b"{}")
        reply = socket.socket(fileno=os.dup(descriptors[1]))
        _tell(reply, {"pid": answer} if isinstance(answer, int) else answer)
        reply.close()

    def _become_host(self, request: dict[str, Any], control_fd: int) -> NoReturn:
        control = socket.socket(fileno=os.dup2(control_fd, 3, inheritable=False))
        os.closerange(4, 1 << 20)
        try:
            with _step("mount"):
                _mount("none", "/", "", MS_REC | MS_PRIVATE)
            root = Root(f"{self.disks}/{request['disk']}", self.owned)
            root.build(request["name"], request["binds"])
            with _step("root"):
                _enter(root.path)
            with _step("hostname"):
                name = request["name"].encode()
                _call("sethostname", name, len(name))
            _libc.prctl(PR_SET_NAME, b"host", 0, 0, 0)
            _tell(control, {"ready": True})
        except StepError as error:
            _tell(control, {"step": error.step, "error": str(error)})
            os._exit(1)
        Server(control).run()


def _new_namespaces() -> bool:
    """Enter the laboratory's namespaces; true when that needed a user namespace."""
    wanted = NEW_NS | NEW_IPC | NEW_PID | NEW_NET
    if os.geteuid() == 0 and _libc.unshare(wanted) == 0:
        return False
    uid, gid = os.geteuid(), os.getegid()
    with _step("user-namespace"):
        _call("unshare", NEW_USER | wanted)
        _write("/proc/self/setgroups", "deny")
        _write("/proc/self/uid_map", f"0 {uid} 1")
        _write("/proc/self/gid_map", f"0 {gid} 1")
        # Changing credentials made us unreadable in /proc; the owner reads and writes the hosts' files there.
        _libc.prctl(PR_SET_DUMPABLE, 1, 0, 0, 0)
    return True


def main() -> NoReturn:
    """Become the switch."""
    control = socket.socket(fileno=int(sys.argv[1]))
    disks = sys.argv[2]
    try:
        owned = _new_namespaces()
        pid = os.fork()
        if pid:
            control.close()
            os._exit(0 if os.waitpid(pid, 0)[1] == 0 else 1)
        with _step("mount"):
            _mount("none", "/", "", MS_REC | MS_PRIVATE)
        with _step("tmpfs"):
            _mount("disks", disks, "tmpfs", MS_NODEV if owned else 0, "mode=755")
            os.umask(0o022)
        _libc.prctl(PR_SET_NAME, b"switch", 0, 0, 0)
        _tell(control, {"ready": True, "user_namespace": owned})
    except StepError as error:
        _tell(control, {"step": error.step, "error": str(error)})
        os._exit(1)
    Switch(control, disks, owned).run()


if __name__ == "__main__":
    main()
