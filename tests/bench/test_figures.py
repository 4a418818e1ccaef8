import math

import pytest

from realtime_switch.bench.figures import Spread, percentile, spread


def test_a_spread_is_the_median_and_the_ends():
    rounds = [{"us": 3.0}, {"us": 1.0}, {"us": 10.0}]
    assert spread(rounds, "us") == Spread(3.0, 1.0, 10.0)
    assert spread(rounds, "ms") is None
    assert Spread(1234.56, 1.0, 2000.0).shown() == "1,234.6 (1.0-2,000.0)"


@pytest.mark.parametrize(
    ("share", "value"), [(0.0, 1), (0.01, 1), (0.5, 50), (0.501, 51), (0.99, 99), (1.0, 100)]
)
def test_a_percentile_is_the_smallest_value_that_so_many_do_not_exceed(share: float, value: int):
    assert percentile(range(1, 101), share) == value


def test_of_nothing_there_is_no_percentile():
    assert math.isnan(percentile([], 0.5))
