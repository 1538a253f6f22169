"""The other end of the local sockets: what tools and other programs ask a running node with."""
