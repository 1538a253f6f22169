"""What the stages work on: nodes, resources, actions, constraints, scores."""
