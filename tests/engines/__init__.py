"""Engines that archives can stand on, started for tests: Milvus as one server and as a cluster."""
