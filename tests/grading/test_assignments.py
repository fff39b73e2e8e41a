"""The students' copies: what is in them, what isn't, and that they are what the sources yield."""

import ast
import itertools
import re
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
import torch
from nbformat import NotebookNode
from torch.nn.functional import cross_entropy
from typer.testing import CliRunner

from utils.backbones import measure_stages
from utils.checks import expect_choice, expect_close, expect_equal, expect_letter
from utils.cli import app
from utils.grading import assignments as exercises
from utils.grading.assignments import (
    EXERCISES,
    SOLUTIONS,
    assignment_names,
    find_assignment,
    read_notebook,
)
from utils.grading.grader_tests import SampleAnswer, read_answers, submission_of
from utils.lessons import find_lessons
from utils.settings import PROJECT

NAMES = assignment_names()
EXERCISE_OF = {
    "00": "ex11_transfer_learning",
    "01": "ex01_preprocess", "02": "ex02_features", "03": "ex03_softmax_head",
    "04": "ex04_prediction_trace", "05": "ex05_residual_block", "06": "ex06_count_parameters",
    "07": "ex06_count_parameters", "08": "ex07_training_loop", "09": "ex08_fine_tune",
    "10": "ex09_choose_a_backbone", "12": "ex10_final_test",
}  # fmt: skip


def source(name: str) -> NotebookNode:
    return read_notebook(SOLUTIONS / name / f"{name}.ipynb")


def released(name: str) -> NotebookNode:
    return read_notebook(EXERCISES / name / f"{name}.ipynb")


def files_of(folder: Path) -> dict[str, bytes]:
    found = (file for file in sorted(folder.rglob("*")) if ".ipynb_checkpoints" not in file.parts)
    return {str(f.relative_to(folder)): f.read_bytes() for f in found if f.is_file()}


def test_each_is_of_ten_points_and_few_are_marked_by_a_person() -> None:
    assert sorted(set(EXERCISE_OF.values())) == NAMES
    for name in NAMES:
        assert sum(find_assignment(name).points.values()) == 10
    written = {name: find_assignment(name).manually_graded for name in NAMES}
    assert sum(find_assignment(n).points[cell] for n in NAMES for cell in written[n]) == 10
    assert {n: w for n, w in written.items() if w} == {
        "ex04_prediction_trace": ("report",),
        "ex07_training_loop": ("experiment",),
        "ex08_fine_tune": ("experiment",),
        "ex09_choose_a_backbone": ("justify",),
        "ex11_transfer_learning": ("experiment",),
    }


def test_the_students_copies_are_what_the_sources_yield(tmp_path: Path) -> None:
    exercises.generate(NAMES, tmp_path)
    assert files_of(tmp_path) == files_of(EXERCISES)


@pytest.mark.parametrize("name", NAMES)
def test_a_students_copy_holds_no_solution_no_hidden_test_no_key(name: str) -> None:
    text = (EXERCISES / name / f"{name}.ipynb").read_text(encoding="utf-8")
    assert "BEGIN" not in text
    assert "expect_choice(" not in text
    shown = {line.strip() for cell in released(name).cells for line in cell.source.splitlines()}
    for cell in source(name).cells:
        for region in re.findall(r"### BEGIN (?:SOLUTION|HIDDEN TESTS)\n(.*?)### END",
                                 cell.source, re.S):  # fmt: skip
            lines = {line.strip() for line in region.splitlines()}
            secret = {line for line in lines if len(line) > 20 and not line.endswith("(")}
            assert not secret & shown


@pytest.mark.parametrize("name", NAMES)
def test_every_task_has_a_stub_an_example_and_a_hint(name: str) -> None:
    cells = released(name).cells
    for before, cell in itertools.pairwise(cells):
        if not cell.metadata.nbgrader.solution or cell.cell_type != "code":
            continue
        task = before if before.cell_type == "markdown" else cells[cells.index(before) - 1]
        assert cell.source.rstrip().endswith(exercises.STUB)
        assert "*Hint: " in task.source
        if name != "ex10_final_test":
            assert "Example: " in task.source
            assert re.search(r"\(\d points?", task.source)


