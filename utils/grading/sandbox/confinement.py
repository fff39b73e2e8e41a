"""What a student's process gives up before the first line of theirs runs. Linux, inside a sandbox.

`isolate` takes a fork out of its parent's reach (namespaces of its own, nested in the sandbox's);
`confine` gives up rights, memory, processes and system calls for good.
"""

import ctypes
import errno
import os
import resource
from pathlib import Path

SHARED_MEMORY = 64 * 2**20  # bytes of /tmp, and of /dev/shm
MOST_FILES = 4096  # in each of the two
ADDRESSES = 6 * 2**30  # bytes beside what is loaded; torch alone takes 3.4 of them, mostly unused
MOST_PROCESSES = 64  # threads among them
MOST_OPEN_FILES = 256
LARGEST_FILE = 64 * 2**20

CLONE_NEWNS, CLONE_NEWCGROUP, CLONE_NEWUTS, CLONE_NEWIPC = 1 << 17, 1 << 25, 1 << 26, 1 << 27
CLONE_NEWUSER, CLONE_NEWPID, CLONE_NEWNET = 1 << 28, 1 << 29, 1 << 30
NAMESPACES = (
    CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER | CLONE_NEWPID
    | CLONE_NEWNET
)  # fmt: skip
MS_NOSUID, MS_NODEV, MS_NOEXEC = 2, 4, 8
MS_BIND, MS_REC, MS_PRIVATE = 1 << 12, 1 << 14, 1 << 18
PR_SET_PDEATHSIG, PR_SET_DUMPABLE, PR_CAPBSET_DROP, PR_SET_NO_NEW_PRIVS = 1, 4, 24, 38
PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL = 47, 4
CAPABILITY_VERSION_3 = 0x20080522
LAST_CAPABILITY = 63
AF_UNIX = 1
FILE_LOCKS = (6, 7, 37, 38)  # F_SETLK, F_SETLKW, and those of open file descriptions
UNCONFINED = "--unconfined"  # the word of a process that gives up nothing: asked for, never chosen

# No exercise needs these. Keyrings and io_uring have no namespace, or have had holes; the rest
# looks into other processes, changes mounts and namespaces, or loads code into the kernel.
DENIED = (
    "add_key", "keyctl", "request_key", "io_uring_setup", "io_uring_enter", "io_uring_register",
    "ptrace", "process_vm_readv", "process_vm_writev", "kcmp", "pidfd_getfd", "pidfd_open",
    "process_madvise", "unshare", "setns", "mount", "umount2", "pivot_root", "chroot", "move_mount",
    "open_tree", "fsopen", "fsconfig", "fsmount", "fspick", "mount_setattr", "bpf",
    "perf_event_open", "userfaultfd", "kexec_load", "kexec_file_load", "init_module",
    "finit_module", "delete_module", "open_by_handle_at", "name_to_handle_at", "quotactl",
    "quotactl_fd", "acct", "swapon", "swapoff", "reboot", "sethostname", "setdomainname", "iopl",
    "ioperm", "lookup_dcookie", "nfsservctl", "vhangup", "personality", "syslog", "fanotify_init",
    "mbind", "set_mempolicy", "migrate_pages", "move_pages", "memfd_secret", "clock_settime",
    "settimeofday", "adjtimex", "clock_adjtime", "mknod", "mknodat",
    # Locks and watches on files that lie in every sandbox would be signals from one to another.
    "flock", "inotify_init", "inotify_init1", "fanotify_mark",
)  # fmt: skip

libc = ctypes.CDLL(None, use_errno=True)


def _check(result: int, what: str) -> None:
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")


def isolate() -> int:
    """Leave the parent's namespaces, and fork into new ones. Returns 0 in the child, the first
    process there, which sees no other; in the parent, the child's process number.

    Raises:
        OSError: this system doesn't allow namespaces within a sandbox.
    """
    user, group = os.getuid(), os.getgid()
    _check(libc.unshare(NAMESPACES), "unshare")
    Path("/proc/self/setgroups").write_text("deny", encoding="ascii")
    Path("/proc/self/uid_map").write_text(f"{user} {user} 1", encoding="ascii")
    Path("/proc/self/gid_map").write_text(f"{group} {group} 1", encoding="ascii")
    _mount(None, "/", None, MS_REC | MS_PRIVATE)
    child = os.fork()
    if child == 0:
        os.setsid()  # signals to a group of processes pass the borders of namespaces
        _own_files()
    return child


