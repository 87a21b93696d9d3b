"""Feeds of layouts that the fictional county does not have, for tests: each is added to a copy of its site folder."""

from __future__ import annotations

import shutil
from pathlib import Path

LAYOUTS = Path(__file__).resolve().parents[2] / "mappings" / "layouts"
CONNECTORS = {
    "corerm_events": "jail.corerm_events",
    "corerm_alerts": "jail.corerm_alerts",
    "jailtracker": "jail.jailtracker_json",
    "zuercher": "jail.zuercher_json",
    "niem_booking": "jail.niem_booking",
    "ecf": "court.ecf_xml",
    "odyssey_csv": "court.odyssey_csv",
    "odyssey_json": "court.odyssey_json",
    "ccda": "behavioral_health.ccda",
    "screenings_csv": "table.csv",
}
"""The connector of each layout."""


def feed_of(layout):
    """The name of the feed that `with_layout` adds."""
    return layout.replace("_", "-")


def with_layout(layout, *lines, sender=None):
    """An edit of a site folder that adds a feed for a layout, with further ``lines`` in its file."""

    def adjust(folder):
        shutil.copyfile(LAYOUTS / f"{layout}.yaml", folder / "mappings" / f"{layout}.yaml")
        connector = CONNECTORS[layout]
        own = sender or connector.split(".")[0]
        text = [
            f"feed: {feed_of(layout)}",
            "title: a feed of a test",
            f"connector: {connector}",
            f"mapping: mappings/{layout}.yaml",
            f"organization: {own}",
            "units:",
            f"  {own}: {{organization: {own}, regime: justice}}",
            *lines,
        ]
        (folder / "feeds" / f"{layout}.yaml").write_text("\n".join(text) + "\n")

    return adjust
