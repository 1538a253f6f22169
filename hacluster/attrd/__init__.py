"""Attributes of nodes that last until the node restarts."""
