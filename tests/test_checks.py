"""What test cells compare with: plain values pass whatever holds them, wrong ones say where."""

import numpy as np
import pytest
import torch

from utils.checks import expect_close, expect_equal, expect_error


@pytest.mark.parametrize("got", [[1, 2], (1, 2), np.array([1, 2]), torch.tensor([1, 2])])
def test_the_same_values_pass_in_any_container(got: object) -> None:
    expect_close("x", got, [1.0, 2.0])


def test_a_list_may_come_as_a_tuple_and_true_is_not_one() -> None:
    expect_equal("x", [1, 2], (1, 2))
    with pytest.raises(AssertionError, match="expected 1, got True"):
        expect_equal("x", True, 1)


def test_a_wrong_value_is_told_with_its_place() -> None:
    with pytest.raises(AssertionError, match=r"x: expected 2 at \[1\], got 3"):
        expect_close("x", [1.0, 3.0], [1.0, 2.0])
    with pytest.raises(AssertionError, match=r"shape \(2,\), got shape \(1, 2\)"):
        expect_close("x", [[1.0, 2.0]], [1.0, 2.0])


def test_only_a_value_error_counts_as_a_refusal() -> None:
    expect_error("x", int, "one")
    with pytest.raises(AssertionError):
        expect_error("x", int, "1")
