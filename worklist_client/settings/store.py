"""The choices of one profile, in `settings.json` of its folder. A bad entry costs that entry, never the start."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

from worklist_client.settings.declarations import DECLARATIONS, AnySetting, Setting

T = TypeVar("T", str, int, float, bool)


class SettingsError(Exception):
    """A value that a setting does not allow, or a file that cannot be written; `key` and `reason` say which and why."""

    def __init__(self, key: str, reason: str) -> None:
        super().__init__(f"{key}: {reason}")
        self.key = key
        self.reason = reason


class Settings:
    """Read with `get`, change with `set`. Entries that this version does not know are kept as they are."""

    def __init__(self, path: Path | None, values: Mapping[str, Any], problems: tuple[str, ...] = ()) -> None:
        self._path = path
        self._values = dict(values)
        self.problems = problems
        """Sentences about entries of the file that were not used; shown once at the start."""

    @staticmethod
    def load(path: Path) -> Settings:
        """Read the file of a profile; a missing file means all defaults."""
        try:
            data = json.loads(path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return Settings(path, {})
        except (OSError, UnicodeDecodeError) as error:
            return Settings(path, {}, (f"{path.name} cannot be read ({type(error).__name__}); defaults are used",))
        except json.JSONDecodeError as error:
            return Settings(path, {}, (f"{path.name} line {error.lineno}: {error.msg}; defaults are used",))
        if not isinstance(data, dict):
            return Settings(path, {}, (f"{path.name}: must be one object of settings; defaults are used",))
        problems = []
        for setting in DECLARATIONS:
            if setting.key in data:
                refusal = setting.refusal(data[setting.key])
                if refusal:
                    problems.append(f"{path.name}: '{setting.key}' {refusal}; {setting.default!r} is used")
                    del data[setting.key]
        return Settings(path, data, tuple(problems))

    @staticmethod
    def in_memory(**values: Any) -> Settings:
        """Settings without a file; keys with `__` for the dot (`reader__name="..."`)."""
        settings = Settings(None, {})
        declared = {setting.key: setting for setting in DECLARATIONS}
        for name, value in values.items():
            settings.put(declared[name.replace("__", ".")], value)
        return settings

    def get(self, setting: Setting[T]) -> T:
        """The value, or the default."""
        value = self._values.get(setting.key, setting.default)
        return setting.kind(value)  # type: ignore[no-any-return]

    def set(self, setting: Setting[T], value: T) -> None:
        """Change a value and write the file at once. Raises `SettingsError`."""
        self._put(setting.key, setting.refusal(value), value)

    def value_of(self, setting: AnySetting) -> object:
        """`get` for whoever goes through all settings."""
        return self._values.get(setting.key, setting.default)

    def put(self, setting: AnySetting, value: object) -> None:
        """`set` for whoever goes through all settings. Raises `SettingsError`."""
        self._put(setting.key, setting.refusal(value), value)

    def _put(self, key: str, refusal: str, value: object) -> None:
        if refusal:
            raise SettingsError(key, refusal)
        self._values[key] = value
        if self._path is not None:
            _write(self._path, self._values, key)


def _write(path: Path, values: Mapping[str, Any], key: str) -> None:
    """Write beside and rename, so that a crash leaves the old or the new file, never half of one."""
    temporary = path.with_suffix(".new")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            json.dump(values, file, indent=2, sort_keys=True, ensure_ascii=False)
        os.replace(temporary, path)
    except OSError as error:
        raise SettingsError(key, f"cannot be stored ({error.strerror})") from error
