"""The capstone's frozen model: kernel logistic regression on what several backbones see."""

from collections.abc import Sequence

import numpy as np
from sklearn.kernel_approximation import Nystroem
from sklearn.linear_model import LogisticRegression
from sklearn.metrics.pairwise import euclidean_distances
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

from utils.measures import Measure


def kernel_probe(
    vectors: Sequence[np.ndarray],
    measure: Measure,
    known: Sequence[int],
    unknown: Sequence[int],
    c: float,
) -> np.ndarray:
    """Learn from the cells at `known` (K); the probability of a defect in those at `unknown` (M).

    `vectors` holds each backbone's feature vectors of every cell (N×D, D its own); the kernel is
    the mean of their Gaussian kernels. A larger `c` regularises less.
    """
    similar = [similarities(own, known, unknown) for own in vectors]
    here, there = (np.mean(part, axis=0) for part in zip(*similar, strict=True))
    rows = list(known)
    regression = _kernel_regression(len(rows), c)
    regression.fit(
        here, measure.labels[rows], logisticregression__sample_weight=measure.weights[rows]
    )
    return regression.predict_proba(there)[:, 1]


def similarities(
    vectors: np.ndarray, known: Sequence[int], unknown: Sequence[int]
) -> tuple[np.ndarray, np.ndarray]:
    """How similar each of K and each of M cells is to each of the K known ones: K×K and M×K.

    The kernel is Gaussian on standardised features: exp(-d² / median d²), d the distance.
    """
    scaled = StandardScaler().fit(vectors[list(known)])
    here, there = scaled.transform(vectors[list(known)]), scaled.transform(vectors[list(unknown)])
    squared = euclidean_distances(here, squared=True)
    width = np.median(squared)
    return np.exp(-squared / width), np.exp(-euclidean_distances(there, here, squared=True) / width)


def _kernel_regression(n_known: int, c: float) -> Pipeline:
    """Nyström's method with every known cell as a landmark makes a linear regression a kernel
    regression, without approximation (Williams and Seeger 2001).
    """
    landmarks = Nystroem(kernel="precomputed", n_components=n_known, random_state=0)
    return make_pipeline(landmarks, LogisticRegression(C=c, max_iter=1000))
