"""`python -m worklist_hub`."""

from __future__ import annotations

import sys

from worklist_hub.app import main

sys.exit(main())
