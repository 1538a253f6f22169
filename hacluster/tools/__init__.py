"""The commands: one file each, what people and scripts call."""
