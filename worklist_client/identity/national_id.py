"""The Dutch national ID (BSN): nine digits with the 11-test. The numbers that stand for "unknown" are no ID."""

from __future__ import annotations

_WEIGHTS = (9, 8, 7, 6, 5, 4, 3, 2, -1)
_SEPARATORS = str.maketrans("", "", " .-")


def normal_form(text: str) -> str:
    """Nine digits, or empty where the text holds no national ID at all (words, zeros, one digit repeated).

    Eight digits get their leading zero, which systems that keep numbers lose. The 11-test is not applied: a number with
    a typing error is still a value that contradicts another one.
    """
    digits = text.translate(_SEPARATORS).strip()
    if not digits.isascii() or not digits.isdigit() or len(digits) not in (8, 9):
        return ""
    digits = digits.zfill(9)
    # 999999990, 111111110 and their like pass the 11-test and stand for "unknown" in several systems.
    return "" if len(set(digits[:8])) == 1 else digits


def is_valid(text: str) -> bool:
    """Whether it is a national ID that passes the 11-test."""
    digits = normal_form(text)
    return bool(digits) and sum(weight * int(digit) for weight, digit in zip(_WEIGHTS, digits, strict=True)) % 11 == 0
