"""Every choice, declared once: key, type, default, range, description. Dialog, documentation and checks come from here.

No secrets: tokens and passwords live in the keychain of the desktop.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Generic, TypeVar

T = TypeVar("T", str, int, float, bool)


@dataclass(frozen=True, slots=True)
class Setting(Generic[T]):
    """One choice. `description` is English and is translated where it is shown."""

    key: str
    default: T
    description: str
    choices: tuple[T, ...] = ()
    """Allowed values; empty = everything of the type within the range."""
    minimum: float | None = None
    maximum: float | None = None
    unit: str = ""
    restart: bool = False
    """Whether the change is seen only after the next start."""

    @property
    def kind(self) -> type:
        """str, int, float or bool."""
        return type(self.default)

    def refusal(self, value: object) -> str:
        """Why this value is not allowed, in English; empty where it is."""
        if self.kind is float and type(value) is int:
            value = float(value)
        if type(value) is not self.kind:
            return f"must be {_KIND_WORDS[self.kind]}, not {value!r}"
        if self.choices and value not in self.choices:
            return f"must be one of {', '.join(map(str, self.choices))}, not {value!r}"
        if isinstance(value, (int, float)):
            if self.minimum is not None and value < self.minimum:
                return f"must be at least {self.minimum:g}, not {value:g}"
            if self.maximum is not None and value > self.maximum:
                return f"must be at most {self.maximum:g}, not {value:g}"
        return ""


_KIND_WORDS = {str: "a text", int: "a whole number", float: "a number", bool: "true or false"}

LANGUAGE = Setting("language", "auto", "Language of the interface", choices=("auto", "en", "nl"), restart=True)
READER_NAME = Setting("reader.name", "", "Your name as it is signed: family name, given name, title", restart=True)
READER_CODE = Setting("reader.code", "", "Your personal number, for example UZI or AGB", restart=True)
READER_ORGANISATION = Setting("reader.organisation", "", "The organisation you work for", restart=True)
REPORT_LANGUAGE = Setting(
    "report.language",
    "interface",
    "Language of new reports; a report that was begun keeps its own",
    choices=("interface", "en", "nl"),
)
HUB_URL = Setting(
    "hub.url", "", "Address of the shared worklist; empty = a worklist on this computer only", restart=True
)
HUB_LOGIN = Setting("hub.login", "", "Your name at the shared worklist, as it was last used to sign in")
CALLING_AE = Setting("network.calling_ae", "", "AE title of this desk; empty = made from the profile", restart=True)
RENDER_PATH = Setting(
    "viewer.render_path", "auto", "How images are drawn", choices=("auto", "software", "vtk"), restart=True
)
CACHE_BUDGET_GB = Setting(
    "cache.budget_gb", 20.0, "Space for images on this computer", minimum=1, maximum=4000, unit="GB", restart=True
)
KEEP_REPORTS_DAYS = Setting(
    "reports.keep_days", 30, "How long delivered reports stay on this computer", minimum=1, maximum=3650, unit="d"
)
IMAGE_WORKERS = Setting(
    "workers.images", 2, "Processes that fetch and decode images", minimum=1, maximum=8, restart=True
)
HIGHLIGHT_S = Setting(
    "worklist.highlight_s", 4.0, "How long a row that changed stays highlighted", minimum=0, maximum=60, unit="s"
)
TEXT_SIZE_PT = Setting(
    "appearance.text_size_pt", 10, "Size of the text", minimum=8, maximum=18, unit="pt", restart=True
)

AnySetting = Setting[str] | Setting[int] | Setting[float] | Setting[bool]

DECLARATIONS: tuple[AnySetting, ...] = (
    LANGUAGE,
    READER_NAME,
    READER_CODE,
    READER_ORGANISATION,
    REPORT_LANGUAGE,
    HUB_URL,
    HUB_LOGIN,
    CALLING_AE,
    RENDER_PATH,
    CACHE_BUDGET_GB,
    KEEP_REPORTS_DAYS,
    IMAGE_WORKERS,
    HIGHLIGHT_S,
    TEXT_SIZE_PT,
)
