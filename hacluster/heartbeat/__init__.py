"""Liveness, links and reliable delivery between nodes, as Heartbeat 3.0.6 speaks it, without its weaknesses."""
