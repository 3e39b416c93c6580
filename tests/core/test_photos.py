"""Photos are drawn anew, upright, small, and without anything but their pixels; whatever is no photo is refused."""

import io
import zlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, PngImagePlugin

from dispatch.core.photos import LONGEST_EDGE, MOST_BYTES, redraw

SECRET = b"52.5163 13.3777 in the back yard"


def noise(width: int, height: int) -> Image.Image:
    """The worst a photo can be: nothing of it can be told from what is beside it."""
    return Image.effect_noise((width, height), 120).convert("RGB")


def written(picture: Image.Image, kind: str, **options: object) -> bytes:
    out = io.BytesIO()
    picture.save(out, kind, **options)  # type: ignore[arg-type]  # options differ by format
    return out.getvalue()


def with_everything(picture: Image.Image) -> bytes:
    """A photo with a place, a comment, and a second file behind it."""
    exif = picture.getexif()
    exif[0x0112] = 6  # lies on its side
    exif[0x010E] = SECRET.decode()
    exif.get_ifd(0x8825)[1] = "N"
    return written(picture, "JPEG", exif=exif, comment=SECRET) + b"<script>" + SECRET + b"</script>"


def marked_png() -> bytes:
    text = PngImagePlugin.PngInfo()
    text.add_text("Comment", SECRET.decode())
    return written(Image.new("RGBA", (40, 30), (255, 0, 0, 0)), "PNG", pnginfo=text)


@pytest.mark.parametrize(
    ("data", "size"),
    [
        (written(noise(4000, 3000), "JPEG", quality=95), (2000, 1500)),
        (written(noise(900, 700), "PNG"), (900, 700)),
        (written(noise(300, 5000), "WEBP", quality=90), (120, 2000)),
        (written(Image.new("L", (20, 10)), "PNG"), (20, 10)),
        (written(Image.new("CMYK", (20, 10)), "JPEG"), (20, 10)),
        (written(Image.new("P", (20, 10)), "PNG"), (20, 10)),
        (written(Image.new("I;16", (20, 10)), "PNG"), (20, 10)),
        (with_everything(noise(60, 40)), (40, 60)),
        (marked_png(), (40, 30)),
    ],
)
def test_what_is_kept_is_a_small_upright_picture_and_nothing_else(data: bytes, size: tuple[int, int]) -> None:
    kept = redraw(data)
    assert len(kept) <= MOST_BYTES
    assert SECRET not in kept
    assert b"<script>" not in kept
    with Image.open(io.BytesIO(kept)) as picture:
        assert (picture.format, picture.mode) == ("JPEG", "RGB")
        assert max(picture.size) <= LONGEST_EDGE
        assert max(picture.size) == min(LONGEST_EDGE, max(size)) or len(data) > MOST_BYTES
        assert picture.width * size[1] == pytest.approx(picture.height * size[0], rel=0.05)
        assert dict(picture.getexif()) == {}
        assert not {"comment", "icc_profile", "exif", "xmp"} & set(picture.info)
        picture.load()


def test_what_was_see_through_is_white() -> None:
    with Image.open(io.BytesIO(redraw(marked_png()))) as picture:
        assert picture.getpixel((5, 5)) == (255, 255, 255)


def bomb(width: int, height: int) -> bytes:
    """A PNG that says it is huge: a few bytes that would fill the memory."""

    def chunk(name: bytes, body: bytes) -> bytes:
        return len(body).to_bytes(4, "big") + name + body + zlib.crc32(name + body).to_bytes(4, "big")

    head = width.to_bytes(4, "big") + height.to_bytes(4, "big") + bytes([8, 2, 0, 0, 0])
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "empty"),
        (b"hello", "no picture we can read"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>", "no picture we can read"),
        (b"<html><body>certificate.jpg</body></html>", "no picture we can read"),
        (b"%PDF-1.7 /JavaScript", "no picture we can read"),
        (written(noise(50, 50), "GIF"), "no picture we can read"),
        (written(noise(50, 50), "TIFF"), "no picture we can read"),
        (written(noise(500, 500), "JPEG")[:4000], "no picture we can read"),
        (written(noise(50, 50), "PNG")[:60], "no picture we can read"),
        (bomb(8000, 7000), "too many pixels"),
        (bomb(60_000, 60_000), "too many pixels"),
        (bomb(2**31 - 1, 2**31 - 1), "too many pixels"),
        (bomb(0, 5), "no picture we can read"),
    ],
)
def test_what_is_no_photo_is_refused_with_a_sentence(data: bytes, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        redraw(data)


WHOLE = written(noise(64, 48), "JPEG")


@settings(max_examples=80, deadline=None)
@given(st.integers(0, len(WHOLE) - 1), st.binary(min_size=1, max_size=40))
def test_a_file_broken_anywhere_is_a_picture_or_a_refusal(where: int, rubbish: bytes) -> None:
    broken = WHOLE[:where] + rubbish + WHOLE[where + len(rubbish) :]
    try:
        kept = redraw(broken)
    except ValueError:  # the only way out for what cannot be read
        kept = b""
    assert kept == b"" or kept.startswith(b"\xff\xd8")
