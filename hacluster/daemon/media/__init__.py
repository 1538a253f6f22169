"""The media of ha.cf on a real host: UDP sockets and ICMP echo."""
