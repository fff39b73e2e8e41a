"""Several processes, one model."""

import pytest
import torch

from utils.studies.parallel import train_in_parallel


def test_two_processes_end_where_one_does() -> None:
    one, two = (train_in_parallel(number) for number in (1, 2))
    assert (one["processes"], two["processes"]) == (1, 2)
    assert two["losses"] == pytest.approx(one["losses"], rel=1e-3)
    torch.testing.assert_close(two["weights"], one["weights"], atol=1e-5, rtol=1e-5)
