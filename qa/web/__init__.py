"""The archive over HTTP and MCP: who comes in, what programs ask, what they are told."""
