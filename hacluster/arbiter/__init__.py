"""What an arbitrator has in place of a resource manager."""
