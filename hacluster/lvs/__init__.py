"""Linux Virtual Server as documents: the kernel's table, the rules that ipvsadm speaks, and ldirectord.cf."""
