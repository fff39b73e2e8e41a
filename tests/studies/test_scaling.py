"""What each step of running well is worth."""

from utils.device import Runtime
from utils.studies import scaling


def test_the_scaling_rows_say_what_was_compared() -> None:
    assert scaling._row("folded", "norms folded", "eager, fp32", 30.0, 20.0) == {
        "step": "folded",
        "what": "norms folded",
        "beside": "eager, fp32",
        "images_per_second": 30.0,
        "gain": 1.5,
    }
    assert scaling._row("bf16", "left out: …")["gain"] is None


def test_the_gain_of_the_cache_is_that_of_heads_really_trained(cpu: Runtime) -> None:
    row = scaling._cached("feature cache", cpu, photos=40)
    assert "40 photos" in row["what"]
    assert row["beside"] == "the backbone run in every epoch"
    # On a quiet machine nearly EPOCHS; only that it pays, as tests may share their cores.
    assert row["gain"] > 1
