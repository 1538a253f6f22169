"""The replicated CIB: one copy that counts, on every member's disk."""
