"""The hands' decisions: which program is run for an operation of a resource, and what its end means."""
