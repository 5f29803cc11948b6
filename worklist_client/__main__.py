"""`python -m worklist_client`."""

import sys

from worklist_client.programs import main

sys.exit(main())
