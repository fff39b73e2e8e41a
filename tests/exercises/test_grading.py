"""`course grade` on what students really hand in: broken, hostile, late, missing."""

import csv
import json
import os
import shutil
import signal
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import nbformat
import pytest
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook
from nbgrader.api import Gradebook
from typer.testing import CliRunner

from utils.cli import app, main
from utils.errors import CourseError
from utils.grading import assignments as exercises
from utils.grading import autograde as grading
from utils.grading import grader_tests as answers
from utils.grading import submissions as collecting
from utils.grading.class_folder import ClassFolder
from utils.grading.grader_tests import SampleAnswer, hand_in, submission_of

NAME = "ex03_softmax_head"
FULL = {
    "softmax_test": 2, "softmax_test_large": 1, "linear_head_test": 2, "cross_entropy_test": 2,
    "cross_entropy_test_large": 1, "decide_test": 1, "decide_test_edge": 1,
}  # fmt: skip
NAIVE = """\
def softmax(logits):
    exponentials = np.exp(logits)
    return exponentials / exponentials.sum(axis=1, keepdims=True)
"""
SECONDS = 12
FAKE_NUMPY = "def __getattr__(name):\n    return lambda *inputs, **options: 0\n"


def notebook(**cells: str) -> NotebookNode:
    """A submission: the solution, except for the cells given."""
    return submission_of(NAME, SampleAnswer("made for a test", cells))


def cell(of: NotebookNode, name: str) -> NotebookNode:
    return next(c for c in of.cells if c.metadata.get("nbgrader", {}).get("grade_id") == name)


def without(of: NotebookNode, *names: str) -> NotebookNode:
    of.cells = [c for c in of.cells if c.metadata.nbgrader.grade_id not in names]
    return of


def submissions(submitted: Path) -> None:
    """One student for each thing that can go wrong."""

    def give(student: str, content: NotebookNode) -> Path:
        hand_in(NAME, student, content, submitted)
        return submitted / student / NAME / f"{NAME}.ipynb"

    give("right", notebook())
    give("wrong", notebook(softmax=NAIVE))
    give("Zoë de la Cruz", notebook())
    give("syntax error", notebook(linear_head="def linear_head(features, weight:\n    return"))
    give("SystemExit", notebook(linear_head="import sys\nsys.exit()"))
    give(
        "infinite loop",
        notebook(decide="def decide(probabilities, threshold):\n    while True: pass"),
    )
    stubborn = "import signal\n\ndef linear_head(features, weight, bias):\n"
    stubborn += "    signal.signal(signal.SIGINT, signal.SIG_IGN)\n    while True: pass"
    give("ignores interrupts", notebook(linear_head=stubborn))
    killed = "def cross_entropy(logits, labels):\n    import os\n    os._exit(1)"
    give("killed kernel", notebook(cross_entropy=killed))
    give("deleted test", without(notebook(softmax=NAIVE), "softmax_test_large", "text_02"))
    twice = notebook()
    twice.cells.append(new_code_cell(NAIVE, metadata=cell(twice, "softmax").metadata))
    give("duplicated id", twice)
    old = notebook()
    for own in old.cells:
        own.metadata.nbgrader.schema_version = 1
        del own.metadata.nbgrader["cell_type"]
    give("old schema", old)
    changed = notebook(softmax=NAIVE)
    cell(changed, "softmax_test_large").source = "pass"
    cell(changed, "softmax_test_large").metadata.nbgrader.points = 100
    give("changed test", changed)
    skipped = notebook(softmax=NAIVE)
    for own in skipped.cells:
        own.metadata["tags"] = ["skip-execution", "raises-exception"]
    give("skip-execution", skipped)
    flood = "for _ in range(100):\n    print('x' * 1_000_000)\n"
    give("100 MB of output", notebook(linear_head=flood + cell(notebook(), "linear_head").source))
    noisy = "import sys, warnings\n\ndef softmax(logits):\n    warnings.warn('slow')\n"
    noisy += "    print('hello', file=sys.stderr)\n"
    noisy += "    e = np.exp(logits - logits.max(axis=1)[:, None])\n"
    give("warns on stderr", notebook(softmax=noisy + "    return e / e.sum(axis=1)[:, None]"))
    helped = notebook(softmax="def softmax(logits):\n    return rows(logits)")
    own_cell = new_code_cell(
        "import os\n\nprint('cache:', os.environ['COURSE_CACHE'])\n\ndef rows(z):\n"
        "    e = np.exp(z - z.max(axis=1)[:, None])\n    return e / e.sum(axis=1)[:, None]"
    )
    helped.cells.insert(helped.cells.index(cell(helped, "softmax")), own_cell)
    give("a cell of their own", helped)
    foreign = notebook()
    foreign.cells.append(new_code_cell("1 / 0", metadata={"nbgrader": {
        "grade_id": "bonus", "grade": True, "solution": False, "locked": True, "points": 50,
        "schema_version": 3, "task": False, "cell_type": "code"}}))  # fmt: skip
    give("a foreign grade id", foreign)

    give("corrupt", notebook()).write_text('{"cells": [', encoding="utf-8")
    give("no notebook format", notebook()).write_text('["not", "a", "notebook"]', encoding="utf-8")
    give("empty", notebook()).write_text("", encoding="utf-8")
    renamed = give("renamed", notebook())
    renamed.rename(renamed.with_name("softmax final (2).ipynb"))
    give("only a text", notebook()).rename(submitted / "only a text" / NAME / "answers.txt")
    (submitted / "missing").mkdir()

    shadowed = give("shadowing files", notebook(softmax=NAIVE)).parent
    (shadowed / "numpy.py").write_text(FAKE_NUMPY, encoding="utf-8")
    (shadowed / "conftest.py").write_text("raise SystemExit\n", encoding="utf-8")
    (shadowed / "utils").mkdir()
    (shadowed / "utils" / "checks.py").write_text(
        "expect_close = expect_equal = print\n", encoding="utf-8"
    )
    linked = give("links", notebook(softmax=NAIVE)).parent
    (linked / "numpy.py").symlink_to(shadowed / "numpy.py")
    (linked / "marks.db").symlink_to(submitted.parent / "gradebook.db")
    stolen = submitted / "a link for a notebook" / NAME
    stolen.mkdir(parents=True)
    (stolen / f"{NAME}.ipynb").symlink_to(exercises.SOLUTIONS / NAME / f"{NAME}.ipynb")
    marked = notebook(decide="### BEGIN HIDDEN TESTS\n" + cell(notebook(), "decide").source)
    give("nbgrader's own marks", marked)
    give("bad timestamp", notebook()).with_name("timestamp.txt").write_text(
        "yesterday, about ten", encoding="utf-8"
    )


