"""``hacluster demo``: two pretended hosts, one address, one web server, and a failover to watch."""
