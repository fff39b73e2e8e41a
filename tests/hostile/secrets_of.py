"""What no page of a student may show: hidden tests, hidden numbers, keys, solutions."""

from functools import cache

import numpy as np
from hostile_class import Attack, cells_of
from hostile_run import World

from utils.grading.assignments import EXERCISES, SOLUTIONS, read_notebook
from utils.grading.class_folder import ClassFolder
from utils.grading.marks.database import seeds_of

# Numbers that only hidden tests hold, as Python and NumPy write them.
NUMBERS = {
    "ex03_softmax_head": (
        "0.6931471805599453, 1.9459101090553132", "0.69314718 1.94591015",
        "[1000.0, 1000.0], [1.0, 1.0]", "[1000.0, 1001.0, 1002.0]", "[1000. 1000.]",
        "[-1000.0, -1000.0]", "[7.0, 8.0, 10.0]", "0.780324", "1.406705", "1.609438", "0.462098",
        "[2000.0, 0.0]", "0.4, 0.35, 0.25",
    ),
    "ex01_preprocess": ("plain.png", "grey and clear.png", "(347, 232)"),
}  # fmt: skip


@cache
def _lines(exercise: str) -> tuple[str, ...]:
    """Lines of the source that stand in no student's copy."""
    full, released = (
        [cell.source for cell in read_notebook(root / exercise / f"{exercise}.ipynb").cells]
        for root in (SOLUTIONS, EXERCISES)
    )
    shown = "\n".join(released)
    lines = {line.strip() for source in full for line in source.splitlines()}
    return tuple(line for line in lines if len(line) > 30 and line not in shown)


def secrets_of(attack: Attack) -> list[str]:
    """What must not be shown to this student; what they wrote themselves is no secret."""
    if attack.right == "all":
        return []
    solution = cells_of(attack.exercise, SOLUTIONS)
    own = "\n".join([
        *attack.cells.values(), *(cell["source"] for cell in attack.own),
        *(solution[name] for name in attack.right),
    ])  # fmt: skip
    secrets = [*_lines(attack.exercise), *NUMBERS.get(attack.exercise, ()), "HIDDEN TESTS"]
    return [secret for secret in secrets if secret not in own]


def drawn_for(attack: Attack, world: World) -> list[str]:
    """The seed that the judge made for this student, and numbers that the tests of ex03 drew."""
    folder = ClassFolder(world.classes[attack.exercise].folder)
    seed = seeds_of(folder, [attack.folder], attack.exercise)[attack.folder]
    if attack.exercise != "ex03_softmax_head":
        return [str(seed), str(np.random.default_rng(seed).integers(2**31))]
    chances = np.random.default_rng(seed).dirichlet([1, 1, 1, 1], 5)
    logits = np.log(chances) + 3
    three = np.random.default_rng(seed).dirichlet([1, 1, 1], 8)
    return [str(seed), *(f"{v:.8f}"[:10] for v in (chances[0, 0], logits[0, 0], three[0, 0]))]
