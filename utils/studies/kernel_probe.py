"""The capstone's frozen model: kernel logistic regression on what several backbones see."""

from collections.abc import Sequence

import numpy as np
from sklearn.kernel_approximation import Nystroem
from sklearn.linear_model import LogisticRegression
from sklearn.metrics.pairwise import euclidean_distances
from sklearn.preprocessing import StandardScaler

from utils.studies.measures import Measure


def kernel_probe(
    vectors: Sequence[np.ndarray],
    measures: Sequence[Measure],
    known: Sequence[int],
    unknown: Sequence[int],
    c: float,
) -> np.ndarray:
    """Learn from the cells at `known` (K); returns probabilities of a defect in `unknown` ones (M).

    One column for each measure, M×len(measures): they share the costly part.

    `vectors` holds each backbone's feature vectors of every cell (N×D, D its own); the kernel is
    the mean of their Gaussian kernels. A larger `c` regularises less.
    """
    similar = [similarities(own, known, unknown) for own in vectors]
    here, there = (np.mean(part, axis=0) for part in zip(*similar, strict=True))
    rows = list(known)
    # With every known cell as a landmark, Nyström's method makes a linear regression a kernel
    # regression, without approximation (Williams and Seeger 2001).
    landmarks = Nystroem(kernel="precomputed", n_components=len(rows), random_state=0).fit(here)
    learned, asked = landmarks.transform(here), landmarks.transform(there)
    columns = []
    for measure in measures:
        regression = LogisticRegression(C=c, max_iter=1000)
        regression.fit(learned, measure.labels[rows], sample_weight=measure.weights[rows])
        columns.append(regression.predict_proba(asked)[:, 1])
    return np.stack(columns, axis=1)


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
