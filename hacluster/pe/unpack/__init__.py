"""Stage 1: from the document to the model."""
