"""What tools that look at the status have in common: the CIB of a source, brought up to date and unpacked."""

from __future__ import annotations

import copy
import time
from typing import Any

from hacluster.base.errors import ConfigError
from hacluster.base.iso8601 import Moment
from hacluster.base.report import has_errors
from hacluster.base.results import bad_schema
from hacluster.base.values import scan_int
from hacluster.cib.document import Document, document_of
from hacluster.cib.grammar import rank, version_of
from hacluster.cib.schema import ATTRIBUTE
from hacluster.cib.upgrade import MINIMUM, usable
from hacluster.client.schemas import installed_schemas
from hacluster.pe.model.cluster import Cluster
from hacluster.pe.schedule import status


def present(root: Any) -> Moment:
    """The time that a document is looked at: its ``execution-date``, or now."""
    executed = scan_int(root.get("execution-date"))
    epoch = executed or int(time.time())
    return Moment.from_epoch(epoch, time.localtime(epoch).tm_gmtoff)


def document(root: Any) -> Document:
    """The document of a CIB, in its present form; the tree stays as it is."""
    whole = document_of(copy.deepcopy(root))
    version = version_of(root.get(ATTRIBUTE))
    if version is not None and rank(version) >= rank(MINIMUM):
        return whole  # the source has validated it
    try:
        reports = usable(whole, installed_schemas())
    except ConfigError:
        raise bad_schema() from None
    if has_errors(reports):
        raise bad_schema()
    return whole


def cluster_of(root: Any) -> Cluster:
    """What a CIB says about its cluster."""
    return status(document(root), present(root))