# student -> the cells that lose their points, and what the table says about the file
HALF = ["linear_head_test"]
LATER = [*HALF, "cross_entropy_test", "cross_entropy_test_large", "decide_test", "decide_test_edge"]
NOTHING_HANDED_IN = list(FULL)
ROWS = {
    "right": ([], ""),
    "wrong": (["softmax_test_large"], ""),
    "Zoë de la Cruz": ([], ""),
    "syntax error": (HALF, ""),
    "SystemExit": (HALF, ""),
    "infinite loop": (["decide_test", "decide_test_edge"], "took too long"),
    "ignores interrupts": (LATER, "ignored interrupts"),
    "killed kernel": (LATER[1:], "the kernel died"),
    "deleted test": (["softmax_test_large"], "missing, put back: text_02, softmax_test_large"),
    "duplicated id": ([], "softmax stood there twice"),
    "old schema": ([], "another version of nbgrader"),
    "changed test": (["softmax_test_large"], "changed, put back: softmax_test_large"),
    "skip-execution": (["softmax_test_large"], "tags dropped: raises-exception, skip-execution"),
    "100 MB of output": ([], ""),
    "warns on stderr": ([], ""),
    "a cell of their own": ([], ""),
    "a foreign grade id": ([], "bonus isn't a cell of this exercise"),
    "corrupt": (NOTHING_HANDED_IN, "can't be read (not a notebook)"),
    "no notebook format": (NOTHING_HANDED_IN, "can't be read (not a notebook)"),
    "empty": (NOTHING_HANDED_IN, "an empty file"),
    "renamed": ([], "was named softmax final (2).ipynb"),
    "only a text": (NOTHING_HANDED_IN, "left out: answers.txt; no notebook was handed in"),
    "missing": (NOTHING_HANDED_IN, "nothing was handed in"),
    "shadowing files": (["softmax_test_large"], "left out: conftest.py, numpy.py, utils"),
    "links": (["softmax_test_large"], "left out: marks.db (a link), numpy.py (a link)"),
    "a link for a notebook": (NOTHING_HANDED_IN, "(a link); no notebook was handed in"),
    "nbgrader's own marks": ([], ""),
    "bad timestamp": ([], ""),
}


