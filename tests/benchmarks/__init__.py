"""What things cost, each beside its floor: `python -m tests.benchmarks`."""
