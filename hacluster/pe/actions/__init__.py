"""Stage 4: what has to be done."""