@pytest.mark.parametrize("name", NAMES)
def test_no_cell_is_left_open_to_change_but_the_answers(name: str) -> None:
    for cell in released(name).cells:
        own = cell.metadata.nbgrader
        assert own.solution != own.locked


@pytest.mark.parametrize("name", NAMES)
def test_hidden_tests_call_functions_by_name_with_plain_data(name: str) -> None:
    """So that they can run in another process than the student's: no globals of theirs are read."""
    defined = {
        node.name
        for cell in source(name).cells
        if cell.metadata.nbgrader.solution and cell.cell_type == "code"
        for node in ast.walk(ast.parse(cell.source))
        if isinstance(node, ast.FunctionDef)
    }
    for cell in source(name).cells:
        if not (cell.metadata.nbgrader.grade and cell.cell_type == "code"):
            continue
        called = set()
        for node in ast.walk(ast.parse(cell.source)):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
                called.add(node.func)
        names = {node for node in ast.walk(ast.parse(cell.source)) if isinstance(node, ast.Name)}
        used = {node.id for node in names if node.id in defined}
        passed = {  # a function may be handed to expect_error, which calls it by itself
            argument.id
            for node in ast.walk(ast.parse(cell.source))
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "expect_error"
            for argument in node.args
            if isinstance(argument, ast.Name)
        }
        assert used, f"{cell.metadata.nbgrader.grade_id} tests nothing of the student's"
        assert used <= {node.id for node in called} | passed


@pytest.mark.parametrize("number", EXERCISE_OF)
def test_each_lesson_links_to_its_exercise(number: str) -> None:
    (lesson,) = find_lessons([number])
    name = EXERCISE_OF[number]
    text = "\n".join(c.source for c in read_notebook(lesson).cells if c.cell_type == "markdown")
    assert f"[{name}](../exercises/{name}/{name}.ipynb)" in text


@pytest.mark.parametrize("name", NAMES)
def test_links_of_an_exercise_lead_somewhere(name: str) -> None:
    text = "\n".join(c.source for c in released(name).cells if c.cell_type == "markdown")
    for target in re.findall(r"\]\(([^)#]+)\)", text):
        assert (EXERCISES / name / target).resolve().exists(), target


def test_the_lists_of_answers_are_long_enough() -> None:
    answers = {name: read_answers(name) for name in NAMES}
    assert min(len(wrong) for wrong, _ in answers.values()) >= 8
    assert min(len(right) for _, right in answers.values()) >= 3
    assert sum(len(wrong) for wrong, _ in answers.values()) >= 80
    assert sum(len(right) for _, right in answers.values()) >= 30


@pytest.mark.parametrize("name", NAMES)
def test_no_answer_is_listed_twice_and_no_test_cell_is_never_lost(name: str) -> None:
    wrong, right = read_answers(name)
    written = [nbformat.writes(submission_of(name, answer)) for answer in [*wrong, *right]]
    assert len(set(written)) == len(written)
    assert nbformat.writes(submission_of(name, SampleAnswer("", {}))) not in written
    own = find_assignment(name)
    assert {c for a in wrong for c in a.fails} == set(own.points) - set(own.manually_graded)


def test_a_failed_generation_leaves_the_old_copy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = NAMES[0]
    exercises.generate([name], tmp_path / "exercises")
    before = files_of(tmp_path / "exercises")
    broken = source(name)
    broken.cells[-2].metadata.nbgrader.grade_id = broken.cells[-3].metadata.nbgrader.grade_id
    (tmp_path / "solutions" / name).mkdir(parents=True)
    nbformat.write(broken, tmp_path / "solutions" / name / f"{name}.ipynb")
    monkeypatch.setattr(exercises, "SOLUTIONS", tmp_path / "solutions")
    with pytest.raises(exercises.CourseError, match=f"correct solutions/{name}"):
        exercises.generate([name], tmp_path / "exercises")
    assert files_of(tmp_path / "exercises") == before


@pytest.fixture(scope="module")
def students_copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    target = tmp_path_factory.mktemp("class") / "course"
    result = CliRunner().invoke(app, ["exercises", "--copy", str(target)], catch_exceptions=False)
    assert str(target) in result.stdout.replace("\n", "")
    return target


