"""Pretending that a transition is run: results go into the status records."""
