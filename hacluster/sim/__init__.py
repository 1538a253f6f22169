"""The simulator: the machines of whole clusters under virtual time, with seeded faults and checkers. A driver."""
