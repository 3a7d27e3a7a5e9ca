"""Gold questions in, measures and a report out: `python -m qa.evaluation`."""

from qa.evaluation.gold import GoldQuestion, Relevant, read_gold
from qa.evaluation.run import Asker, Evaluation, evaluate

__all__ = ["Asker", "Evaluation", "GoldQuestion", "Relevant", "evaluate", "read_gold"]