def test_a_class_gets_everything_but_solutions_and_marks(students_copy: Path) -> None:
    assert files_of(students_copy / "exercises") == files_of(EXERCISES)
    assert (students_copy / "lessons" / "01_input_image.ipynb").exists()
    assert (students_copy / "weights" / "resnet18.safetensors").exists()
    left_out = (
        "solutions",
        "grading",
        "tests",
        "benchmarks",
        "maintain.mk",
        "requirements-dev.txt",
    )
    items = {file.name for file in (students_copy / "learning" / "items").iterdir()}
    assert "05_resnet.json" in items
    assert not [name for name in items if name.startswith("ex")]  # they hold the solutions
    for name in (*left_out, "CONTRIBUTING.md", "utils/distillation/Makefile", ".git", ".ci"):
        assert not (students_copy / name).exists()
    for file, content in files_of(students_copy).items():
        if file.endswith((".ipynb", ".yaml", ".py", ".md")):
            assert b"### BEGIN SOLUTION" not in content, file
            assert b'expect_choice(\\"question' not in content, file


def test_the_commands_of_a_students_readme_are_there(students_copy: Path) -> None:
    readme = (students_copy / "README.md").read_text(encoding="utf-8")
    assert "teachers -->" not in readme
    assert "make trace" in readme
    rules = (students_copy / "Makefile").read_text(encoding="utf-8")
    for target in set(re.findall(r"`make ([a-z-]+)|^make ([a-z-]+)", readme, re.MULTILINE)):
        assert re.search(rf"^{''.join(target)}:", rules, re.MULTILINE), target
    for link in re.findall(r"\]\((?!https?:|#)([^)]+)\)", readme):
        assert (students_copy / link).exists(), link


def test_a_students_copy_says_that_it_cannot_grade(students_copy: Path) -> None:
    run = subprocess.run(
        [sys.executable, "-c", "from utils.cli import main; main()", "grade", NAMES[0]],
        cwd=students_copy, env={"PYTHONPATH": str(students_copy), "PATH": "/usr/bin:/bin"},
        capture_output=True, encoding="utf-8", check=False,
    )  # fmt: skip
    assert run.returncode == 2
    assert "not a student's copy of it" in " ".join(run.stderr.split())


def test_a_copy_is_never_written_over_something(students_copy: Path) -> None:
    with pytest.raises(exercises.CourseError, match="is there already"):
        exercises.students_copy(students_copy)


# What each option of the final test claims, computed: exactly one may hold.
def _crop_share() -> float:
    width = 640 * 256 // 480
    return 224**2 / (width * 256)


def _keeps_its_mean(prepare: str) -> bool:
    norm = torch.nn.BatchNorm2d(2).train()
    if prepare == "requires_grad":
        norm.requires_grad_(False)
    elif prepare == "eval":
        norm.eval()
    elif prepare == "grad":
        norm.weight.grad = None
    with torch.no_grad() if prepare == "no_grad" else torch.enable_grad():
        norm(torch.ones(4, 2, 3, 3))
    return bool((norm.running_mean == 0).all())