@pytest.fixture(scope="module")
def class_folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A grading folder with all these submissions."""
    folder = tmp_path_factory.mktemp("grading")
    submissions(folder / "submitted")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("COURSE_GRADING", str(folder))
        yield folder


@pytest.fixture(scope="module")
def graded(class_folder: Path) -> dict[str, dict]:
    """What `course grade --json` says of each student."""
    command = ["grade", NAME, "--seconds", str(SECONDS), "--json"]
    result = CliRunner().invoke(app, command, catch_exceptions=False)
    return {own["student"]: own for own in json.loads(result.stdout)["students"]}


@pytest.mark.parametrize("student", ROWS)
def test_each_submission_gets_what_it_deserves(student: str, graded: dict[str, dict]) -> None:
    lost, note = ROWS[student]
    expected = {name: 0 if name in lost else points for name, points in FULL.items()}
    assert graded[student]["cells"] == expected
    assert graded[student]["score"] == sum(expected.values())
    assert note in "; ".join(graded[student]["notes"])
    if not note:
        assert graded[student]["notes"] == []


def test_nobody_is_left_out(graded: dict[str, dict]) -> None:
    assert sorted(graded) == sorted(ROWS)


def feedback(folder: Path, student: str) -> str:
    return (folder / "feedback" / student / NAME / f"{NAME}.html").read_text(encoding="utf-8")


@pytest.mark.usefixtures("graded")
def test_feedback_says_what_failed_without_hidden_tests(class_folder: Path) -> None:
    page = feedback(class_folder, "wrong")
    assert "logits of 1000: expected" in page
    source = (exercises.SOLUTIONS / NAME / f"{NAME}.ipynb").read_text(encoding="utf-8")
    assert "1000 beside -1000" in source
    assert "1000 beside -1000" not in page
    assert "HIDDEN TESTS" not in page
    assert "Traceback (most recent call last)" not in page


@pytest.mark.usefixtures("graded")
def test_feedback_tells_what_was_wrong_with_the_file(class_folder: Path) -> None:
    assert "About your file" in feedback(class_folder, "empty")
    assert "nothing was handed in" in feedback(class_folder, "missing")


@pytest.mark.usefixtures("graded")
def test_outputs_are_cut_and_foreign_files_stay_behind(class_folder: Path) -> None:
    folder = class_folder / "autograded" / "100 MB of output" / NAME
    assert sum(file.stat().st_size for file in folder.iterdir()) < 2_000_000
    assert "more output than is kept" in feedback(class_folder, "100 MB of output")
    for step in ("rebuilt", "autograded", "feedback"):
        for student in ("links", "shadowing files"):
            names = {file.name for file in (class_folder / step / student / NAME).rglob("*")}
            assert names <= {f"{NAME}.ipynb", f"{NAME}.html"}


@pytest.mark.usefixtures("graded")
def test_the_submissions_themselves_stay_as_they_came(class_folder: Path) -> None:
    kept = class_folder / "submitted" / "wrong" / NAME / f"{NAME}.ipynb"
    assert kept.read_text(encoding="utf-8") == nbformat.writes(notebook(softmax=NAIVE))


@pytest.mark.usefixtures("graded")
def test_grades_are_listed_and_exported(class_folder: Path, tmp_path: Path) -> None:
    file = tmp_path / "grades.csv"
    result = CliRunner().invoke(app, ["grades", "--csv", str(file)], catch_exceptions=False)
    assert "Zoë de la Cruz" in result.stdout
    as_json = CliRunner().invoke(app, ["grades", "--json"], catch_exceptions=False).stdout
    assert json.loads(as_json)["students"]["Zoë de la Cruz"] == {NAME: 10}
    rows = {row["student_id"]: row for row in csv.DictReader(file.open(encoding="utf-8"))}
    assert float(rows["wrong"]["score"]) == 9
    assert float(rows["missing"]["max_score"]) == 10


def test_a_resubmission_replaces_the_old_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COURSE_GRADING", str(tmp_path))
    submitted = tmp_path / "submitted"
    hand_in(NAME, "Ada", notebook(), submitted)
    assert grading.grade(ClassFolder.chosen(), NAME)[0].score == 10
    assert "logits of 1000" not in feedback(tmp_path, "Ada")
    # worse, without a timestamp, and with the test cell deleted that it would lose
    hand_in(NAME, "Ada", without(notebook(softmax=NAIVE), "softmax_test_large"), submitted)
    assert grading.grade(ClassFolder.chosen(), NAME)[0].score == 9
    assert "logits of 1000" in feedback(tmp_path, "Ada")


def test_marks_given_by_hand_stay_until_another_notebook_comes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COURSE_GRADING", str(tmp_path))
    name = "ex09_choose_a_backbone"

    def answered(text: str) -> NotebookNode:
        return submission_of(name, SampleAnswer("made for a test", {"justify": text}))

    hand_in(name, "Ada", answered("Lite0, since it is “quick”, François."), tmp_path / "submitted")
    first = grading.grade(ClassFolder.chosen(), name)[0]
    assert (first.score, first.pending_points, first.cells["justify"]) == (8, 2, None)
    with Gradebook(ClassFolder.chosen().gradebook_url, exercises.COURSE) as gradebook:
        mark = gradebook.find_grade("justify", name, name, "Ada")
        mark.manual_score = 1.5
        gradebook.db.commit()
    again = grading.grade(ClassFolder.chosen(), name)[0]
    assert (again.score, again.pending_points) == (9.5, 0)
    hand_in(name, "Ada", answered("VGG, since it is large."), tmp_path / "submitted")
    last = grading.grade(ClassFolder.chosen(), name)[0]
    assert (last.score, last.pending_points, last.cells["justify"]) == (8, 2, None)


def test_an_answer_that_was_left_blank_needs_nobody(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COURSE_GRADING", str(tmp_path))
    name = "ex09_choose_a_backbone"
    blank = exercises.read_notebook(exercises.EXERCISES / name / f"{name}.ipynb")
    hand_in(name, "Ada", blank, tmp_path / "submitted")
    graded = grading.grade(ClassFolder.chosen(), name)[0]
    assert (graded.score, graded.pending_points) == (0, 0)


VALUES = {
    "a float": ("1.5", 1.5),
    "a number of NumPy": ("np.float64(0.5)", 0.5),
    "a whole number": ("np.int64(1)", 1),
    "not a number": ("float('nan')", 0),
    "False": ("1 > 2", 0),
    "False of NumPy": ("np.bool_(False)", 0),
    "True": ("2 > 1", 2),
    "negative": ("-3.0", 0),
    "too many points": ("100", 2),
    "a text": ("'well done'", 2),
    "a text with nan in it": ("'banana finance'", 2),
    "a text with False in it": ("['not False']", 2),
    "False of torch": ("__import__('torch').tensor(False)", 0),
    "nan of NumPy": ("np.float64('nan')", 0),
    "nothing": ("None", 2),
}


@pytest.fixture(scope="module")
def odd_values(tmp_path_factory: pytest.TempPathFactory) -> dict[str, float | None]:
    """Scores of an assignment whose test cells end in these values."""
    folder = tmp_path_factory.mktemp("course")

    def marked(name: str, source: str, **more: object) -> NotebookNode:
        settings = {"schema_version": 3, "task": False, "cell_type": "code", "grade_id": name}
        return new_code_cell(source, metadata={"nbgrader": settings | more}, id=name)

    test = {"grade": True, "solution": False, "locked": True, "points": 2}
    flood = "import numpy as np\nprint('x' * 2_000_000)"  # more than is kept
    cells = [marked("own", f"### BEGIN SOLUTION\n{flood}\n### END SOLUTION",
                    grade=False, solution=True, locked=False)]  # fmt: skip
    names = {f"value-{n}": name for n, name in enumerate(VALUES)}
    cells += [marked(n, VALUES[name][0], **test) for n, name in names.items()]
    source = folder / "solutions" / "ex99_values"
    source.mkdir(parents=True)
    nbformat.write(new_notebook(cells=[new_markdown_cell("# Odd", id="t"), *cells]),
                   source / "ex99_values.ipynb")  # fmt: skip
    solution = nbformat.read(source / "ex99_values.ipynb", 4)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(exercises, "SOLUTIONS", source.parent)
        patch.setenv("COURSE_GRADING", str(folder / "grading"))
        hand_in("ex99_values", "Ada", solution, folder / "grading" / "submitted")
        scores = grading.grade(ClassFolder.chosen(), "ex99_values")[0].cells
    return {name: scores[n] for n, name in names.items()}


@pytest.mark.parametrize("value", VALUES)
def test_the_last_value_of_a_test_cell_is_never_misread(
    value: str, odd_values: dict[str, float | None]
) -> None:
    assert odd_values[value] == VALUES[value][1]


def test_a_killed_run_started_again_ends_with_the_same_grades(tmp_path: Path) -> None:
    for n, cells in enumerate(({}, {"softmax": NAIVE}, {"decide": "pass"}, {})):
        hand_in(NAME, f"student {n}", notebook(**cells), tmp_path / "submitted")
    environment = {**os.environ, "COURSE_GRADING": str(tmp_path)}
    command = [sys.executable, "-c", "from utils.cli import main; main()", "grade", NAME, "--json"]
    with subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
        start_new_session=True,
    ) as killed:  # fmt: skip
        waited = time.monotonic() + 120
        while not (tmp_path / "autograded" / "student 1").exists() and time.monotonic() < waited:
            time.sleep(0.1)
        os.killpg(killed.pid, signal.SIGKILL)
    assert not (tmp_path / "feedback" / "student 3").exists()
    again = subprocess.run(
        command, env=environment, capture_output=True, encoding="utf-8", check=True
    )
    scores = [own["score"] for own in json.loads(again.stdout)["students"]]
    assert scores == [10, 9, 8, 10]


def test_a_zip_or_folder_of_notebooks_is_collected(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COURSE_GRADING", str(tmp_path / "grading"))
    inbox = tmp_path / "inbox"
    (inbox / "Grace Hopper" / NAME).mkdir(parents=True)
    nbformat.write(notebook(), inbox / "Ada Lovelace.ipynb")
    nbformat.write(notebook(softmax=NAIVE), inbox / "Grace Hopper" / NAME / f"{NAME}.ipynb")
    other = exercises.read_notebook(exercises.EXERCISES / "ex10_final_test/ex10_final_test.ipynb")
    nbformat.write(other, inbox / "Grace Hopper" / "ex10_final_test.ipynb")
    (inbox / "__MACOSX").mkdir()
    (inbox / "__MACOSX" / "._Ada Lovelace.ipynb").write_text("not for anybody", encoding="utf-8")
    packed = shutil.make_archive(str(tmp_path / "class"), "zip", inbox)
    for source in (str(inbox), packed):
        command = ["grade", NAME, "--submissions", source, "--json"]
        result = CliRunner().invoke(app, command, catch_exceptions=False)
        scores = {own["student"]: own["score"] for own in json.loads(result.stdout)["students"]}
        assert scores == {"Ada Lovelace": 10, "Grace Hopper": 9}


@pytest.fixture
def course(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., str]:
    """What the command says to bad input, on one line."""

    def run(*arguments: object) -> str:
        monkeypatch.setattr(sys, "argv", ["course", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            main()
        assert ended.value.code == 2
        return " ".join(capsys.readouterr().err.split())

    return run


def test_bad_input_gets_one_sentence(
    course: Callable[..., str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COURSE_GRADING", str(tmp_path / "grading"))
    assert "did you mean ex03_softmax_head" in course("grade", "ex03_softmax")
    assert "There are no submissions" in course("grade", NAME)
    assert "isn't there" in course("grade", NAME, "--submissions", tmp_path / "nowhere")
    assert "Nothing was graded yet" in course("grades")
    text = tmp_path / "essay.txt"
    text.write_text("My answers", encoding="utf-8")
    assert "neither a folder nor a zip" in course("grade", NAME, "--submissions", text)
    (tmp_path / "only texts").mkdir()
    shutil.copy(text, tmp_path / "only texts")
    assert "holds no notebook" in course("grade", NAME, "--submissions", tmp_path / "only texts")
    damaged = tmp_path / "damaged.zip"
    with zipfile.ZipFile(damaged, "w") as archive:
        archive.writestr("Ada.ipynb", nbformat.writes(notebook()))
    damaged.write_bytes(damaged.read_bytes().replace(b"softmax", b"hardmax", 1))
    assert "can't be unpacked" in course("grade", NAME, "--submissions", damaged)
    for compression in (zipfile.ZIP_LZMA, zipfile.ZIP_DEFLATED):
        with zipfile.ZipFile(damaged, "w", compression) as archive:
            archive.writestr("Ada.ipynb", nbformat.writes(notebook()))
        content = bytearray(damaged.read_bytes())
        content[60:90] = bytes(30)
        damaged.write_bytes(content)
        assert "can't be unpacked" in course("grade", NAME, "--submissions", damaged)
    monkeypatch.setattr(collecting, "LARGEST_ZIP", 1000)
    with zipfile.ZipFile(damaged, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in ("Ada", "Grace"):
            archive.writestr(f"{name}.ipynb", " " * 900)
    assert "would unpack to more than" in course("grade", NAME, "--submissions", damaged)
    escaping = tmp_path / "escaping.zip"
    with zipfile.ZipFile(escaping, "w") as archive:
        archive.writestr("../../Ada.ipynb", nbformat.writes(notebook()))
    assert "leads out of it" in course("grade", NAME, "--submissions", escaping)
    hand_in(NAME, "Ada", notebook(), tmp_path / "grading" / "submitted")
    assert "'Adam' has handed in nothing" in course("grade", NAME, "--student", "Adam")


def test_a_folder_that_cannot_be_written_is_told(
    course: Callable[..., str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COURSE_GRADING", str(tmp_path))
    hand_in(NAME, "Ada", notebook(), tmp_path / "submitted")
    (tmp_path / "released").write_text("a file where a folder has to be", encoding="utf-8")
    assert "can't be written" in course("grade", NAME)


def test_a_name_that_nbgrader_cannot_take_stops_nobody_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COURSE_GRADING", str(tmp_path))
    for student in ("Ada [2]", "Grace"):
        hand_in(NAME, student, notebook(), tmp_path / "submitted")
    ada, grace = grading.grade(ClassFolder.chosen(), NAME)
    assert (ada.score, grace.score) == (None, 10)
    assert "rename the student's folder" in ada.notes[-1]


def test_plain_nbgrader_works_on_the_same_folders(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COURSE_GRADING", str(tmp_path))
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}:{os.environ['PATH']}")
    hand_in(NAME, "Ada", notebook(softmax=NAIVE), tmp_path / "submitted")
    exercises.generate([NAME], tmp_path / "released", ClassFolder.chosen().gradebook_url)
    for step in ("autograde", "generate_feedback"):
        run = subprocess.run(
            [sys.executable, "-m", "nbgrader", step, NAME],
            cwd=exercises.PROJECT, capture_output=True, encoding="utf-8", check=False,
        )  # fmt: skip
        assert run.returncode == 0, run.stderr
    names, rows = grading.all_grades(ClassFolder.chosen())
    assert (names, rows) == ([NAME], {"Ada": {NAME: 9}})
    assert "HIDDEN TESTS" not in feedback(tmp_path, "Ada")


def test_a_changed_set_of_cells_is_told_when_marks_exist(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COURSE_GRADING", str(tmp_path / "grading"))
    hand_in(NAME, "Ada", notebook(), tmp_path / "grading" / "submitted")
    grading.grade(ClassFolder.chosen(), NAME)
    shutil.copytree(exercises.SOLUTIONS, tmp_path / "solutions")
    file = tmp_path / "solutions" / NAME / f"{NAME}.ipynb"
    fewer = without(exercises.read_notebook(file), "decide_test_edge")
    nbformat.write(fewer, file)
    monkeypatch.setattr(exercises, "SOLUTIONS", tmp_path / "solutions")
    with pytest.raises(CourseError, match="Cannot add or remove cells"):
        grading.grade(ClassFolder.chosen(), NAME)


def test_grading_needs_the_solutions(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(exercises, "SOLUTIONS", tmp_path / "solutions")
    with pytest.raises(CourseError, match="not a student's copy"):
        grading.grade(ClassFolder.chosen(), NAME)


@pytest.mark.usefixtures("graded")
def test_grading_has_a_feature_cache_of_its_own(class_folder: Path) -> None:
    assert f"cache: {class_folder / 'cache'}" in feedback(class_folder, "a cell of their own")


def test_a_report_counts_and_names_what_came_out_otherwise(
    course: Callable[..., str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    outcomes = [
        answers.Outcome(answers.SOLUTION, answers.SOLUTION, (), ()),
        answers.Outcome("wrong", "no max-subtraction", ("softmax_test",), ("softmax_test",)),
        answers.Outcome("wrong", "bias forgotten", ("linear_head_test",), ()),
        answers.Outcome("right", "in a loop", (), ()),
    ]
    monkeypatch.setattr(answers, "check_all", lambda _jobs, _progress: {NAME: outcomes})
    complaint = course("exercises", "--report")
    assert "bias forgotten: fails nothing, and should fail linear_head_test" in complaint
    monkeypatch.setattr(answers, "check_all", lambda _jobs, _progress: {NAME: outcomes[:2]})
    result = CliRunner().invoke(app, ["exercises", "--report"], catch_exceptions=False)
    assert "1 of 1" in result.stdout
    assert "1 wrong answers caught" in result.stdout
