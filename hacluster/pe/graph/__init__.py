"""Stage 6: the transition graph."""
