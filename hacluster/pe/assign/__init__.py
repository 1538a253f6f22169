"""Stages 2 and 3: scores, and where every instance goes."""
