"""A picture of the demo's output: an SVG that needs no font and no file beside it, for light and for dark pages."""

from pathlib import Path

from rich.console import Console
from rich.terminal_theme import TerminalTheme

WIDTH = 104
"""Characters a line; the longest line of the demo has a few less."""

THEME = TerminalTheme(
    background=(22, 27, 34),
    foreground=(230, 237, 243),
    normal=[
        (72, 79, 88),
        (255, 123, 114),
        (86, 211, 100),
        (227, 179, 65),
        (121, 192, 255),
        (210, 168, 255),
        (118, 227, 234),
        (230, 237, 243),
    ],
)
"""A dark terminal, which is legible on any page."""

FORMAT = """\
<svg viewBox="0 0 {width} {height}" xmlns="http://www.w3.org/2000/svg" role="img" aria-label="The output of make demo">
    <!-- `make demo-recording` writes this file. -->
    <style>
    .{unique_id}-matrix {{
        font-family: ui-monospace, SFMono-Regular, Menlo, Consolas, "DejaVu Sans Mono", "Liberation Mono", monospace;
        font-size: {char_height}px;
        line-height: {line_height}px;
    }}
    .{unique_id}-title {{ font-family: ui-sans-serif, system-ui, sans-serif; font-size: 18px; font-weight: bold; }}
    {styles}
    </style>
    <defs>
    <clipPath id="{unique_id}-clip-terminal">
        <rect x="0" y="0" width="{terminal_width}" height="{terminal_height}"/>
    </clipPath>
    {lines}
    </defs>
    {chrome}
    <g transform="translate({terminal_x}, {terminal_y})" clip-path="url(#{unique_id}-clip-terminal)">
    {backgrounds}
    <g class="{unique_id}-matrix">
    {matrix}
    </g>
    </g>
</svg>
"""


def recording_console() -> Console:
    """Return a console that remembers what it prints, in colours; it is never a terminal, so it has no live table."""
    return Console(record=True, width=WIDTH, force_terminal=False, color_system="truecolor", highlight=False)


def write_recording(console: Console, path: Path) -> None:
    """Write what the console has printed."""
    path.parent.mkdir(parents=True, exist_ok=True)
    picture = console.export_svg(title="make demo", theme=THEME, code_format=FORMAT, unique_id="demo")
    path.write_text("\n".join(line.rstrip() for line in picture.splitlines()) + "\n")
