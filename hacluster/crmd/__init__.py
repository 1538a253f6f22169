"""The DC and the nodes: what follows from a view that works."""
