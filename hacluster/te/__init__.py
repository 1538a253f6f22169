"""The transition engine: runs a plan."""
