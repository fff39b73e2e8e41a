"""The live page in Debian's Chromium: real networks, real photos, and what can go wrong."""

import functools
import http.server
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch
from pages import CHROMIUM, SOFTWARE_GPU, started, violations

from utils.backbones import load_backbone
from utils.images import PHOTOS, open_photo, preprocess, sample_photo
from utils.models import IMAGENET_CLASSES, OFFLINE
from utils.settings import PROJECT
from utils.site.live import WASM

playwright = pytest.importorskip("playwright.sync_api", reason="playwright isn't installed")
pytestmark = [
    pytest.mark.skipif(not CHROMIUM, reason="Debian's chromium isn't installed"),
    pytest.mark.skipif(not WASM.exists(), reason="the site's npm packages aren't installed"),
]
PATIENCE = 90  # seconds


class Live:
    """The page in a browser, with what it logged and asked for outside."""

    def __init__(self, page, address: str) -> None:
        self.page, self.address, self.noted = page, address, []
        page.on("console", lambda m: self.noted.append(m.text) if m.type == "error" else None)
        page.on("pageerror", lambda error: self.noted.append(str(error)))
        page.route("**/*", self._only_here)

    def _only_here(self, route) -> None:
        if route.request.url.startswith((self.address, "blob:", "data:")):
            route.continue_()
        else:
            self.noted.append(f"outside: {route.request.url}")
            route.abort()

    def open(self) -> None:
        self.page.goto(f"{self.address}/live/index.html")

    def start(self) -> None:
        """Open the page and wait for its first answer."""
        self.open()
        self.until(lambda: self.answers() > 0)

    def before_the_worker(self, code: str) -> None:
        """Let the second thread run some code before its script."""
        script = (PROJECT / "build/site/live/worker.js").read_text(encoding="utf-8")
        answer = {"body": code + script, "content_type": "text/javascript"}
        self.page.route("**/worker.js", lambda route: route.fulfill(**answer))

    def until(self, holds: Callable[[], bool]) -> None:
        end = time.monotonic() + PATIENCE
        while not holds():
            assert time.monotonic() < end, (self.text("#status"), self.text("#trouble"), self.noted)
            time.sleep(0.02)

    def text(self, selector: str) -> str:
        return self.page.locator(selector).text_content()

    def answers(self) -> int:
        return int(self.page.get_attribute("#live", "data-answers") or 0)

    def answer_after(self, act: Callable[[], None]) -> str:
        before = self.answers()
        act()
        self.until(lambda: self.answers() > before)
        return self.page.get_attribute("#live", "data-answer")

    def trained_after(self, act: Callable[[], None]) -> str:
        before = self.page.get_attribute("#training", "data-trained")
        act()
        self.until(lambda: self.page.get_attribute("#training", "data-trained") != before)
        return self.text("#training [data-part=said]")

    def fill_boxes(self, classes: int) -> None:
        self.page.select_option("#training [data-part=classes]", str(classes))
        self.page.click("[data-part=things]")
        self.until(lambda: f"{8 * classes} photos are" in self.text("#status"))


@pytest.fixture(scope="module")
def address(site: Path) -> Iterator[str]:
    handler = functools.partial(_Quiet, directory=site)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def live(browser, address: str) -> Iterator[Live]:
    context = browser.new_context(viewport={"width": 1280, "height": 900}, accept_downloads=True)
    page = Live(context.new_page(), address)
    yield page
    assert page.noted == []
    context.close()


@pytest.mark.parametrize("name", OFFLINE.values())
def test_first_class_of_each_photo_is_pytorchs(live: Live, name: str) -> None:
    backbone = load_backbone(name, "offline")
    live.start()
    if name != "efficientnet_lite0":
        live.answer_after(lambda: live.page.check(f"input[value={name}]"))
    for number, photo in enumerate(PHOTOS):
        button = live.page.locator(".photos button").nth(number)
        pixels = preprocess(open_photo(sample_photo(photo)), backbone.spec.preprocessing)
        with torch.inference_mode():
            logits = backbone.logits(pixels)[0]
        assert live.answer_after(button.click) == IMAGENET_CLASSES[int(logits.argmax())]


