"""Fencing: devices, who can fence whom, levels, and what became of it."""
