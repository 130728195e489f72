"""Means over seeds with 95 % intervals, and paired differences."""
from __future__ import annotations

import math
from dataclasses import dataclass

# Student's t at 97.5 % for 1 to 30 degrees of freedom.
QUANTILES = (
    12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.160, 2.145, 2.131,
    2.120, 2.110, 2.101, 2.093, 2.086, 2.080, 2.074, 2.069, 2.064, 2.060, 2.056, 2.052, 2.048, 2.045, 2.042)


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
