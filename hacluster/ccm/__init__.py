"""Agreed views: members, quorum and leader, by one protocol."""
