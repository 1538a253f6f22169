"""What is valid and wrong all the same: findings that Pacemaker's own crm_verify does not have."""
