"""The v1 resource manager: which node runs which groups of haresources, as Heartbeat 3.0.6 decides it."""
