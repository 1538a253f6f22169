"""Floor 2, machines: between what a node's machines say to other nodes and the heartbeat's ordered streams."""
