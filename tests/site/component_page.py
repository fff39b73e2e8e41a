"""A page with one of the course's elements, built as the site builds its pages."""

import html
import json
import subprocess
from pathlib import Path
from typing import Any

from utils.learning.catalogue import catalogue, lesson_names
from utils.learning.items import exercise_items, lesson_items
from utils.learning.ways import Way
from utils.quiz.bank import find_bank, read_bank
from utils.settings import PROJECT
from utils.site.notebooks import plain_question

SITE = PROJECT / "site"
LESSON, EXERCISE = "05_resnet", "ex05_residual_block"
STYLE = "html[data-theme=dark] body { background: #14181e; color: #ced6dd; }"
NOTHING_ELSE = "default-src 'none'; script-src file:; style-src file:; img-src file:"


def bundle(folder: Path) -> None:
    """Write course.js and course.css."""
    command = ["npm", "run", "--silent", "components", "--", f"--outdir={folder}"]
    subprocess.run(command, cwd=SITE, capture_output=True, timeout=120, check=True)


def page(folder: Path, name: str, *, theme: str = "light", lead: str = "") -> str:
    """Write a page with an element; `lead` is a script that runs before the bundle."""
    (folder / f"{name}.lead.js").write_text(lead, encoding="utf-8")
    data = json.dumps(items(name)).replace("<", "\\u003c")
    file = folder / f"{name}-{theme}.html"
    (folder / "page.css").write_text(STYLE, encoding="utf-8")
    file.write_text(
        f'<!doctype html><html lang="en" data-theme="{theme}"><head><meta charset="utf-8">'
        f'<meta name="viewport" content="width=device-width"><title>{name}</title>'
        f'<meta http-equiv="Content-Security-Policy" content="{html.escape(NOTHING_ELSE)}">'
        '<link rel="stylesheet" href="page.css"><link rel="stylesheet" href="course.css">'
        f'<script src="{name}.lead.js"></script>'
        f'<script src="course.js"></script></head><body><main><h1>{name}</h1><h2>Items</h2>'
        f"<course-{name} {'' if name == 'progress' else f'lesson={LESSON}'}>"
        f'<script type="application/json">{data}</script></course-{name}></main></body></html>',
        encoding="utf-8",
    )
    return file.as_uri()


def items(name: str) -> dict[str, Any]:
    """What a page embeds: no proofs of questions, nothing of an exercise but what is asked."""
    if name == "quiz":
        asked = read_bank(find_bank(LESSON)).questions[:3]
        return {"questions": [plain_question(question) for question in asked]}
    if name == "progress":
        return {
            "lessons": [{"name": name, "title": name} for name in lesson_names()],
            "items": [{"id": t.id, "way": t.way.value, "lesson": t.lesson} for t in catalogue()],
        }
    if name in (Way.PARSONS, Way.BUGS):
        return {name: exercise_items(EXERCISE).model_dump(mode="json")[name]}
    key = {"predict": "predictions", "cards": "cards"}[name]
    return {key: lesson_items(LESSON).model_dump(mode="json")[key]}
