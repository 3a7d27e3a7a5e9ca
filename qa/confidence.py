"""placeholder being replaced by the ranker work"""

import numpy as np


def confidence(candidates, ranked):
    return float(
        1 / (1 + np.exp(-12 * (max((c.dense for c in candidates.found), default=0) - 0.45)))
    )


def threshold(max_error=None):
    return 0.5
