"""Lessons with the official weights in torch's cache: they run, and no text contradicts them.

The real files are 650 MB, so small files with the right names, tensors and shapes stand in, and
the registry of hashes is told theirs.
"""

import re
from pathlib import Path

import nbformat
import pytest
import torch
from nbclient import NotebookClient

from utils.files import sha256_of_file
from utils.lessons import LESSONS, code_cells, find_lessons, read_notebook
from utils.models import FAMILIES, MODELS, OFFLINE, TEXTBOOK

# Lesson 10 only reads kept results and counts; lesson 14 ships one model by its name.
WITH_A_BACKBONE = [file.stem for file in find_lessons() if file.stem[:2] not in ("10", "14")]
FEWER = 40  # photos, where a lesson takes hundreds
# Smaller photos, fewer epochs and seeds: whether a lesson runs depends on none of them.
SHORTER = {
    "), 128)": "), 32)",
    ", 96)": ", 32)",
    "side = 96": "side = 32",
    "(64, 64)": "(32, 32)",
    "range(1, 6)": "range(1, 2)",
    "range(6, 9)": "range(6, 7)",
    ", 10, rate)": ", 1, rate)",
    "seeds = (0, 1, 2)": "seeds = (0,)",
}


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, str]]:
    """A torch cache with stand-ins for the three official files, and their hashes by name."""
    home = tmp_path_factory.mktemp("torch")
    folder = home / "hub" / "checkpoints"
    folder.mkdir(parents=True)
    hashes = {}
    for family in FAMILIES:
        spec = MODELS[TEXTBOOK[family]]
        file = folder / spec.enum.url.rsplit("/", 1)[-1]
        torch.save(stand_in(spec.build()), file)
        assert file.stat().st_size < 5_000_000
        hashes[file.name] = sha256_of_file(file)
    return home, hashes


def stand_in(model: torch.nn.Module) -> dict[str, torch.Tensor]:
    """A state of the same names and shapes, one number a row: expanded views take no room."""
    torch.manual_seed(0)
    return {name: row_by_row(name, tensor) for name, tensor in model.state_dict().items()}


def row_by_row(name: str, tensor: torch.Tensor) -> torch.Tensor:
    if tensor.ndim < 2:
        return torch.ones_like(tensor) if "bias" not in name else torch.zeros_like(tensor)
    rows = torch.randn(len(tensor), *[1] * (tensor.ndim - 1)) / tensor[0].numel()
    return (2 * rows).expand(tensor.shape)


def run_with_official_weights(
    name: str, registry: tuple[Path, dict[str, str]], monkeypatch: pytest.MonkeyPatch
) -> nbformat.NotebookNode:
    home, hashes = registry
    monkeypatch.setenv("TORCH_HOME", str(home))
    monkeypatch.setenv("COURSE_WEIGHTS", "imagenet")
    notebook = read_notebook(LESSONS / f"{name}.ipynb")
    # Minutes of training from random numbers, which no weights change.
    notebook.cells = [cell for cell in notebook.cells if "training_losses(" not in cell.source]
    for cell in code_cells(notebook):
        cell.source = re.sub(r"(limit\(.+?), \d+\)", rf"\1, {FEWER})", cell.source)
        for long, short in SHORTER.items():
            cell.source = cell.source.replace(long, short)
    told = f"import utils.weights\nutils.weights.published_hash = lambda f: {hashes}[f.name]"
    notebook.cells.insert(0, nbformat.v4.new_code_cell(told))
    resources = {"metadata": {"path": str(LESSONS)}}
    NotebookClient(notebook, timeout=300, kernel_name="python3", resources=resources).execute()
    return notebook


@pytest.mark.parametrize("name", WITH_A_BACKBONE)
def test_a_lesson_runs_with_official_weights(
    name: str, registry: tuple[Path, dict[str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    notebook = run_with_official_weights(name, registry, monkeypatch)
    shown = str([cell.outputs for cell in code_cells(notebook)])
    assert any(TEXTBOOK[family] in shown for family in FAMILIES)
    assert "weights/resnet18.safetensors" not in shown


@pytest.mark.parametrize("name", WITH_A_BACKBONE)
def test_the_prose_names_no_model_that_may_not_be_shown(name: str) -> None:
    prose = [
        c.source for c in read_notebook(LESSONS / f"{name}.ipynb").cells if c.cell_type != "code"
    ]
    text = re.sub(r"```.*?```|`course [^`]*`", "", "\n".join(prose), flags=re.DOTALL)
    assert [model for model in OFFLINE.values() if model in text] == []
