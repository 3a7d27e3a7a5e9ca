"""The fitted weights, as JSON: `python -m qa.evaluation.train` writes them."""
