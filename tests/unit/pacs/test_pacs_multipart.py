"""Multipart answers in pieces of any size."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pacs.dicomweb.multipart import MultipartReader, boundary_of
from pacs.errors import ProtocolViolation


def source(data: bytes, size: int) -> Callable[[int], bytes]:
    pieces = iter([data[at : at + size] for at in range(0, len(data), size)])
    return lambda _limit: next(pieces, b"")


def encode(parts: list[bytes], *, with_length: bool, preamble: bytes = b"") -> bytes:
    body = bytearray(preamble)
    for part in parts:
        length = f"Content-Length: {len(part)}\r\n".encode() if with_length else b""
        body += b"\r\n--b\r\nContent-Type: application/dicom\r\n" + length + b"\r\n" + part
    return bytes(body + b"\r\n--b--\r\n")


def read_all(data: bytes, size: int) -> list[bytes]:
    reader = MultipartReader(source(data, size), "b")
    return [b"".join(bytes(piece) for piece in pieces) for _headers, pieces in reader.parts()]


@given(
    st.lists(st.binary(max_size=60), max_size=4),
    st.integers(1, 50),
    st.booleans(),
    st.sampled_from([b"", b"some preamble"]),
)
def test_parts_come_out_as_they_went_in_however_they_are_cut(
    parts: list[bytes], size: int, with_length: bool, preamble: bytes
) -> None:
    clean = [part.replace(b"--b", b"") for part in parts]
    assert read_all(encode(clean, with_length=with_length, preamble=preamble), size) == (clean if clean else [])


def test_the_first_delimiter_may_stand_at_the_very_beginning() -> None:
    assert read_all(encode([b"one", b"two"], with_length=False)[2:], 7) == [b"one", b"two"]


def test_with_a_length_the_delimiter_may_occur_inside() -> None:
    tricky = b"x\r\n--b\r\ny"
    assert read_all(encode([tricky], with_length=True), 5) == [tricky]


def test_a_part_that_nobody_reads_is_skipped() -> None:
    reader = MultipartReader(source(encode([b"one", b"two"], with_length=True), 9), "b")
    assert len([headers for headers, _pieces in reader.parts()]) == 2


@pytest.mark.parametrize("with_length", [True, False])
def test_an_answer_that_is_cut_off_anywhere_is_an_error(with_length: bool) -> None:
    whole = encode([b"one" * 20, b"two" * 20], with_length=with_length)
    for end in range(len(whole) - 4):
        with pytest.raises(ProtocolViolation):
            read_all(whole[:end], 16)


def test_a_length_that_lies_is_an_error() -> None:
    data = encode([b"12345"], with_length=True).replace(b"Content-Length: 5", b"Content-Length: 3")
    with pytest.raises(ProtocolViolation, match="length"):
        read_all(data, 100)


def test_endless_headers_are_an_error() -> None:
    with pytest.raises(ProtocolViolation, match="endless"):
        read_all(b"--b\r\n" + b"X: y\r\n" * 10000, 1000)


def test_the_boundary_is_read_with_and_without_quotes() -> None:
    assert boundary_of('multipart/related; type="application/dicom"; boundary="a b"') == "a b"
    assert boundary_of("multipart/related; boundary=xyz") == "xyz"
    assert boundary_of("application/dicom") == ""
    with pytest.raises(ProtocolViolation):
        boundary_of("multipart/related; type=x")
