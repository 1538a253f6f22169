"""Bytes: Heartbeat 3 frames, their signatures, and the sealed datagrams of our own."""
