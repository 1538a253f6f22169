"""What structure implies: orders and colocations of members, instances and containers, before places are given out."""
