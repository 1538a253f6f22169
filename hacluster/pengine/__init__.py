"""The policy engine as a machine that is told of changes and asked for plans."""
