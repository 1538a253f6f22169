"""hacluster: a high-availability cluster manager for two to thirty-two Linux nodes."""

__version__ = "0.1.0"
