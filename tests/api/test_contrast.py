"""The pages' colours against WCAG 2.2: 4.5 to 1 for text, 3 to 1 for marks."""

import re
from pathlib import Path

import pytest

STATIC = Path(__file__).resolve().parents[2] / "api" / "web" / "static"
TEXTS = ("text", "muted", "accent", "urgent", "desk", "offered", "field", "check", "ended")
GROUNDS = ("ground", "surface", "raised")


def colours(sheet: str) -> dict[str, str]:
    return dict(re.findall(r"--([\w-]+): (#[0-9a-f]{3,6});", (STATIC / sheet).read_text(encoding="utf-8")))


def luminance(colour: str) -> float:
    digits = colour.removeprefix("#")
    whole = digits if len(digits) == 6 else "".join(2 * digit for digit in digits)
    parts = [int(whole[place : place + 2], 16) / 255 for place in (0, 2, 4)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def test_the_measure_itself() -> None:
    assert contrast("#000", "#fff") == pytest.approx(21.0)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)


@pytest.mark.parametrize("sheet", ["theme.css", "light.css"])
@pytest.mark.parametrize("text", TEXTS)
@pytest.mark.parametrize("ground", GROUNDS)
def test_text_can_be_read_on_every_ground(sheet: str, text: str, ground: str) -> None:
    known = colours(sheet)
    assert contrast(known[text], known[ground]) >= 4.5


@pytest.mark.parametrize(
    ("sheet", "text", "ground"),
    [
        ("theme.css", "#24090a", "urgent"),
        ("theme.css", "#fff", "button"),
        ("light.css", "#fff", "urgent"),
        ("light.css", "#fff", "accent"),
    ],
)
def test_filled_buttons_and_flags_can_be_read(sheet: str, text: str, ground: str) -> None:
    known = {**colours(sheet), "button": "#2b6f9e"}
    assert contrast(text, known[ground]) >= 4.5
    assert known["button"] in (STATIC / "theme.css").read_text(encoding="utf-8")
