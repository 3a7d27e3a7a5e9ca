"""Fetch the pages of a list of addresses, politely, and never from a private network."""
