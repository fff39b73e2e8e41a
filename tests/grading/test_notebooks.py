"""A notebook is read whatever editor saved it, in whatever encoding."""

import copy
from collections.abc import Callable
from pathlib import Path

import pytest
from handed_in import FULL_WORK, SKELETON, Made, answers, made, read, stripped
from inboxes import CASES, FULL


def test_half_an_emoji_stops_nobody(tmp_path: Path) -> None:
    for file in (CASES / "18" / "inbox").iterdir():
        submission = read(tmp_path / file.stem, file.read_bytes())
        assert answers(submission)["decide"] == FULL_WORK["decide"]
        assert answers(submission)["softmax"].endswith(FULL_WORK["softmax"])


def worksheets(own: Made) -> Made:
    for cell in own["cells"]:
        if cell["cell_type"] == "code":
            cell["input"] = cell.pop("source")
            cell["prompt_number"] = cell.pop("execution_count")
            cell["language"] = "python"
        elif cell["source"][0].startswith("## "):
            cell |= {"cell_type": "heading", "level": 2}
        del cell["id"]
    return {
        "metadata": {"name": ""}, "nbformat": 3, "nbformat_minor": 0,
        "worksheets": [{"cells": own["cells"], "metadata": {}}],
    }  # fmt: skip


def change(**keys: object) -> Callable[[Made], Made]:
    def changed(own: Made) -> Made:
        for cell in own["cells"]:
            cell |= copy.deepcopy(keys)
        return own

    return changed


def drop(*keys: str) -> Callable[[Made], Made]:
    def dropped(own: Made) -> Made:
        for key in keys:
            own.pop(key, None)
            for cell in own["cells"]:
                cell.pop(key, None)
        return own

    return dropped


def one_text(own: Made) -> Made:
    for cell in own["cells"]:
        cell["source"] = "".join(cell["source"])
    return own


def windows_lines(own: Made) -> Made:
    for cell in own["cells"]:
        cell["source"] = "".join(cell["source"]).replace("\n", "\r\n")
    return own


def not_a_number(own: Made) -> Made:
    for cell in own["cells"]:
        cell["outputs"] = [{"output_type": "display_data", "data": {"x": float("nan")}}]
    return own


def odd_cells(own: Made) -> Made:
    own["cells"] = [None, "a text", 7, {}, [], {"cell_type": None}, *own["cells"]]
    return own


def databricks(own: Made) -> Made:
    for number, cell in enumerate(own["cells"]):
        shown = {"cellMetadata": {}, "inputWidgets": {}, "nuid": str(number), "title": ""}
        cell["metadata"] = {"application/vnd.databricks.v1+cell": shown}
        cell.pop("id")
    own["metadata"] = {"application/vnd.databricks.v1+notebook": {"language": "python"}}
    return own | {"nbformat_minor": 0}


def kaggle(own: Made) -> Made:
    for number, cell in enumerate(own["cells"]):
        cell["metadata"] = {"_uuid": str(number), "_cell_guid": str(number), "trusted": True}
        cell.pop("id")
    return own


def vs_code(own: Made) -> Made:
    for number, cell in enumerate(own["cells"]):
        cell["metadata"]["vscode"] = {"languageId": "python"}
        cell["id"] = f"{number:08x}"
    return own


def new_ids(own: Made) -> Made:
    for number, cell in enumerate(stripped(own)["cells"]):
        cell["id"] = f"{number:08x}"
    return own


def shifted_ids(own: Made) -> Made:
    """Other cells' ids: an editor numbered them anew out of the old ones."""
    ids = [cell["id"] for cell in own["cells"]]
    for cell, name in zip(stripped(own)["cells"], [*ids[1:], ids[0]], strict=True):
        cell["id"] = name
    return own


def another_kernel(own: Made) -> Made:
    own["metadata"] = {"kernelspec": {"name": "julia-1.9", "language": "julia"}, "widgets": 1}
    return own


def loose_tests(own: Made) -> Made:
    """The tests and texts were deleted; only the answers are left."""
    own["cells"] = [c for c in stripped(own)["cells"] if "".join(c["source"]).startswith("def ")]
    return own


EDITORS: dict[str, Callable[[Made], Made]] = {
    "nbformat 3": worksheets, "each source one text": one_text, "Windows lines": windows_lines,
    "not a number": not_a_number, "odd cells": odd_cells, "Databricks": databricks,
    "Kaggle": kaggle, "VS Code": vs_code, "new ids": new_ids, "ids of others": shifted_ids,
    "another kernel": another_kernel, "answers alone": loose_tests,
    "no metadata at all": drop("metadata", "id"), "no nbformat": drop("nbformat", "nbformat_minor"),
    "metadata null": change(metadata=None), "metadata a list": change(metadata=[1], id=None),
    "nbgrader null": change(metadata={"nbgrader": None}),
    "grade_id a list": change(metadata={"nbgrader": {"grade_id": ["softmax"]}}),
    "ids that are no text": change(id=3), "tags that are no list": lambda own: (
        [cell["metadata"].update(tags=5) for cell in own["cells"]] and own),
    "cell types lost": lambda own: [cell.pop("cell_type") for cell in own["cells"]] and own,
    "outputs lost": drop("outputs", "execution_count"),
}  # fmt: skip


@pytest.mark.parametrize("editor", EDITORS)
def test_full_work_stays_full_work_whoever_saved_it(editor: str, tmp_path: Path) -> None:
    submission = read(tmp_path, EDITORS[editor](made()))
    assert answers(submission) == FULL_WORK
    assert submission.ungraded is None
    assert submission.notebook.metadata == SKELETON.metadata


ENCODINGS = {
    "byte order mark": b"\xef\xbb\xbf" + FULL,
    "UTF-16": FULL.decode().encode("utf-16"),
    "UTF-16 without a mark": FULL.decode().encode("utf-16-le"),
    "UTF-32": FULL.decode().encode("utf-32"),
    "Windows-1252": FULL.decode().encode("cp1252", "replace"),
    "NULs after the end": FULL + bytes(4096),
    "blank lines around": b"\n\n " + FULL + b"\r\n\r\n",
    "control characters": FULL.replace(b"import numpy", b"\x01import numpy"),
}


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_any_encoding_is_read(encoding: str, tmp_path: Path) -> None:
    assert answers(read(tmp_path, ENCODINGS[encoding])) == FULL_WORK


def test_characters_that_are_none_do_no_harm(tmp_path: Path) -> None:
    own = made()
    own["metadata"]["title"] = "\ud83d"
    for cell in own["cells"]:
        cell["source"] = ["\ufeff", *cell["source"], "\n# \udc00\x00\ud83d\ude00"]
        cell["attachments"] = {"\ud83d.png": {"image/png": "\ud83d"}, "x": {"text/html": "<b>"}}
        cell["metadata"]["tags"] = ["\ud83d", 7]
    submission = read(tmp_path, own)
    for name, text in answers(submission).items():
        assert text == f"{FULL_WORK[name]}\n# \ufffd😀"
