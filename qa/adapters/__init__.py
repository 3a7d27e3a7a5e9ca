"""The archive as a retriever for other frameworks: one module each, imported where it is used."""
