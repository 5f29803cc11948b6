"""Which render path draws, by what the GL renderer calls itself."""

from __future__ import annotations

import pytest

from viewer.render.choice import AUTO, SOFTWARE, VTK, choose
from viewer.render.gl_format import GlProbe, judge, surface_format


@pytest.mark.parametrize(
    ("renderer", "hardware"),
    [
        ("NVIDIA RTX A2000/PCIe/SSE2", True),
        ("Mesa Intel(R) UHD Graphics 630 (CFL GT2)", True),
        ("AMD Radeon Pro W6600", True),
        ("Apple M2", True),
        ("llvmpipe (LLVM 15.0.6, 256 bits)", False),
        ("Google SwiftShader", False),
        ("GDI Generic", False),
        ("Microsoft Basic Render Driver", False),
        ("", False),
    ],
)
def test_software_renderers_are_recognized(renderer: str, hardware: bool) -> None:
    found = judge(renderer)
    assert found.hardware is hardware
    assert bool(found.reason) is not hardware


def test_a_remote_desktop_is_drawn_in_software() -> None:
    assert not judge("NVIDIA T400", remote=True).hardware


@pytest.mark.parametrize(
    ("request_", "probe", "name"),
    [
        (AUTO, GlProbe(True, True, "card", ""), VTK),
        (AUTO, GlProbe(True, False, "llvmpipe", "the processor draws"), SOFTWARE),
        (AUTO, GlProbe(False, False, "", "no OpenGL"), SOFTWARE),
        (VTK, GlProbe(True, False, "llvmpipe", "the processor draws"), VTK),
        (VTK, GlProbe(False, False, "", "no OpenGL"), SOFTWARE),
    ],
)
def test_the_choice_falls_back_to_software_and_says_why(request_: str, probe: GlProbe, name: str) -> None:
    choice = choose(request_, lambda: probe)
    assert choice.name == name
    assert choice.reason == ("" if name == VTK else probe.reason)


def test_software_is_chosen_without_asking() -> None:
    def ask() -> GlProbe:
        raise AssertionError("probing costs time")

    assert choose(SOFTWARE, ask).name == SOFTWARE


def test_the_format_has_no_multisampling() -> None:
    made = surface_format()
    assert made.samples() == 0
    assert (made.majorVersion(), made.minorVersion()) == (3, 2)
