"""ldirectord: the program around the director. Checks, ipvsadm, mail, files and signals; it decides nothing."""
