"""The administrator's files: ha.cf, authkeys, haresources and hacluster.cf. Text in, typed settings and reports out."""
