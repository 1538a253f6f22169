"""The status of a cluster in sections, as crm_mon shows them: an outline for text and pages, trees for XML and JSON."""
