"""A driver of the machines on a real host: sockets, clocks, disks, children, and the processes that hold them."""
