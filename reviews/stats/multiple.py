"""Many questions at once: p-values that allow for having asked all of them."""

import numpy as np
from numpy.typing import ArrayLike

from reviews.stats.choices import Floats


def holm(p: ArrayLike) -> Floats:
    """Holm's adjusted p-values: reject where they are at most a, and any false rejection has probability a at most.

    p: float, shape (..., G), fractions of 1; the last axis is the family. Returns the same shape.
    With p_(1) <= ... <= p_(G): adjusted p_(i) = max over j <= i of (G - j + 1) p_(j), at most 1.
    Raises ValueError on a p outside [0, 1].
    Source: Holm 1979 (Scand J Stat 6:65-70).
    """
    values = _checked(p)
    order = np.argsort(values, axis=-1, kind="stable")
    ascending = np.take_along_axis(values, order, axis=-1)
    size = values.shape[-1]
    adjusted = np.maximum.accumulate(ascending * (size - np.arange(size)), axis=-1)
    return _put_back(np.minimum(adjusted, 1.0), order)


def benjamini_hochberg(p: ArrayLike) -> Floats:
    """Benjamini and Hochberg's adjusted p-values: of what is rejected at a, a share of a at most is false on average.

    p: float, shape (..., G), fractions of 1; the last axis is the family. Returns the same shape.
    With p_(1) <= ... <= p_(G): adjusted p_(i) = min over j >= i of G p_(j) / j, at most 1.
    Raises ValueError on a p outside [0, 1].
    Source: Benjamini & Hochberg 1995 (JRSS B 57:289-300).
    """
    values = _checked(p)
    order = np.argsort(values, axis=-1, kind="stable")
    ascending = np.take_along_axis(values, order, axis=-1)
    size = values.shape[-1]
    scaled = ascending * size / (np.arange(size) + 1)
    adjusted = np.minimum.accumulate(scaled[..., ::-1], axis=-1)[..., ::-1]
    return _put_back(np.minimum(adjusted, 1.0), order)


def _checked(p: ArrayLike) -> Floats:
    values = np.asarray(p, dtype=np.float64)
    if values.ndim < 1:
        raise ValueError("p is a single number; give one per question, shape (..., G)")
    if not np.all((values >= 0) & (values <= 1)):
        raise ValueError("p-values must lie between 0 and 1; leave out what could not be tested")
    return values


def _put_back(adjusted: Floats, order: np.ndarray) -> Floats:
    result = np.empty_like(adjusted)
    np.put_along_axis(result, order, adjusted, axis=-1)
    return result