def test_without_a_gpu_no_engine_is_offered(live: Live) -> None:
    live.start()
    live.answer_after(live.page.locator(".photos button").nth(1).click)
    assert live.page.get_attribute("#live", "data-engine") == "wasm"
    assert live.page.locator("#engines").is_hidden()


@pytest.fixture
def with_gpu(browser, address: str) -> Iterator[Live]:
    """The page in a browser with WebGPU: in software, so that any machine has it."""
    other = started(browser.browser_type, SOFTWARE_GPU)
    page = Live(other.new_page(viewport={"width": 1280, "height": 900}), address)
    yield page
    assert page.noted == []
    other.close()


def test_webgpu_is_timed_and_answers_as_pytorch_does(with_gpu: Live) -> None:
    live = with_gpu
    live.start()
    live.until(lambda: live.page.get_attribute("#engines", "data-compared") is not None)
    assert "answered in" in live.text("#status")
    choices = live.page.locator("#engines label").all_text_contents()
    times = {words.split(",")[0].strip(): int(words.split()[-2]) for words in choices}
    chosen = live.page.locator("#engines input:checked").get_attribute("value")
    assert times[{"wasm": "WebAssembly", "webgpu": "WebGPU"}[chosen]] == min(times.values())
    if chosen == "wasm":
        live.answer_after(lambda: live.page.check("#engines input[value=webgpu]"))
    backbone = load_backbone("efficientnet_lite0", "offline")
    for number, photo in enumerate(PHOTOS[:2]):
        pixels = preprocess(open_photo(sample_photo(photo)), backbone.spec.preprocessing)
        with torch.inference_mode():
            label = int(backbone.logits(pixels)[0].argmax())
        button = live.page.locator(".photos button").nth(number)
        assert live.answer_after(button.click) == IMAGENET_CLASSES[label]
        assert live.page.get_attribute("#live", "data-engine") == "webgpu"
    assert violations(live.page) == []


def test_webgpu_that_cannot_be_fetched_is_said(with_gpu: Live) -> None:
    live = with_gpu
    live.page.route("**/webgpu.js", lambda route: route.fulfill(body="not a script"))
    live.start()
    live.until(lambda: "WebGPU could not be used" in live.text("#engines"))
    assert live.answer_after(live.page.locator(".photos button").nth(1).click)


def test_trained_head_answers_and_is_taken_by_course_predict(live: Live, tmp_path: Path) -> None:
    live.start()
    live.fill_boxes(2)
    said = live.trained_after(lambda: live.page.click("[data-part=train]"))
    assert "no source stands on both sides" in said
    assert live.page.locator("[data-part=rows] tr").count() == 30
    with live.page.expect_download() as download:
        live.page.click("[data-part=download]")
    assert "made ready" not in live.text("#status")
    file = tmp_path / download.value.suggested_filename
    download.value.save_as(file)
    photos = [
        str(p) for name in ("bird", "flower") for p in sorted(_things(name).glob("*.jpg"))[:4]
    ]
    command = [sys.executable, "-m", "utils.cli", "predict", "--run", str(file), "--csv"]
    table = tmp_path / "answers.csv"
    subprocess.run([*command, str(table), *photos], cwd=PROJECT, check=True, capture_output=True)
    answers = [line.split(",")[1] for line in table.read_text(encoding="utf-8").splitlines()[1:]]
    right = [Path(photo).parent.name for photo in photos]
    assert sum(a == r for a, r in zip(answers, right, strict=True)) >= 7


def _things(name: str) -> Path:
    return PROJECT / "data" / "things" / "test" / name


