"""Two measures of the same cells, and intervals over splits that overlap."""

import numpy as np
import pytest

from utils.datasets import elpv_probabilities, load_elpv
from utils.studies.measures import Measure, corrected_interval, elpv_measures, score


@pytest.fixture(scope="module")
def elpv() -> dict[str, Measure]:
    return elpv_measures(elpv_probabilities())


def test_the_course_measures_what_its_data_set_says(elpv: dict[str, Measure]) -> None:
    assert tuple(elpv["course"].labels) == load_elpv(binary=True).labels
    assert set(elpv["course"].weights) == {1.0}


def test_the_papers_weights_make_its_published_shares_possible(elpv: dict[str, Measure]) -> None:
    """88.4228187919 % is 527 of 596: the weight of a quarter of the cells, not their number."""
    quarter = elpv["paper"].weights.sum() / 4
    assert abs(quarter - 596) < 5 < abs(len(elpv["paper"].labels) / 4 - 596)
    assert round(527 / 596, 12) == 0.884228187919


def test_the_same_lazy_answers_are_worth_less_by_the_papers_measure(
    elpv: dict[str, Measure],
) -> None:
    everything = range(len(elpv["course"].labels))
    assert round(elpv["course"].floor(everything), 3) == 0.687
    assert round(elpv["paper"].floor(everything), 3) == 0.630


def test_a_doubtful_cell_counts_by_its_doubt() -> None:
    doubt = np.array([0, 1 / 3, 2 / 3, 1])
    measures, answers = elpv_measures(doubt), np.array([0.1, 0.2, 0.9, 0.9])
    sure = np.isin(doubt, (0, 1))
    by_course = score(measures["course"], range(4), answers, sure)
    by_paper = score(measures["paper"], range(4), answers, sure)
    assert by_course.accuracy == 1
    assert by_paper.accuracy == pytest.approx((1 + 2 / 3 + 1) / 3)
    assert by_paper.balanced_accuracy == pytest.approx((1 + (2 / 3 + 1) / 2) / 2)
    assert by_course.sure_accuracy == by_paper.sure_accuracy == 1


def test_only_the_cells_that_were_tested_are_scored() -> None:
    doubt = np.array([0, 0, 1, 1, 1])
    found = score(elpv_measures(doubt)["paper"], [1, 4], np.array([0.2, 0.9]), np.ones(5, bool))
    assert (found.accuracy, found.auc, found.mcc) == (1, 1, 1)


def test_splits_that_overlap_leave_a_wider_interval() -> None:
    """By hand: variance 1, so the error is the root of 1/4 + 25/75; t(0.975, 3) = 3.182."""
    values = [1 + d for d in (-(1.5**0.5), 1.5**0.5, 0, 0)]
    found = corrected_interval(values, 75, 25)
    assert found.mean == pytest.approx(1)
    assert found.high - 1 == pytest.approx(3.182 * (1 / 4 + 1 / 3) ** 0.5, abs=1e-3)
    independent = corrected_interval(values, 75, 0)
    assert found.low < independent.low < 1 < independent.high < found.high