def _own_files() -> None:
    """Empty folders of its own where files may be written, and a /proc with nobody else in it."""
    room = f"size={SHARED_MEMORY},nr_inodes={MOST_FILES},mode=1777"
    safe = MS_NOSUID | MS_NODEV
    shown = {place: os.open(place, os.O_PATH) for place in _shown_under("/tmp/")}
    _mount("proc", "/proc", "proc", safe | MS_NOEXEC, "subset=pid")
    _mount("tmpfs", "/tmp", "tmpfs", safe, room)
    for place, descriptor in shown.items():
        _show_again(place, descriptor)
    _mount("tmpfs", "/dev/shm", "tmpfs", safe | MS_NOEXEC, room)
    _mount("tmpfs", "/dev/pts", "tmpfs", safe | MS_NOEXEC, "size=4k,nr_inodes=2,mode=555")
    os.mkdir("/tmp/work")
    os.chdir("/tmp/work")


def _shown_under(folder: str) -> list[str]:
    """What the sandbox shows below a folder: Python or the course, where they lie in /tmp."""
    lines = Path("/proc/self/mountinfo").read_text(encoding="utf-8").splitlines()
    places = [line.split()[4] for line in lines]
    return [place for place in places if place.startswith(folder)]


def _show_again(place: str, descriptor: int) -> None:
    if os.path.isdir(f"/proc/self/fd/{descriptor}"):
        os.makedirs(place, exist_ok=True)
    else:
        os.makedirs(os.path.dirname(place), exist_ok=True)
        Path(place).touch()
    _mount(f"/proc/self/fd/{descriptor}", place, None, MS_BIND | MS_REC)
    os.close(descriptor)


def _mount(
    source: str | None, target: str, kind: str | None, flags: int, options: str | None = None
) -> None:
    texts = [text.encode() if text is not None else None for text in (source, target, kind)]
    data = options.encode() if options else None
    _check(libc.mount(*texts, ctypes.c_ulong(flags), data), f"mount {target}")


def die_with_parent() -> None:
    """Have the kernel end this process when its parent ends."""
    _check(libc.prctl(PR_SET_PDEATHSIG, 9, 0, 0, 0), "prctl")


def confine() -> None:
    """Give up capabilities, room and system calls; nothing can bring them back."""
    _drop_capabilities()
    _limit()
    _filter_system_calls()


def _drop_capabilities() -> None:
    libc.prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0)
    for capability in range(LAST_CAPABILITY + 1):
        libc.prctl(PR_CAPBSET_DROP, capability, 0, 0, 0)  # fails for those that don't exist
    header = (ctypes.c_uint32 * 2)(CAPABILITY_VERSION_3, 0)
    _check(libc.capset(header, (ctypes.c_uint32 * 6)()), "capset")
    _check(libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "prctl")


def _limit() -> None:
    loaded = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
    limits = {
        resource.RLIMIT_AS: loaded * resource.getpagesize() + ADDRESSES,
        resource.RLIMIT_NPROC: MOST_PROCESSES,
        resource.RLIMIT_NOFILE: MOST_OPEN_FILES,
        resource.RLIMIT_FSIZE: LARGEST_FILE,
        resource.RLIMIT_CORE: 0,
        resource.RLIMIT_MSGQUEUE: 0,
    }
    for limit, most in limits.items():
        _, hard = resource.getrlimit(limit)
        most = most if hard == resource.RLIM_INFINITY else min(most, hard)
        resource.setrlimit(limit, (most, most))


def _filter_system_calls() -> None:
    import pyseccomp as seccomp

    rules = seccomp.SyscallFilter(seccomp.ALLOW)
    refuse = seccomp.ERRNO(errno.EPERM)
    for name in DENIED:
        try:
            rules.add_rule(refuse, name)
        except (OSError, ValueError):  # a name that this machine's libseccomp doesn't know
            continue
    # clone3 hides its flags behind a pointer: without it, libraries fall back to clone.
    rules.add_rule(seccomp.ERRNO(errno.ENOSYS), "clone3")
    for flag in (CLONE_NEWUSER, CLONE_NEWNS, CLONE_NEWPID, CLONE_NEWNET, CLONE_NEWIPC):
        rules.add_rule(refuse, "clone", seccomp.Arg(0, seccomp.MASKED_EQ, flag, flag))
    for lock in FILE_LOCKS:
        rules.add_rule(refuse, "fcntl", seccomp.Arg(1, seccomp.EQ, lock))
    # vsock, netlink, raw packets and crypto sockets reach the host's kernel past the namespace.
    rules.add_rule(seccomp.ERRNO(errno.EAFNOSUPPORT), "socket", seccomp.Arg(0, seccomp.NE, AF_UNIX))
    rules.load()
