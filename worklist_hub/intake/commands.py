"""`worklist-hub intake dry-run`: what a rule change would have done, before it does."""

from __future__ import annotations

import json
import sys
from argparse import Namespace
from datetime import UTC, datetime

from pacs.errors import PacsError
from worklist_hub.config import ConfigError, HubConfig, load_rules
from worklist_hub.intake.dry_run import Row, as_json, compare, studies_of, table
from worklist_hub.intake.runner import OpenPacs, own_pacs


def dry_run(config: HubConfig, arguments: Namespace, opened: OpenPacs | None = None) -> int:
    """0 where every hospital answered. Raises `ConfigError`."""
    wanted = [site for site in config.sites if site.connections and arguments.site in ("", site.site_id)]
    if not wanted and not arguments.site:
        raise ConfigError(f"{config.source}: no [[site]] has connections, so there is nothing to ask")
    if not wanted:
        raise ConfigError(f"{config.source}: no [[site]] with connections is called {arguments.site!r}")
    if arguments.hours <= 0:
        raise ConfigError("--hours must be above 0")
    new = load_rules(arguments.rules, config.sites) if arguments.rules else config.rules
    opened = opened or own_pacs(config.ae_title, config.secrets_file)
    now = arguments.now or datetime.now(UTC)
    rows: list[Row] = []
    silent = 0
    for site in wanted:
        try:
            found = studies_of(site, opened(site), now, arguments.hours, lambda: False)
            rows += compare(site, found, config.rules, new)
        except PacsError as error:
            silent += 1
            print(f"{site.site_id}: {error.reason}", file=sys.stderr, flush=True)
    if arguments.json:
        print(json.dumps(as_json(rows), ensure_ascii=False, indent=1))
    else:
        print("\n".join(table(rows, everything=arguments.all or not arguments.rules)))
    return 1 if silent else 0
