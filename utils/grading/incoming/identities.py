"""Which student is meant: one over all spellings, and two where two share a name."""

import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from utils.grading.incoming.layouts import Layout, Named
from utils.grading.incoming.submissions import Came, students_of
from utils.grading.names import folder_id, name_key, shown_name

# What browsers, file managers, Colab and Jupyter call a second copy of a file.
COPY = re.compile(
    r"(?:copy of )?(?P<name>.+?)(?:[ _-]*(?:copy|kopie|checkpoint) ?\d*)?(?: ?\(\d+\))?",
    re.IGNORECASE,
)


def identify(files: Sequence[Named], submitted: Path) -> list[Named]:
    """Give each file the name of its student as it is written in the class's folder already."""
    known = {name_key(name): name for name in map(shown_name, students_of(submitted))}
    keys = {name_key(file.student) for file in files if file.student}
    apart = _ids_of_namesakes(files, submitted)
    owners = {name_key(f.student) for f in files if f.student and not f.stray} | set(known)
    named = []
    for file in files:
        name = file.student
        if name:
            if file.platform is Layout.FOLDER and file.notebook and len(file.path) == 1:
                name = _without_copy(name, keys)
            if (name_key(name), file.platform_id) in apart:
                name = f"{name} ({file.platform_id})"
            name = shown_name(folder_id(name))  # a name that is too long was cut
            name = known.setdefault(name_key(name), name)
        stray = file.stray and (not name or name_key(name) not in owners)
        named.append(replace(file, student=name, stray=stray))
    return named


def _without_copy(name: str, keys: set[str]) -> str:
    """`Ada` for `Ada (1)`, if there is an Ada too."""
    found = COPY.fullmatch(name)
    return found["name"] if found and name_key(found["name"]) in keys else name


def _ids_of_namesakes(files: Sequence[Named], submitted: Path) -> set[tuple[str, str | None]]:
    """Names and ids of those whose name another student has too.

    Canvas's id of a student stays: the first one keeps the bare name. Moodle's is another one in
    each assignment: all of them get it.
    """
    ids: dict[str, set[str]] = defaultdict(set)
    for file in files:
        if file.student and file.platform_id:
            ids[name_key(file.student)].add(file.platform_id)
    moodle = {name_key(f.student) for f in files if f.student and f.platform is Layout.MOODLE}
    apart: set[tuple[str, str | None]] = set()
    recorded = _recorded_ids(submitted)
    for key, own in ids.items():
        first = recorded.get(key) or min(own, key=int)
        if key in moodle:
            apart |= {(key, number) for number in own if len(own) > 1}
        else:
            apart |= {(key, number) for number in own if number != first}
    return apart


def _recorded_ids(submitted: Path) -> dict[str, str]:
    """The platform's id that each student had in an earlier assignment."""
    found = {}
    for folder in sorted(submitted.glob("*/*")):
        if number := Came.read(folder).platform_id:
            found[name_key(shown_name(folder.parent.name))] = number
    return found
