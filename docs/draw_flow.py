"""The picture of the flow in README.md: `.venv/bin/python docs/draw_flow.py` writes docs/images/flow.svg.

The SVG has two palettes and picks one by `prefers-color-scheme`, so it is legible in an `<img>` on a light or a dark
page. It uses the viewer's own sans-serif font and loads nothing.
"""  # noqa: INP001  (a script, not a package)

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple
from xml.sax.saxutils import escape

PICTURE = Path(__file__).parent / "images" / "flow.svg"
WIDTH, HEIGHT = 960, 384
TITLE = "datasync-trigger reads DataSync's log and counters, then sends one SQS message for each verified file"

STYLE = """
    text { font: 14px system-ui, -apple-system, "Segoe UI", Roboto, "DejaVu Sans", sans-serif; fill: #1f2328 }
    .title { font-weight: 600 }
    .note { font-size: 12px; fill: #59636e }
    .aws, .ours, .step { fill: #ffffff; stroke: #8c959f; stroke-width: 1.5 }
    .ours { fill: #ddf4ff; stroke: #0969da; stroke-width: 2 }
    .step { stroke: #0969da; stroke-width: 1 }
    .arrow { fill: none; stroke: #59636e; stroke-width: 1.5 }
    .tip { fill: #59636e }
    @media (prefers-color-scheme: dark) {
      text { fill: #f0f6fc }
      .note { fill: #9198a1 }
      .aws, .step { fill: #151b23; stroke: #656c76 }
      .ours { fill: #121d2f; stroke: #4493f8 }
      .step { stroke: #4493f8 }
      .arrow { stroke: #9198a1 }
      .tip { fill: #9198a1 }
    }
"""


class Box(NamedTuple):
    """A rectangle with a title and notes below it. Positions and sizes are in pixels."""

    x: int
    y: int
    width: int
    height: int
    kind: str
    title: str
    notes: Sequence[str] = ()


class Arrow(NamedTuple):
    """A line through points, with a tip at the last one and a label. `label_at` is the start of the label's text."""

    points: Sequence[tuple[int, int]]
    label: str = ""
    label_at: tuple[int, int] = (0, 0)


BOXES = (
    Box(16, 24, 160, 54, "aws", "Your storage", ["NFS, SMB, S3, …"]),
    Box(240, 24, 160, 54, "aws", "AWS DataSync", ["copies and verifies"]),
    Box(464, 24, 160, 54, "aws", "Amazon S3", ["the destination bucket"]),
    Box(16, 170, 160, 54, "aws", "CloudWatch Logs", ["a line for each file"]),
    Box(16, 234, 160, 54, "aws", "DataSync API", ["status and counters"]),
    Box(16, 298, 160, 54, "aws", "DynamoDB", ["facts and progress"]),
    Box(240, 132, 384, 236, "ours", "datasync-trigger", []),
    Box(258, 170, 348, 54, "step", "1. Follow", ["store each log line as a fact"]),
    Box(258, 234, 348, 54, "step", "2. Seal", ["log read to its end, quiet, counts match DataSync's"]),
    Box(258, 298, 348, 54, "step", "3. Publish after SUCCESS", ["new, verified, in S3 at its verified size"]),
    Box(688, 298, 136, 54, "aws", "Amazon SQS", ["one message a file"]),
    Box(872, 298, 72, 54, "aws", "Your", ["pipeline"]),
)

ARROWS = (
    Arrow([(176, 51), (240, 51)]),
    Arrow([(400, 51), (464, 51)]),
    Arrow([(290, 78), (290, 106), (96, 106), (96, 170)], "logs each file", (106, 122)),
    Arrow([(176, 197), (258, 197)]),
    Arrow([(176, 261), (258, 261)]),
    Arrow([(176, 210), (216, 210), (216, 244), (258, 244)]),
    Arrow([(240, 325), (176, 325)]),
    Arrow([(176, 325), (240, 325)]),
    Arrow([(544, 78), (544, 106), (656, 106), (656, 312), (606, 312)], "size, time, ETag", (664, 122)),
    Arrow([(606, 338), (688, 338)]),
    Arrow([(824, 325), (872, 325)]),
)


def drawing() -> str:
    """Return the picture as SVG."""
    size = f'viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" height="{HEIGHT}"'
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img" aria-labelledby="title">',
        f'  <title id="title">{TITLE}</title>',
        f"  <style>{STYLE}  </style>",
        '  <marker id="tip" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="8" markerHeight="8" orient="auto">',
        '    <path class="tip" d="M0 0 L8 4 L0 8 z"/>',
        "  </marker>",
    ]
    lines += [line for box in BOXES for line in _box(box)]
    lines += [line for arrow in ARROWS for line in _arrow(arrow)]
    return "\n".join([*lines, "</svg>", ""])


def _box(box: Box) -> Iterator[str]:
    yield f'  <rect class="{box.kind}" x="{box.x}" y="{box.y}" width="{box.width}" height="{box.height}" rx="8"/>'
    centre, top = box.x + box.width // 2, box.y + 24
    yield f'  <text class="title" x="{centre}" y="{top}" text-anchor="middle">{escape(box.title)}</text>'
    for line, note in enumerate(box.notes, start=1):
        yield f'  <text class="note" x="{centre}" y="{top + 18 * line}" text-anchor="middle">{escape(note)}</text>'


def _arrow(arrow: Arrow) -> Iterator[str]:
    path = " L".join(f"{x} {y}" for x, y in arrow.points)
    yield f'  <path class="arrow" d="M{path}" marker-end="url(#tip)"/>'
    if arrow.label:
        x, y = arrow.label_at
        yield f'  <text class="note" x="{x}" y="{y}">{escape(arrow.label)}</text>'


if __name__ == "__main__":
    PICTURE.parent.mkdir(exist_ok=True)
    PICTURE.write_text(drawing(), encoding="utf-8")
