"""Times of handing in keep their zones."""

from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from handed_in import read
from inboxes import FULL

from utils.grading.incoming.timestamps import read_stamp, read_time

BERLIN = timezone(timedelta(hours=1))
TIMES = {
    "2026-11-25 17:41:24.123456 UTC": datetime(2026, 11, 25, 17, 41, 24, 123456, UTC),
    "2026-11-25 17:41:24 Europe/Berlin": datetime(2026, 11, 25, 17, 41, 24, 0, BERLIN),
    "2026-07-25 17:41:24 Europe/Berlin": datetime(2026, 7, 25, 15, 41, 24, 0, UTC),
    "2026-11-25T17:41:24+01:00": datetime(2026, 11, 25, 17, 41, 24, 0, BERLIN),
    "2026-11-25 17:41:24 +0100": datetime(2026, 11, 25, 17, 41, 24, 0, BERLIN),
    "2026-11-25T16:41:24Z\n": datetime(2026, 11, 25, 16, 41, 24, 0, UTC),
    "\ufeff2026-11-25 17:41:24 CET": datetime(2026, 11, 25, 17, 41, 24, 0, BERLIN),
    "2026-11-25 16:41:24": datetime(2026, 11, 25, 16, 41, 24, 0, UTC),
    "2026-11-25 17:41:24 IST": None, "2026-11-25 17:41:24 Europe/Nowhere": None,
    "yesterday, about ten": None, "": None, "2026-02-30 10:00:00 UTC": None,
    "0001-01-01 00:00:00 +1400": None, "9" * 5000: None, "2026-11-25 10:00:00 ../../etc": None,
    "25/11/2026": None,
}  # fmt: skip


@pytest.mark.parametrize("text", TIMES, ids=lambda text: text[:40])
def test_times_keep_their_zones(text: str, tmp_path: Path) -> None:
    (tmp_path / "timestamp.txt").write_text(text, encoding="utf-8")
    assert read_time(read_stamp(tmp_path) or "") == TIMES[text]
    submission = read(tmp_path, FULL)
    told = any("timestamp.txt" in note for note in submission.notes)
    assert told == (TIMES[text] is None or text == "2026-11-25 16:41:24")


def test_a_time_that_is_a_link_or_no_text_is_none(tmp_path: Path) -> None:
    assert read_stamp(tmp_path) is None
    (tmp_path / "time").write_text("2026-11-25 17:41:24 UTC", encoding="utf-8")
    (tmp_path / "timestamp.txt").symlink_to(tmp_path / "time")
    assert read_stamp(tmp_path) is None
    (tmp_path / "timestamp.txt").unlink()
    (tmp_path / "timestamp.txt").write_bytes(b"\xff\xfe\x00\xd8")
    assert read_stamp(tmp_path) is None
