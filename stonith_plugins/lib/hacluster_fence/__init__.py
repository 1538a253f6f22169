"""Fence agents of hacluster: programs of the RHCS convention, and what they share. Standard library only."""
