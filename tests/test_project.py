"""The repository keeps the promises that its files make to one another."""

import re
import tomllib

from packaging.requirements import Requirement
from packaging.version import Version

from utils.settings import PROJECT


def ranges() -> dict[str, Requirement]:
    project = tomllib.loads((PROJECT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    listed = [*project["dependencies"], *project["optional-dependencies"]["dev"]]
    return {req.name: req for req in map(Requirement, listed)}


def pins(*files: str) -> list[Requirement]:
    lines = [
        line
        for file in files or ("requirements.txt", "requirements-dev.txt")
        for line in (PROJECT / file).read_text(encoding="utf-8").splitlines()
    ]
    return [Requirement(line) for line in lines if line and not line.startswith("#")]


def test_every_dependency_is_pinned_within_its_range() -> None:
    pinned = pins()
    for name, wanted in ranges().items():
        versions = [next(iter(pin.specifier)).version for pin in pinned if pin.name == name]
        assert versions, f"{name} is in no list: make lock"
        assert all(Version(version) in wanted.specifier for version in versions), name


def test_requirements_are_exact() -> None:
    for pin in pins():
        assert re.fullmatch(r"==[^*]+", str(pin.specifier)), str(pin)


def test_no_package_stands_in_both_lists() -> None:
    base, dev = ({pin.name for pin in pins(f"requirements{kind}.txt")} for kind in ("", "-dev"))
    assert not base & dev


def test_conda_uses_the_same_list() -> None:
    text = (PROJECT / "environment.yml").read_text(encoding="utf-8")
    listed = re.findall(r"^ +- (?!conda-forge)(.+)$", text, re.MULTILINE)
    assert listed == ["python=3.11", "pip", "pip:", "-r requirements.txt", "-e ."]


def test_ci_runs_what_the_readme_promises() -> None:
    assert "make test" in (PROJECT / ".github/workflows/ci.yml").read_text(encoding="utf-8")
    assert (PROJECT / ".ci/run").read_text(encoding="utf-8").rstrip().endswith("test")
    readme = (PROJECT / "README.md").read_text(encoding="utf-8")
    rules = "".join(
        (PROJECT / file).read_text(encoding="utf-8")
        for file in ("Makefile", "maintain.mk", "utils/distillation/Makefile")
    )
    targets = set(re.findall(r"^([a-z-]+):", rules, re.MULTILINE))
    named = set(re.findall(r"`make ([a-z-]+)", readme)) | set(
        re.findall(r"^make ([a-z-]+)", readme, re.MULTILINE)
    )
    assert {"trace", "test"} <= named <= targets
