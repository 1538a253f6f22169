"""Floor 0, the vocabulary: scores, ids, time, reports, and the shape of a machine."""
