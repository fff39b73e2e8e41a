"""The live page: networks, photos, code and scripts, put together in one folder."""

import csv
import json
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from utils.errors import CourseError
from utils.files import read_text, write_file
from utils.images import PHOTOS, sample_photo
from utils.lessons import code_cells, find_lessons, read_notebook
from utils.models import IMAGENET_CLASSES
from utils.settings import PROJECT
from utils.site.config import SITE
from utils.site.networks import kept_networks

PAGE = SITE / "live"
RUNTIME = SITE / "node_modules" / "onnxruntime-web" / "dist"
WASM = RUNTIME / "ort-wasm-simd-threaded.wasm"
WEBGPU_WASM = RUNTIME / "ort-wasm-simd-threaded.asyncify.wasm"
THINGS = PROJECT / "data" / "things"
A_CLASS = 8  # pictures of each class of data/things that the page offers
CODE = (
    "data-flow",
    "features",
    "prediction",
    "activation-map",
    "occlusion",
    "training",
    "families",
)
WHAT_ONE_SEES = {
    "chelsea": "the face of a tabby cat",
    "coffee": "a cup of espresso on a saucer",
    "rocket": "a rocket on its launch pad",
    "astronaut": "an astronaut in an orange suit",
    "china": "a Chinese palace among trees",
    "flower": "a large orange dahlia",
}


def build_live(folder: Path, home: str = "../index.html") -> None:
    """Write the live page into a folder, with everything that it fetches.

    Args:
        folder: emptied of nothing: files that are up to date stay.
        home: the address of the site's first page, seen from this one.

    Raises:
        CourseError: the scripts' packages aren't installed, or no lesson has a cell that is shown.
    """
    folder = folder.resolve()  # the bundler runs elsewhere
    _bundle(folder)
    said = kept_networks(folder)
    data = {
        "networks": said["networks"],
        "classes": IMAGENET_CLASSES,
        "photos": _photos(folder),
        "things": _things(folder),
    }
    page = _templates().get_template("live.html")
    code = {name: lesson_code(f"live-{name}") for name in CODE}
    softmax = read_text(PAGE / "softmax.js")
    embedded = json.dumps(data, ensure_ascii=False).replace("</", "<\\/")
    text = page.render(home=home, code=code, softmax=softmax, data=embedded, said=said)
    write_file(folder / "index.html", text)


def lesson_code(tag: str) -> dict[str, str]:
    """The code of the cells that bear a tag, and the name of the lesson they stand in.

    Raises:
        CourseError: no cell has it.
    """
    for lesson in find_lessons():
        cells = code_cells(read_notebook(lesson))
        tagged = [cell.source for cell in cells if tag in cell.metadata.get("tags", ())]
        if tagged:
            return {"lesson": lesson.stem, "code": "\n\n".join(tagged)}
    raise CourseError(f"No cell of a lesson has the tag {tag}: give it to the one that is meant.")


def _templates() -> Environment:
    loader = FileSystemLoader(PAGE)
    return Environment(loader=loader, autoescape=True, undefined=StrictUndefined)


def _bundle(folder: Path) -> None:
    """Bundle the page's scripts and copy what they fetch."""
    if not WASM.exists():
        raise CourseError("The site's packages are missing: run `npm ci` in site/.")
    esbuild = [str(SITE / "node_modules" / ".bin" / "esbuild"), "--bundle", "--minify"]
    _run([*esbuild, "--format=iife", str(PAGE / "main.js"), f"--outfile={folder / 'live.js'}"])
    for script in ("worker.js", "webgpu.js"):
        _run([*esbuild, "--format=esm", str(PAGE / script), f"--outfile={folder / script}"])
    _copy(PAGE / "live.css", folder / "live.css")
    for wasm in (WASM, WEBGPU_WASM):
        _copy(wasm, folder / wasm.name)


def _run(command: Sequence[str]) -> None:
    done = subprocess.run(
        [*command, "--target=es2022", "--log-level=warning"],
        cwd=SITE,
        capture_output=True,
        text=True,
        encoding="utf-8",
    )
    if done.returncode:
        raise CourseError(f"The page's scripts can't be bundled: {done.stderr.strip()}")


def _copy(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, target)


def _photos(folder: Path) -> list[dict[str, str]]:
    photos = []
    for name in PHOTOS:
        file = sample_photo(name)
        _copy(file, folder / "photos" / file.name)
        photos.append({"file": f"photos/{file.name}", "name": name, "alt": WHAT_ONE_SEES[name]})
    return photos


def _things(folder: Path) -> list[dict[str, object]]:
    """Some training pictures of each class of data/things, each of another object."""
    rows = csv.DictReader(read_text(THINGS / "sources.csv").splitlines())
    chosen: dict[str, dict[str, str]] = {}
    for row in rows:
        part, name, _ = row["file"].split("/")
        files = chosen.setdefault(name, {})
        if part == "train" and len(files) < A_CLASS:
            files.setdefault(row["original"], row["file"])
    for file in (file for files in chosen.values() for file in files.values()):
        _copy(THINGS / file, folder / "things" / file)
    for name in ("COPYING", "README.md", "sources.csv"):  # their licence asks for it
        _copy(THINGS / name, folder / "things" / name)
    return [
        {"name": name, "files": [f"things/{file}" for file in files.values()]}
        for name, files in chosen.items()
    ]
