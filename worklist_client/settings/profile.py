"""A profile: what one client keeps for itself. The embedded hub of a data directory is shared by all its profiles."""

from __future__ import annotations

import getpass
import re
from dataclasses import dataclass
from pathlib import Path

from platformdirs import user_data_path

from worklist_client.settings.declarations import CALLING_AE, READER_CODE, READER_NAME
from worklist_client.settings.store import Settings

APP_NAME = "universal-radiology-worklist"
DEFAULT_PROFILE = "default"
SECRETS_FILE = "secrets.toml"
AE_TITLE_LENGTH = 16


class ProfileError(Exception):
    """A profile that cannot be used; `reason` is an English sentence."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Profile:
    """Its name and the data directory that it lies in (where `hub.toml` is too)."""

    name: str
    data_dir: Path

    @property
    def folder(self) -> Path:
        """Journal, settings, cache, key map and log of this profile."""
        return self.data_dir / "profiles" / self.name

    @property
    def settings_path(self) -> Path:
        """Where its settings lie."""
        return self.folder / "settings.json"

    @property
    def secrets_files(self) -> tuple[Path, Path]:
        """Private files that hold secrets where there is no keychain: its own, then the one beside `hub.toml`."""
        return self.folder / SECRETS_FILE, self.data_dir / SECRETS_FILE


def open_profile(name: str, data_dir: str) -> Profile:
    """The profile, its folder made for its owner only; an empty `data_dir` is the user's own. Raises `ProfileError`."""
    profile = profile_at(name, data_dir)
    try:
        profile.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as error:
        raise ProfileError(f"the folder {profile.folder} cannot be made: {error.strerror}") from error
    return profile


def profile_at(name: str, data_dir: str) -> Profile:
    """As `open_profile`, with nothing made."""
    if not re.fullmatch(r"[A-Za-z0-9_-]{1,32}", name):
        raise ProfileError(f"profile {name!r}: a name is 1 to 32 letters, digits, - or _")
    return Profile(name, Path(data_dir).expanduser().resolve() if data_dir else user_data_path(APP_NAME))


def ae_title_of(settings: Settings, profile: str) -> str:
    """The AE title of this desk: the setting, else WORKLIST, or WL_<PROFILE> for a profile with a name of its own."""
    title = settings.get(CALLING_AE) or ("WORKLIST" if profile == DEFAULT_PROFILE else f"WL_{profile.upper()}")
    return title[:AE_TITLE_LENGTH]


def reader_name_and_code(settings: Settings, profile: str) -> tuple[str, str]:
    """Who reads: name and number of the settings. Where one of them is missing nobody is named: the name is empty, and
    the login name of this computer stands for the number, one a profile. It is never signed with."""
    name, code = settings.get(READER_NAME), settings.get(READER_CODE)
    if name and code:
        return name, code
    login = getpass.getuser()
    return "", login if profile == DEFAULT_PROFILE else f"{login}-{profile}"
