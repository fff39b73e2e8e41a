"""The questions of a lesson, shown in its notebook through jupyterquiz."""

import html
from typing import Any

from utils.quiz.bank import Question, find_bank, read_bank
from utils.quiz.markup import as_html

# jupyterquiz's own colours of right and wrong have too little contrast with their white text.
CONTRAST = {"--jq-correct-color": "#00700f", "--jq-incorrect-color": "#a80000",
            "--jq-text-color": "#ffffff"}  # fmt: skip
MATHJAX = "https://cdn.jsdelivr.net/npm/mathjax@3/es5/tex-svg.js"  # never fetched: no formulas
PALETTE = {
    "--jq-multiple-choice-bg": "#392061",
    "--jq-mc-button-bg": "#fafafa",
    "--jq-mc-button-border": "#e0e0e0e0",
    "--jq-mc-button-inset-shadow": "#555555",
    "--jq-link-color": "#9abafa",
}

# Lines of code keep their length, in letters small enough for the width of a quiz.
CODE_STYLE = """<style>
.Quiz .QuizCode { margin: 10px 0; }
.Quiz .QuizCode pre {
  padding: 8px 10px; overflow-x: auto; white-space: pre; line-height: 1.35;
  background: #ffffff1a; color: inherit; border-radius: 6px;
}
.Quiz .QuizCode code, .Quiz .QuizCode pre { font-size: 11pt; text-align: left; }
.Quiz .QuizCode code { padding: 0; background: none; }
.Quiz code { padding: 0 3px; font-size: 0.9em; background: #ffffff1a; color: inherit; }
</style>"""


def show_quiz(lesson: str) -> None:
    """Show the three questions of a lesson in a notebook, through jupyterquiz.

    Answers stay in the browser: this is for checking oneself, not for marks.

    Raises:
        CourseError: there is no such lesson, or its file is damaged.
    """
    from IPython.display import HTML, Javascript, display

    page, script = notebook_quiz(lesson)
    display(HTML(page))
    display(Javascript(script))


def notebook_quiz(lesson: str) -> tuple[str, str]:
    """Build the HTML and script of a lesson's quiz; neither loads anything from another host."""
    from jupyterquiz.dynamic.loader import load_questions_script
    from jupyterquiz.dynamic.renderer import build_script, build_styles, render_div

    shown = [for_jupyterquiz(q) for q in read_bank(find_bank(lesson)).of_kind("lesson")]
    # Always the same id, so that running a lesson again changes nothing in its file.
    place = f"quiz_{lesson}"
    prefix, static, url = load_questions_script(shown, place)
    script = build_script(prefix, static, url, place, True).replace(MATHJAX, "")
    div = render_div(place, False, False, False, len(shown), 700, 10, "left")
    return div + build_styles(place, PALETTE | CONTRAST) + CODE_STYLE, script


def for_jupyterquiz(question: Question) -> dict[str, Any]:
    """Convert a question to jupyterquiz's format, in one column: answers may be long, or code."""
    answers = [
        {
            "answer": as_html(f"{letter}. {option.text}"),
            "correct": letter == question.answer,
            "feedback": as_html(option.why),
        }
        for letter, option in question.options.items()
    ]
    content = {
        "question": as_html(question.stem),
        "type": "multiple_choice",
        "answer_cols": 1,
        "answers": answers,
    }
    return content | ({"code": html.escape(question.code.rstrip())} if question.code else {})
