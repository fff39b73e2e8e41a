"""The ten ways to learn, in the order of the course, and what each is called and asks.

Nothing here needs another module, so the command line can name the ways at once.
"""

from enum import StrEnum


class Way(StrEnum):
    """The ten ways to learn, in the order of the course."""

    LESSON = "lesson"
    PREDICT = "predict"
    QUIZ = "quiz"
    CARDS = "cards"
    SHEET = "sheet"
    PARSONS = "parsons"
    BUGS = "bugs"
    TRACE = "trace"
    READING = "reading"
    MAKE = "make"


# Those that are asked item by item; the others are things to do.
ASKED = (Way.PREDICT, Way.QUIZ, Way.CARDS, Way.PARSONS, Way.BUGS, Way.READING)
TITLES = {
    Way.LESSON: "Worked lessons",
    Way.PREDICT: "Predict, then run",
    Way.QUIZ: "Quizzes",
    Way.CARDS: "Spaced cards",
    Way.SHEET: "Cheat sheets",
    Way.PARSONS: "Parsons problems",
    Way.BUGS: "Bug hunts",
    Way.TRACE: "Live trace",
    Way.READING: "Code reading",
    Way.MAKE: "Make",
}
LEADS = {
    Way.LESSON: "Read a lesson, run it, change a line and run it again.",
    Way.PREDICT: "Guess what a cell shows before you see it; the gap is what you learn from.",
    Way.QUIZ: "Questions that explain each answer. Keys are proved by code.",
    Way.CARDS: "Recall; a card comes back after 1, 3, 7, 16 and 35 days.",
    Way.SHEET: "A page for each lesson, and one for the course, to be printed.",
    Way.PARSONS: "Put the lines of a function in order; some don't belong.",
    Way.BUGS: "Find the line, name the mistake, mend it.",
    Way.TRACE: "Change what goes into a network, and watch.",
    Way.READING: "Read code of the course: what comes out, what is missing, what breaks?",
    Way.MAKE: "Do the exercises, use your own photos, build the capstone.",
}
