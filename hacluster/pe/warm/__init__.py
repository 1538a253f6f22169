"""Scheduling again: what changed, what that concerns, and how its part of the answer takes the place of the old one."""
