"""The policy engine: from a CIB and a time to a transition, and able to say why. Pure."""
