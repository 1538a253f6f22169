"""Stage 5: in which order, and what stops what."""
