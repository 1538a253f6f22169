"""What people read: status, scores, summary."""