def test_no_part_of_the_page_is_a_barrier(live: Live) -> None:
    """With every part open, in both themes, at a desk's and a phone's width."""
    live.start()
    live.page.click("#families [data-part=run]")
    live.until(lambda: live.page.locator("#families article").count() == len(OFFLINE))
    live.fill_boxes(2)
    live.trained_after(lambda: live.page.click("[data-part=train]"))
    for theme in ("light", "dark"):
        assert live.page.get_attribute("html", "data-theme") in (theme, None)
        for width in (1280, 390):
            live.page.set_viewport_size({"width": width, "height": 900})
            assert violations(live.page) == []
            assert live.page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        live.page.click("#theme")


def test_boxes_outlive_a_tab_closed_in_the_middle_of_training(live: Live) -> None:
    # Two hundred epochs take ten seconds then, so that the middle can't be missed.
    live.before_the_worker(
        "{ const soon = self.setTimeout; self.setTimeout = (go) => soon(go, 50); }"
    )
    live.start()
    live.fill_boxes(2)
    live.page.fill("[data-part=epochs]", "200")
    live.page.click("[data-part=train]")
    live.until(lambda: live.page.locator("[data-part=rows] tr").count() > 2)
    context = live.page.context
    live.page.close()
    again = Live(context.new_page(), live.address)
    again.start()
    again.until(
        lambda: "closed in the middle of a training" in again.text("#training [data-part=said]")
    )
    counts = again.page.locator(".box output").all_text_contents()
    assert counts == ["8 photos from 8 sources"] * 2
    assert "Best epoch" in again.trained_after(lambda: again.page.click("[data-part=train]"))


def test_storage_that_is_full_is_said_and_training_goes_on(live: Live) -> None:
    live.page.add_init_script(
        "IDBObjectStore.prototype.put = () => "
        "{ throw new DOMException('full', 'QuotaExceededError'); };"
    )
    live.start()
    live.fill_boxes(2)
    assert "storage is full" in live.text("#trouble")
    assert "Best epoch" in live.trained_after(lambda: live.page.click("[data-part=train]"))


def test_overfitting_on_demand_is_observed(live: Live) -> None:
    live.start()
    live.fill_boxes(2)
    live.page.check("[data-part=overfit]")
    live.trained_after(lambda: live.page.click("[data-part=train]"))
    assert "overfitting" in live.text("[data-part=rows]")


def test_files_that_are_no_photos_get_a_sentence_each(live: Live, tmp_path: Path) -> None:
    photo = sample_photo("china").read_bytes()
    head = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + (10_000).to_bytes(4, "big") * 2 + bytes(40)
    files = {
        "text.txt": (b"hello", "not a photo"),
        "cut.jpg": (photo[: len(photo) // 3], "damaged"),
        "huge.png": (head, "100 megapixels"),
        "empty.png": (b"", "0 bytes"),
    }
    live.start()
    for name, (content, sentence) in files.items():
        (tmp_path / name).write_bytes(content)
        live.page.set_input_files("#source [data-part=file]", tmp_path / name)
        live.until(lambda sentence=sentence: sentence in live.text("#trouble"))
    photo_again = live.page.locator(".photos button").first
    assert live.answer_after(photo_again.click)
    assert live.page.locator("#trouble").is_hidden()


def test_webassembly_refused_is_said(live: Live) -> None:
    live.before_the_worker("delete self.WebAssembly;")
    live.open()
    live.until(lambda: "refuses WebAssembly" in live.text("#trouble"))


def test_opened_as_a_file_the_page_says_how_to_serve_it(browser, address: str) -> None:
    page = browser.new_page()
    page.goto((PROJECT / "build" / "site" / "live" / "index.html").as_uri())
    assert "course site --serve" in page.inner_text("#serve")
    assert page.locator("#live").is_hidden()


def test_nothing_is_sent_but_asked_for(live: Live) -> None:
    sent = []
    live.page.on("request", lambda r: sent.append(r) if r.method != "GET" else None)
    live.start()
    live.page.set_input_files("#source [data-part=file]", sample_photo("coffee"))
    live.until(lambda: live.page.get_attribute("#live", "data-answer") == "espresso")
    assert sent == []
