"""Means over seeds with 95 % intervals, and paired differences."""
from __future__ import annotations

import math
from dataclasses import dataclass

# Student's t at 97.5 % for 1 to 30 degrees of freedom.
QUANTILES = (
    12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.160, 2.145, 2.131,
    2.120, 2.110, 2.101, 2.093, 2.086, 2.080, 2.074, 2.069, 2.064, 2.060, 2.056, 2.052, 2.048, 2.045, 2.042)


def quantile(probability: float, freedom: int) -> float:
    """Student's t at a probability of 0.5 or more."""
    scale = math.exp(math.lgamma((freedom + 1) / 2) - math.lgamma(freedom / 2)) / math.sqrt(freedom * math.pi)

    def below(value: float) -> float:
        steps = 2000
        width = value / steps
        heights = [(1 + (step * width) ** 2 / freedom) ** (-(freedom + 1) / 2) for step in range(steps + 1)]
        return 0.5 + scale * width / 3 * (heights[0] + heights[-1] + 4 * sum(heights[1:-1:2]) + 2 * sum(heights[2:-1:2]))

    low, high = 0.0, 1.0
    while below(high) < probability:
        high *= 2
    for _ in range(50):
        middle = (low + high) / 2
        low, high = (middle, high) if below(middle) < probability else (low, middle)
    return high


@dataclass(frozen=True)
class Interval:
    """mean - half to mean + half; `half` is not known of one value."""
    mean: float
    half: float | None

    @property
    def is_worse(self) -> bool:
        """Whether all of it is above 0."""
        return self.half is not None and self.mean - self.half > 0

    @property
    def is_better(self) -> bool:
        return self.half is not None and self.mean + self.half < 0


def corrected(found: Interval, seeds: int, comparisons: int) -> Interval:
    """The interval as wide as it must be for so many comparisons to hold together at 95 % (Bonferroni)."""
    if found.half is None:
        return found
    wider = quantile(1 - 0.025 / comparisons, seeds - 1) / QUANTILES[seeds - 2]
    return Interval(found.mean, found.half * wider)


def interval(values: list[float]) -> Interval:
    """Of one value or more, at most 31."""
    mean = math.fsum(values) / len(values)
    if len(values) == 1:
        return Interval(mean, None)
    variance = math.fsum((value - mean) ** 2 for value in values) / (len(values) - 1)
    return Interval(mean, QUANTILES[len(values) - 2] * math.sqrt(variance / len(values)))


def differences(values: list[float], others: list[float]) -> Interval:
    """Paired, relative to the others."""
    return interval([value / other - 1 for value, other in zip(values, others)])
