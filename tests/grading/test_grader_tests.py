"""The graders' own tests."""

import csv
import json
from pathlib import Path

import pytest
from class_of_students import NAME
from typer.testing import CliRunner

from utils.cli import app


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
