"""The crm shell: a cluster's configuration as text that people write, and the commands around it."""
