"""The agents' library is not part of the package: it is found where the agents find it."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[3] / "ra" / "lib"))
