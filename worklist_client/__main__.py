"""`python -m worklist_client`."""

import sys

from worklist_client.app import main

sys.exit(main())
