"""What students' code showed is safe to be seen."""

import base64
from html.parser import HTMLParser

import pytest

from utils.grading.sanitize import CUT, MOST, SafeOutputs, markdown_html, plain_text, safe_html


def safe_outputs(outputs: list) -> list[dict]:
    safe = SafeOutputs()
    safe.add(outputs)
    return safe.cells[0]


class Found(HTMLParser):
    """The tags and attributes of a page, as a browser takes them."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}


PNG = base64.b64encode(b"\x89PNG\r\n\x1a\n rest").decode("ascii")


@pytest.mark.parametrize(
    "hostile",
    [
        "<script>alert(1)</script>", "<img src=x onerror=alert(1)>", "<svg onload=alert(1)>",
        "<a href='javascript:alert(1)'>x</a>", "<iframe src='//evil'></iframe>",
        "<p style='background:url(//evil)'>x</p>", "<style>@import '//evil'</style>",
        "<meta http-equiv=refresh content='0;url=//evil'>", "<base href='//evil'>",
        "<form action='//evil'><button>x</button></form>", "<object data='//evil'></object>",
        "<math><mtext></mtext><script>alert(1)</script></math>",
    ],
)  # fmt: skip
def test_html_can_neither_run_nor_reach_out(hostile: str) -> None:
    for page in (safe_html(hostile), markdown_html(hostile)):
        found = Found()
        found.feed(page)
        assert found.tags <= {"p", "math", "mtext", "b"}
        assert found.attributes == set()


def test_tables_and_emphasis_stay() -> None:
    table = '<table><tbody><tr><td colspan="2">a <b>b</b></td></tr></tbody></table>'
    assert safe_html(table) == table
    assert markdown_html("*a* `b<c`") == "<p><em>a</em> <code>b&lt;c</code></p>\n"


def test_outputs_of_no_known_form_are_left_out() -> None:
    odd = [
        {"output_type": "widget"}, {"output_type": "stream", "text": 3},
        {"output_type": "display_data", "data": {"application/javascript": "alert(1)"}},
        {"output_type": "display_data", "data": {"image/svg+xml": "<svg/>"}},
        {"output_type": "display_data", "data": {"image/png": "not base64"}}, "text", None,
    ]  # fmt: skip
    assert safe_outputs(odd) == [{"output_type": "stream", "name": "stdout", "text": ""}]


def test_a_picture_stays_with_its_text() -> None:
    output = {"output_type": "execute_result", "data": {"image/png": PNG, "text/plain": "<Axes>"}}
    (kept,) = safe_outputs([output])
    assert kept["data"] == {"image/png": PNG, "text/plain": "<Axes>"}


def test_too_much_output_is_cut() -> None:
    long = {"output_type": "stream", "name": "stdout", "text": "x" * 150_000}
    kept = safe_outputs([long] * 20)
    assert sum(len(output["text"]) for output in kept) <= MOST
    assert kept[-1]["text"] == CUT


def test_text_has_no_control_characters_and_no_half_pairs() -> None:
    assert plain_text("a\x1b[31mb\x00c\ud83dd\te\n") == "abcd\te\n"
