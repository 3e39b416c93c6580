"""Pure: photos people send become plain pictures of ours, or are refused with a sentence that says what would do.

What is kept is drawn anew from the pixels, so nothing of the file that was sent survives: no place or camera, no text,
no second file behind the picture.
"""

import io
import warnings

from PIL import Image, ImageOps

FORMATS = ("JPEG", "PNG", "WEBP")
MOST_BYTES = 400_000
LONGEST_EDGE = 2000
MOST_PIXELS = 50_000_000
_QUALITIES = (85, 75, 65, 55, 45, 35)
_SHRINK = 0.75
_SMALLEST_EDGE = 300
# What the library itself finds too large to be a photo is refused rather than warned about.
warnings.simplefilter("error", Image.DecompressionBombWarning)


def redraw(data: bytes) -> bytes:
    """Return a photo as an upright JPEG of at most 400 KB, nothing but its pixels; ValueError says what is wrong."""
    if not data:
        raise ValueError("The file is empty. Take the photo again.")
    try:
        with Image.open(io.BytesIO(data), formats=FORMATS) as sent:
            sent.draft("RGB", (LONGEST_EDGE, LONGEST_EDGE))  # a large JPEG is read at a fraction of its size
            if sent.width * sent.height > MOST_PIXELS:
                raise _TooLargeError
            upright = ImageOps.exif_transpose(sent)
            upright.thumbnail((LONGEST_EDGE, LONGEST_EDGE))
            picture = _on_white(upright)
    except (_TooLargeError, Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise ValueError(
            "The picture has too many pixels. Take it with the phone's camera at its usual size."
        ) from None
    except (OSError, SyntaxError, ValueError, EOFError, MemoryError, IndexError, TypeError, OverflowError):
        # What a decoder stumbles over differs by format; for whoever sent it all of it is one thing.
        raise ValueError("This is no picture we can read. Send a photo as JPEG, PNG or WebP.") from None
    return _small(picture)


class _TooLargeError(Exception):
    """The picture is larger than anybody's photo of a document."""


def _on_white(picture: Image.Image) -> Image.Image:
    """Return the pixels alone, on white where they are see-through."""
    drawn = Image.new("RGB", picture.size, "white")
    solid = picture.convert("RGBA")
    drawn.paste(solid, mask=solid.getchannel("A"))
    return drawn


def _small(picture: Image.Image) -> bytes:
    """Write the picture as well as it fits into the limit: first coarser, then smaller."""
    while True:
        for quality in _QUALITIES:
            written = io.BytesIO()
            picture.save(written, "JPEG", quality=quality, optimize=True)
            if written.tell() <= MOST_BYTES:
                return written.getvalue()
        edge = round(max(picture.size) * _SHRINK)
        if edge < _SMALLEST_EDGE:
            raise ValueError("This picture cannot be made small enough. Take the photo again.")
        picture = picture.resize([max(1, round(side * _SHRINK)) for side in picture.size])
