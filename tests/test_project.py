"""The repository keeps the promises that its files make to one another."""

import ast
import re
import tomllib

import pytest
from packaging.requirements import Requirement
from packaging.version import Version

from utils.files import PROJECT

LAYERS = (
    ("cli",),
    ("cli_weights", "cli_lessons", "cli_quiz", "cli_grading"),
    ("options",),
    ("answers",),
    ("grading",),
    ("submissions", "execution", "checks"),
    ("exercises",),
    ("lessons", "notebook", "quiz_answers", "quiz_session", "quiz_export", "quiz_proofs"),
    ("quiz",),
    ("plots", "report", "terminal", "health"),
    ("tracing", "weights_report", "capstone", "data_curve", "model_table", "scaling"),
    ("capstone_tuning", "cells", "kernel_probe"),
    ("distill", "parallel", "studies"),
    ("students",),
    ("training", "pretraining"),
    ("modes", "observations", "checkpoints", "loading", "evaluation"),
    ("classifier",),
    ("features",),
    ("backbones",),
    ("models", "weights"),
    ("things",),
    ("compositions", "bundles"),
    ("catalogue",),
    ("splits",),
    ("datasets", "measures"),
    ("images",),
    ("inference", "muon"),
    ("device",),
    ("files",),
    ("errors",),
)
COMMANDS = ("cli", "cli_weights", "cli_lessons", "cli_quiz", "cli_grading", "options")
HEIGHT = {name: -level for level, names in enumerate(LAYERS) for name in names}
MODULES = sorted(path.stem for path in (PROJECT / "utils").glob("[a-z]*.py"))


def imported(module: str) -> set[str]:
    """Modules of utils that a module imports, wherever in its text."""
    tree = ast.parse((PROJECT / "utils" / f"{module}.py").read_text(encoding="utf-8"))
    names = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module == "utils":
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith("utils."):
            names.add(node.module.split(".")[1])
    return names


@pytest.mark.parametrize("module", MODULES)
def test_imports_go_down_only(module: str) -> None:
    for name in imported(module):
        lower = HEIGHT[name] < HEIGHT[module]
        beside = HEIGHT[name] == HEIGHT[module] and module not in imported(name)
        assert lower or beside, f"{module} imports {name}"


@pytest.mark.parametrize("module", [name for name in MODULES if name not in COMMANDS])
def test_only_the_commands_print(module: str) -> None:
    tree = ast.parse((PROJECT / "utils" / f"{module}.py").read_text(encoding="utf-8"))
    calls = [node.func for node in ast.walk(tree) if isinstance(node, ast.Call)]
    assert not [call for call in calls if isinstance(call, ast.Name) and call.id == "print"]


def ranges() -> dict[str, Requirement]:
    project = tomllib.loads((PROJECT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return {req.name: req for req in map(Requirement, project["dependencies"])}


def pins() -> list[Requirement]:
    lines = (PROJECT / "requirements.txt").read_text(encoding="utf-8").splitlines()
    return [Requirement(line) for line in lines if line and not line.startswith("#")]


def test_every_dependency_is_pinned_within_its_range() -> None:
    pinned = pins()
    for name, wanted in ranges().items():
        versions = [next(iter(pin.specifier)).version for pin in pinned if pin.name == name]
        assert versions, f"{name} is not in requirements.txt"
        assert all(Version(version) in wanted.specifier for version in versions), name


def test_requirements_are_exact() -> None:
    for pin in pins():
        assert re.fullmatch(r"==[^*]+", str(pin.specifier)), str(pin)


def test_conda_uses_the_same_list() -> None:
    text = (PROJECT / "environment.yml").read_text(encoding="utf-8")
    listed = re.findall(r"^ +- (?!conda-forge)(.+)$", text, re.MULTILINE)
    assert listed == ["python=3.11", "pip", "pip:", "-r requirements.txt", "-e ."]


def test_ci_runs_what_the_readme_promises() -> None:
    assert "make test" in (PROJECT / ".github/workflows/ci.yml").read_text(encoding="utf-8")
    assert (PROJECT / ".ci/run").read_text(encoding="utf-8").rstrip().endswith("test")
    readme = (PROJECT / "README.md").read_text(encoding="utf-8")
    targets = set(
        re.findall(r"^([a-z-]+):", (PROJECT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    )
    named = set(re.findall(r"`make ([a-z-]+)", readme)) | set(
        re.findall(r"^make ([a-z-]+)", readme, re.MULTILINE)
    )
    assert {"trace", "test"} <= named <= targets
