"""What keeps students' code in: bubblewrap on Linux, else a container, else nothing if asked for.

Each engine is a command that runs one module of the course with no network, no capability, nothing
to read but Python, the environment and the course's public files, and a small /tmp to write to.
"""

import os
import shutil
import subprocess
import sys
from enum import StrEnum
from pathlib import Path

from utils.errors import CourseError
from utils.grading.sandbox.confinement import (
    MOST_OPEN_FILES,
    MOST_PROCESSES,
    SHARED_MEMORY,
    UNCONFINED,
)
from utils.grading.sandbox.control_groups import MEMORY
from utils.settings import PROJECT

NOBODY = 65534
SEEN = ("pyproject.toml", "utils", "lessons/results", "weights", "data")  # of the project
SYSTEM = ("usr", "etc/ld.so.cache", "etc/fonts", "etc/localtime")
STAGED = Path("/run/vision-course")
CACHE = Path("/cache")
LONGEST = 3600  # seconds of computing in a container that nobody has ended
IMAGE = "vision-course-sandbox"  # made with utils/grading/sandbox/Containerfile
VARIABLES = {
    "COURSE_WEIGHTS": "offline", "COURSE_DEVICE": "cpu", "COURSE_PRECISION": "fp32",
    "COURSE_ENGINE": "eager",
    "HOME": "/tmp/work", "LANG": "C.UTF-8", "LC_ALL": "C.UTF-8", "PYTHONUTF8": "1",
    "MPLBACKEND": "module://matplotlib_inline.backend_inline", "MPLCONFIGDIR": "/tmp/work",
    "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "PYTHONDONTWRITEBYTECODE": "1",
}  # fmt: skip


class Engine(StrEnum):
    """What keeps students' code in."""

    BUBBLEWRAP = "bubblewrap"
    PODMAN = "podman"
    DOCKER = "docker"
    NONE = "none"


def choose_engine(sandbox: bool) -> Engine:
    """The engine that this machine has; `sandbox=False`: none.

    Raises:
        CourseError: there is none, and one is wanted.
    """
    if not sandbox:
        return Engine.NONE
    if sys.platform == "linux" and shutil.which("bwrap"):
        return Engine.BUBBLEWRAP
    for engine in (Engine.PODMAN, Engine.DOCKER):
        if has_image(engine):
            return engine
    raise CourseError(
        "Nothing here keeps students' code in: install bubblewrap (make system does, on Debian and "
        f"Ubuntu); or podman or docker, with the image {IMAGE} (README says how); or grade on a "
        "machine that holds nothing else, with --no-sandbox."
    )


def has_image(engine: Engine) -> bool:
    """Whether this machine has the engine, and the image for it."""
    if not shutil.which(engine):
        return False
    found = subprocess.run([engine, "image", "inspect", IMAGE], capture_output=True, check=False)
    return found.returncode == 0


def command(engine: Engine, module: str, cache: Path, name: str) -> list[str]:
    """The command that runs a module in a sandbox of this kind and name; it may read `cache`."""
    if engine is Engine.BUBBLEWRAP:
        return _bubblewrap(module, cache)
    if engine is Engine.NONE:
        settings = [f"{name}={value}" for name, value in _own_variables(cache).items()]
        return ["env", *settings, *_python(module), UNCONFINED]
    return _container(engine, module, cache, name)


def end_container(engine: Engine, name: str) -> None:
    """End a container, which outlives the command that started it; other sandboxes don't."""
    if engine in (Engine.PODMAN, Engine.DOCKER):
        subprocess.run([engine, "kill", name], capture_output=True, check=False)


def _python(module: str) -> list[str]:
    return [sys.executable, "-P", "-m", module]


def _own_variables(cache: Path) -> dict[str, str]:
    path = f"{Path(sys.executable).parent}:/usr/bin"
    return {"PATH": path, "PYTHONPATH": str(PROJECT), "COURSE_CACHE": str(cache)}