def _cooled(logits: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    return logits.softmax(0), (logits / 4).softmax(0)


def _epochs() -> tuple[bool, int]:
    """Whether the loss rose, and by how many photos the accuracy did."""
    first, second = torch.tensor([0.55, 0.55, 0.55, 0.05]), torch.tensor([0.95, 0.45, 0.45, 0.45])
    risen = -second.log().mean() > -first.log().mean()
    return bool(risen), int((second > 0.5).sum() - (first > 0.5).sum())


def _near(value: float, claimed: float, by: float) -> bool:
    return abs(value - claimed) <= by


def claims() -> list[tuple[bool, bool, bool, bool]]:
    rows = torch.arange(6).reshape(2, 3).permute(1, 0).tolist()
    printed = ([[0, 1], [2, 3], [4, 5]], [[0, 2, 4], [1, 3, 5]], [[0, 1, 2], [3, 4, 5]],
               [[0, 3], [1, 4], [2, 5]])  # fmt: skip
    once, cooled = _cooled(torch.tensor([1.0, 3.0, 0.5]))
    order = torch.equal(once.argsort(), cooled.argsort())
    values = sum(p.numel() for p in torch.nn.Linear(2048, 5).parameters())
    share = 2 * 7 / 7**2
    risen, gained = _epochs()
    times = measure_stages("resnet50")[-1].gmacs / measure_stages("efficientnet_b0")[-1].gmacs
    right, balanced = 300 / 400, (300 / 300 + 0 / 100) / 2
    undecided = torch.full((1, 37), 1 / 37)
    loss = cross_entropy(undecided, torch.tensor([0])).item()
    return [
        tuple(_near(_crop_share(), claim, 0.01) for claim in (0.77, 0.57, 0.88, 1.0)),
        tuple(rows == claim for claim in printed),
        (bool(cooled.max() < once.max()), torch.allclose(once, cooled), not order,
         _near(cooled.sum().item(), 0.25, 0.01)),
        tuple(values == claim for claim in (5120, 10240, 10245, 25557032)),
        tuple(_keeps_its_mean(way) for way in ("requires_grad", "eval", "grad", "no_grad")),
        tuple(_near(share, claim, 0.01) for claim in (0.29, 0.43, 0.14, 1.0)),
        (risen and gained < 0, not risen and gained == 0, not risen and gained < 0,
         risen and gained > 0),
        tuple(_near(times, claim, claim / 5) for claim in (2, 5, 20, 10)),
        tuple((right, balanced) == c
              for c in ((0.5, 0.75), (0.75, 0.5), (0.75, 0.75), (0.75, 0.375))),
        tuple(_near(loss, claim, 0.1) for claim in (3.6, 6.9, 0.0, 1.0)),
    ]  # fmt: skip


@pytest.mark.parametrize("number", range(1, 11))
def test_the_final_tests_keys_are_proved(number: int) -> None:
    holds = claims()[number - 1]
    assert sum(holds) == 1
    hidden = next(
        c.source for c in source("ex10_final_test").cells
        if c.metadata.nbgrader.grade_id == f"answer_{number}_test"
    )  # fmt: skip
    key = re.search(r'expect_choice\(.*, "([ABCD])"\)', hidden)
    assert key[1] == "ABCD"[holds.index(True)]


def message(check, *inputs: object) -> str:
    with pytest.raises(AssertionError) as failed:
        check("it", *inputs)
    return str(failed.value)


def test_checks_accept_what_means_the_same() -> None:
    expect_equal("", [1, (2, 3)], ([1, [2, 3]]))
    expect_equal("", torch.tensor([1, 2]).numpy(), [1, 2])
    expect_close("", torch.tensor([0.1, 0.2]), [0.1, 0.2])
    expect_close("", 1_000_000.1, 1_000_000)
    expect_choice("", " b) ", "B")


def test_checks_say_what_was_expected_and_what_came() -> None:
    assert message(expect_equal, [1, 2.0], [1, 2]) == "it: expected [1, 2], got [1, 2.0]"
    assert message(expect_equal, True, 1) == "it: expected 1, got True"
    assert message(expect_close, [[1, 2]], [1, 2]) == "it: expected shape (2,), got shape (1, 2)"
    assert message(expect_close, [0.5, float("nan")], [0.5, 1]) == "it: expected 1 at [1], got nan"
    assert message(expect_close, None, [1.0]).endswith("expected numbers of shape (1,), got None")
    assert message(expect_letter, 2) == "it: expected one of A, B, C, D, got 2"
    assert message(expect_choice, "c", "B") == "it: expected another letter than C"


def test_the_readme_counts_the_answers_that_are_graded() -> None:
    readme = (PROJECT / "README.md").read_text(encoding="utf-8")
    for name in NAMES:
        wrong, right = map(len, read_answers(name))
        points = find_assignment(name).points
        row = f"| `{name}` | {sum(points.values()):g} | {len(points)} | {wrong} of {wrong} |"
        assert f"{row} {right} of {right} |" in readme, name
