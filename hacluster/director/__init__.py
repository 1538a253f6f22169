"""The director: which real servers of a virtual service get traffic. Pure, like all machines."""