def _bubblewrap(module: str, cache: Path) -> list[str]:
    options = [
        "--unshare-all", "--unshare-user", "--die-with-parent", "--new-session",
        "--cap-drop", "ALL", "--clearenv", "--hostname", "sandbox",
        "--symlink", "usr/lib", "/lib", "--symlink", "usr/lib64", "/lib64",
        "--symlink", "usr/bin", "/bin", "--symlink", "usr/sbin", "/sbin",
        "--proc", "/proc", "--dev", "/dev", "--size", str(SHARED_MEMORY), "--tmpfs", "/tmp",
    ]  # fmt: skip
    staged = _Stage() if os.geteuid() == 0 else None
    shown = {Path("/") / name: Path("/") / name for name in SYSTEM if (Path("/") / name).exists()}
    shown |= {folder: folder for folder in readable()} | {CACHE: cache}
    for place, source in shown.items():
        options += ["--ro-bind", staged.add(source) if staged else str(source), str(place)]
    for name, value in (VARIABLES | _own_variables(CACHE)).items():
        options += ["--setenv", name, value]
    options += ["--dir", "/tmp/work", "--chdir", "/tmp/work"]
    options += ["--remount-ro", "/dev", "--remount-ro", "/"]
    inside = ["bwrap", *options, *_python(module)]
    return staged.as_nobody(inside) if staged else inside


def readable() -> list[Path]:
    """Folders of the interpreter, the environment and the project that students' code may read."""
    interpreter = Path(sys.executable).resolve().parents[1]
    folders = {interpreter, Path(sys.base_prefix).resolve(), Path(sys.prefix)}
    folders |= {PROJECT / name for name in SEEN if (PROJECT / name).exists()}
    home = Path.home().resolve()
    if open_home := [str(own) for own in folders if home.is_relative_to(own.resolve())]:
        raise CourseError(
            f"Python or the course lies in {open_home[0]}, which holds your home folder, and "
            "students' code must read it: set the course up in a folder of its own (make setup)."
        )
    return sorted(folder for folder in folders if not folder.is_relative_to("/usr"))


class _Stage:
    """Root's way to give up root first, since limits on the number of processes don't bind it.

    Nobody can't reach a folder below root's home: each is mounted at a place that nobody can, for
    this command alone.
    """

    def __init__(self) -> None:
        self.folders: list[str] = []

    def add(self, source: Path) -> str:
        if not source.is_dir():
            return str(source)
        self.folders.append(str(source))
        return f"{STAGED}/{len(self.folders)}"

    def as_nobody(self, inside: list[str]) -> list[str]:
        count = len(self.folders)
        steps = [f"mkdir -p {STAGED}", f"mount -t tmpfs -o size=64k,mode=755 tmpfs {STAGED}"]
        for number in range(1, count + 1):
            place = f"{STAGED}/{number}"
            steps.append(f'mkdir {place} && mount --bind "${{{number}}}" {place}')
        drop = f"setpriv --reuid {NOBODY} --regid {NOBODY} --clear-groups --no-new-privs"
        script = " && ".join([*steps, f"shift {count}", f'exec {drop} "$@"'])
        alone = ["unshare", "--mount", "--propagation", "private"]
        return [*alone, "sh", "-c", script, "sh", *self.folders, *inside]


def _container(engine: Engine, module: str, cache: Path, name: str) -> list[str]:
    place = Path("/course")
    user = 10_000 + os.getpid() % 50_000  # one a worker: the kernel counts a user's processes
    room = f"rw,nosuid,nodev,size={SHARED_MEMORY},mode=1777"
    options = [
        "--rm", "--name", name, "--interactive", "--pull", "never", "--network", "none",
        "--cap-drop", "ALL", "--security-opt", "no-new-privileges", "--read-only",
        "--user", f"{user}:{user}",
        "--pids-limit", str(MOST_PROCESSES), "--memory", str(MEMORY), "--memory-swap", str(MEMORY),
        "--tmpfs", f"/tmp:{room}", "--shm-size", str(SHARED_MEMORY), "--workdir", "/tmp",
        "--hostname", "sandbox",
    ]  # fmt: skip
    limits = {"nofile": MOST_OPEN_FILES, "nproc": MOST_PROCESSES, "cpu": LONGEST}
    for limit, most in limits.items():
        options += ["--ulimit", f"{limit}={most}:{most}"]
    for seen in SEEN:
        options += ["--volume", f"{PROJECT / seen}:{place / seen}:ro"]
    options += ["--volume", f"{cache}:{CACHE}:ro"]
    own = {"PYTHONPATH": str(place), "COURSE_CACHE": str(CACHE), "HOME": "/tmp"}
    for variable, value in (VARIABLES | own).items():
        options += ["--env", f"{variable}={value}"]
    return [engine, "run", *options, IMAGE, "python", "-P", "-m", module]
