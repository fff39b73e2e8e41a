"""The `course quiz` command: questions in the terminal, a template of answers, exports."""

from pathlib import Path
from typing import Annotated, Any

import typer

from utils.cli.options import out
from utils.errors import CourseError
from utils.settings import ExportFormat

app = typer.Typer()
EXPORT = "export"


@app.command(rich_help_panel="Learn")
def quiz(
    name: Annotated[
        str | None, typer.Argument(help="A lesson, as in 02; or test; or export.")
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Which ten questions the test draws.")] = 0,
    template: Annotated[
        bool, typer.Option("--template", help="Write quizzes/my_answers.yaml, to be filled in.")
    ] = False,
    form: Annotated[
        ExportFormat, typer.Option("--format", help="Of an export: for Canvas, Moodle, or a table.")
    ] = ExportFormat.QTI,
    folder: Annotated[Path, typer.Option("--out", help="Where an export goes.")] = Path(
        "reports/quizzes"
    ),
) -> None:
    """Answer a lesson's questions, or a test over the whole course; h shows a hint."""
    from utils.quiz.bank import QUIZZES, bank_files

    if template:
        from utils.quiz.answers import ANSWERS, write_template

        write_template(QUIZZES / ANSWERS)
        out.print(f"Write your answers into {QUIZZES / ANSWERS}, then run: pytest quizzes")
    elif name == EXPORT:
        _export(form.value, folder)
    elif name:
        _ask(name, seed)
    else:
        names = ", ".join(file.stem for file in bank_files())
        raise CourseError(f"Which quiz? course quiz NAME, with one of {names}, or export.")


def _export(form: str, folder: Path) -> None:
    from utils.quiz.bank import bank_files, read_bank
    from utils.quiz.export import ENDINGS, export_quiz

    for file in bank_files():
        target = folder / f"{file.stem}{ENDINGS[form]}"
        export_quiz(read_bank(file).questions, file.stem, form, target)
    out.print(f"{len(bank_files())} files: {folder}")


def _ask(name: str, seed: int) -> None:
    from utils.quiz.bank import TEST
    from utils.quiz.scoring import RULE
    from utils.quiz.session import begin

    session = begin(name, seed)
    done = len(session.questions) - len(session.open)
    if done:
        out.print(f"Going on after {done} of {len(session.questions)} questions.")
    out.print("Type A, B, C or D; h for a hint; q to stop, and go on another time.\n")
    for question in session.open:
        number = [q.id for q in session.questions].index(question.id) + 1
        given = ask_letter(question, f"{number}/{len(session.questions)} ({question.difficulty}) ")
        if given is None:
            out.print("Stopped. The same command goes on from here.")
            return
        right = session.answer(question, given)
        if session.name != TEST:
            _keep(question, session.name, right)
        _explain(question, given, right)
    result = session.finish()
    for difficulty, asked in result.asked.items():
        out.print(f"{difficulty}: {result.right.get(difficulty, 0)} of {asked}", highlight=False)
    out.print(f"Verdict: {result.verdict}", style="bold", highlight=False)
    out.print(f"({RULE})", highlight=False)


def _keep(question: Any, lesson: str, right: bool) -> None:
    """Count a question as known or missed, as `course learn` does."""
    from datetime import UTC, datetime

    from utils.learning.progress import Answered, progress_file, record
    from utils.learning.ways import Way

    item, now = f"{Way.QUIZ}/{question.id}", datetime.now(UTC)
    answered = Answered(at=now, item=item, way=Way.QUIZ, lesson=lesson, right=right)
    record(answered, progress_file())


def ask_question(question: Any) -> bool | None:
    """Ask one question and explain it; whether the answer was right, None to stop."""
    given = ask_letter(question)
    if given is None:
        return None
    _explain(question, given, given == question.answer)
    return given == question.answer


def ask_letter(question: Any, before: str = "") -> str | None:
    """Show a question with its options; the letter that is typed, None to stop."""
    from utils.quiz.bank import LETTERS

    out.print(f"{before}{question.stem}", highlight=False)
    if question.code:
        out.print(_numbered(question.code), highlight=False, no_wrap=True, crop=False)
    for letter in LETTERS:
        out.print(f"  {letter}. {question.options[letter].text}", highlight=False)
    return _read(question)


def _numbered(code: str) -> str:
    """A question's code, between empty lines, with the numbers that questions name lines by."""
    rows = enumerate(code.rstrip().splitlines(), start=1)
    return "\n" + "\n".join(f"{number:4}  {line}" for number, line in rows) + "\n"


def _read(question: Any) -> str | None:
    """The letter typed; None to stop. Anything else is asked for again, h shows the hint."""
    from utils.quiz.bank import read_letter

    while True:
        try:
            typed = input("> ").strip()
        except EOFError:
            return None
        if typed.lower() == "h":
            out.print(f"Hint: {question.hint}", highlight=False)
        elif typed.lower() == "q":
            return None
        elif letter := read_letter(typed):
            return letter
        else:
            out.print("Type one of A, B, C, D, h or q.")


def _explain(question: Any, given: str, right: bool) -> None:
    option = question.options[given]
    out.print("Right." if right else f"Not {given}.", style="green" if right else "red", end=" ")
    out.print(option.why, highlight=False)
    if not right:
        good = question.options[question.answer]
        out.print(f"It is {question.answer}: {good.why}", highlight=False)
    for step in question.steps:
        out.print(f"  · {step}", highlight=False)
    out.print(f"  Quick check: {question.check}\n", highlight=False)
