"""Floor 3, a node: wires one node's machines together, whichever processes they live in."""
