"""The lessons as they are stored: complete, readable, described, and true to their outputs.

That they still run and give the same is nbval's part (`make test`).
"""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from nbformat import NotebookNode

from utils.errors import CourseError
from utils.grading.assignments import assignment_names
from utils.learning.catalogue import counts
from utils.learning.items import lesson_items
from utils.learning.ways import Way
from utils.lessons import (
    IGNORED,
    LESSONS,
    code_cells,
    find_lessons,
    image_outputs,
    read_notebook,
    rhythm,
    run_lesson,
)
from utils.settings import PROJECT

NAMES = tuple(file.stem for file in find_lessons())
LARGEST_IMAGE = 200_000  # bytes as stored
NUMBER = re.compile(r"(?<![\w.\-/])\d+(?:,\d{3})*(?:\.\d+)?(?![\w\-])")
# Numbers in prose that no cell computes, each with the reason why it may stand there.
ALLOWED: dict[str, dict[str, str]] = json.loads(
    (Path(__file__).parent / "lesson_numbers.json").read_text(encoding="utf-8")
)


@pytest.fixture(params=NAMES)
def name(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture
def lesson(name: str) -> NotebookNode:
    return read_notebook(LESSONS / f"{name}.ipynb")


def prose(lesson: NotebookNode) -> str:
    return "\n\n".join(cell.source for cell in lesson.cells if cell.cell_type == "markdown")


def outputs(lesson: NotebookNode) -> Iterator[str]:
    """Every text that the cells show."""
    for cell in code_cells(lesson):
        for output in cell.outputs:
            yield output.get("text", "")
            data = output.get("data", {})
            yield from (str(data.get(kind, "")) for kind in ("text/plain", "text/markdown"))


def test_lessons_are_numbered_and_the_readme_lists_each() -> None:
    numbers = [int(name[:2]) for name in NAMES]
    assert numbers == list(range(numbers[0], numbers[0] + len(NAMES)))
    readme = (PROJECT / "README.md").read_text(encoding="utf-8")
    assert re.findall(r"\| \[\d+ .*\]\(lessons/(\w+)\.ipynb\)", readme) == list(NAMES)


def test_every_exercise_is_the_work_of_a_lesson() -> None:
    linked = set()
    for name in NAMES:
        last = read_notebook(LESSONS / f"{name}.ipynb").cells[-1].source
        linked |= set(re.findall(r"\]\(\.\./exercises/(\w+)/\1\.ipynb\)", last))
    assert linked == set(assignment_names())


def test_every_code_cell_was_run_and_none_failed(lesson: NotebookNode) -> None:
    counts = [cell.execution_count for cell in code_cells(lesson)]
    assert counts == list(range(1, len(counts) + 1))
    kinds = {output.output_type for cell in code_cells(lesson) for output in cell.outputs}
    assert "error" not in kinds
    streams = {o.name for c in code_cells(lesson) for o in c.outputs if o.output_type == "stream"}
    assert streams <= {"stdout"}


def test_few_cells_are_left_out_of_the_comparison_and_say_why(lesson: NotebookNode) -> None:
    cells = code_cells(lesson)
    left_out = [cell for cell in cells if IGNORED in cell.metadata.get("tags", ())]
    assert len(left_out) <= 0.15 * len(cells)
    for cell in left_out:
        assert re.match(r"# Not compared: .{15,}\.\n", cell.source), cell.source


def test_the_rhythm_is_that_of_a_lesson(lesson: NotebookNode) -> None:
    measured = rhythm(lesson)
    assert measured.median_lines <= 6
    assert measured.p90_lines <= 20
    assert measured.prose_per_code >= 1.2


def test_every_figure_is_described_twice_and_small(lesson: NotebookNode) -> None:
    cells = lesson.cells
    for position, cell in enumerate(cells):
        for _, output, kind in image_outputs([cell]):
            assert len(output.metadata[kind]["alt"]) > 40
            assert len(output.data[kind]) < LARGEST_IMAGE
            caption = cells[position + 1]
            assert caption.cell_type == "markdown"
            assert caption.source.startswith("*Figure: "), cell.source


def test_it_has_the_parts_of_a_lesson(name: str, lesson: NotebookNode) -> None:
    number, place, text = int(name[:2]), NAMES.index(name), prose(lesson)
    first = lesson.cells[0].source
    assert first.startswith(f"# {number}. ")
    promised = first.split("After this lesson you can", 1)[1]
    assert len(re.findall(r"^- ", promised, re.MULTILINE)) == 3
    for part in ("## The idea", "**Key insight.**", "## Three questions", "## What to try next"):
        assert text.count(part) == 1, part
    calls = [cell.source for cell in code_cells(lesson) if "show_quiz(" in cell.source]
    assert len(calls) == 1
    assert f'show_quiz("{name}")' in calls[0]
    for following in NAMES[place + 1 : place + 2]:
        assert f"]({following}.ipynb)" in text


def test_three_predictions_stand_before_the_cells_that_answer_them(
    name: str, lesson: NotebookNode
) -> None:
    cells = code_cells(lesson)
    asked = {p.id: p.cell for p in lesson_items(name).predictions if p.in_lesson}
    found = {}
    for position, cell in enumerate(cells):
        if shown := re.fullmatch(rf'show_predict\("{name}", "([\w-]+)"\)', cell.source):
            found[shown.group(1)] = cells[position + 1].id
    assert found == asked
    assert len(found) == 3


def test_its_end_names_the_other_ways_to_learn_it(name: str, lesson: NotebookNode) -> None:
    other = lesson.cells[-1].source.split("*Other ways to learn this lesson:*")[1]
    assert f"course learn {name[:2]}" in other
    assert ("Parsons problems" in other) == bool(counts()[name][Way.PARSONS])


def test_no_number_in_the_prose_that_nothing_computes(name: str, lesson: NotebookNode) -> None:
    shown = {number.replace(",", "") for text in outputs(lesson) for number in numbers_in(text)}
    allowed = ALLOWED["every lesson"] | ALLOWED.get(name, {})
    text = re.sub(
        r"`[^`]*`|\]\([^)]*\)|^#+ \d+\.|\[\d+\. |[Ll]essons? \d+",
        " ",
        prose(lesson),
        flags=re.MULTILINE,
    )
    told = {number.replace(",", "") for number in NUMBER.findall(text)}
    assert told - shown - allowed.keys() == set()


def numbers_in(text: str) -> list[str]:
    return re.findall(r"\d+(?:,\d{3})*(?:\.\d+)?", text)


def test_the_list_of_allowed_numbers_is_of_use() -> None:
    for name, reasons in ALLOWED.items():
        assert all(len(reason) > 5 for reason in reasons.values())
        if name in NAMES:
            text = prose(read_notebook(LESSONS / f"{name}.ipynb")).replace(",", "")
            assert [number for number in reasons if number not in text] == []


def test_an_unknown_lesson_is_named() -> None:
    with pytest.raises(CourseError, match="no lesson '77'"):
        find_lessons(["77"])
    with pytest.raises(CourseError, match="no lesson ''"):
        find_lessons([""])


def test_a_number_means_that_lesson_alone() -> None:
    assert [file.stem for file in find_lessons(["1"])] == ["01_input_image"]
    assert [file.stem[:2] for file in find_lessons(["11", "02", "5"])] == ["02", "05", "11"]


def small_lesson(folder: Path, source: str) -> Path:
    import nbformat

    cells = [nbformat.v4.new_code_cell("print(6 * 7)"), nbformat.v4.new_code_cell(source)]
    file = folder / "01_small.ipynb"
    nbformat.write(nbformat.v4.new_notebook(cells=cells), file)
    return file


def test_running_a_lesson_stores_its_outputs(tmp_path: Path) -> None:
    file = small_lesson(tmp_path, "import os; print(os.environ['COURSE_WEIGHTS'])")
    run = run_lesson(file)
    assert run.code_cells == 2
    assert [cell.outputs[0].text for cell in code_cells(read_notebook(file))] == [
        "42\n",
        "offline\n",
    ]


def test_a_lesson_that_fails_keeps_its_stored_outputs(tmp_path: Path) -> None:
    file = small_lesson(tmp_path, "1 / 0")
    before = file.read_bytes()
    with pytest.raises(CourseError, match="ZeroDivisionError"):
        run_lesson(file)
    assert file.read_bytes() == before


RESULTS = (
    "capstone",
    "data-curve",
    "model-table",
    "model-table-laptop",
    "scaling",
    "scaling-laptop",
)


@pytest.mark.parametrize("study", RESULTS)
def test_kept_results_say_where_they_come_from(study: str) -> None:
    content = json.loads((LESSONS / "results" / f"{study}.json").read_text(encoding="utf-8"))
    assert content["command"] == study.removesuffix("-laptop")
    assert content["minutes"] == pytest.approx(
        sum(row["seconds"] for row in content["rows"]) / 60, abs=0.1
    )
    assert "cores" in content["machine"]
    assert content["runtime"].startswith(("cpu", "cuda", "mps"))


def kept_rows(study: str) -> list[dict]:
    return json.loads((LESSONS / "results" / f"{study}.json").read_text(encoding="utf-8"))["rows"]


@pytest.mark.parametrize("kind", ["random", "by module"])
@pytest.mark.parametrize(("part", "splits"), [("frozen", 20), ("fine-tuned", 5)])
def test_the_capstone_holds_every_split(part: str, splits: int, kind: str) -> None:
    rows = [row for row in kept_rows("capstone") if (row["part"], row.get("kind")) == (part, kind)]
    assert [row["seed"] for row in rows] == list(range(splits))
    for row in rows[:5]:
        answers = [answers for way in row["defective"].values() for answers in way.values()]
        assert {len(found) for found in answers} == {row["n_test"]}


def test_the_data_curve_holds_every_way_on_every_split() -> None:
    rows = kept_rows("data-curve")
    ways = {(row["data"], row["strategy"], row["fraction"], row["seed"]) for row in rows}
    assert len(ways) == len(rows) == 2 * 3 * 3 * 5
