"""client: how a command reaches the daemon and this host."""
