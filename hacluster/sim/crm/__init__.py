"""A second ring: ccm and cibd over a stand-in that gives exactly what ordered streams and a heartbeat give."""
