"""How the demo looks in a terminal: two nodes, the client's requests as a strip, and the story so far."""

from __future__ import annotations

from rich.console import Group, RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from hacluster.lab.exercise import NODE1, NODE2, URL
from hacluster.tools.demo.picture import NodePicture, Picture

STATE_STYLES = {
    "active": "bold green",
    "up": "yellow",
    "init": "yellow",
    "off": "bold red",
    "stopped": "red",
    "member": "green",
    "member, DC": "bold green",
    "without quorum": "bold red",
    "joining": "yellow",
}
ANSWER_STYLES = {NODE1: "cyan", NODE2: "magenta", "n1": "cyan", "n2": "magenta", "n3": "green"}


def render(picture: Picture) -> RenderableType:
    """The whole screen as it is now."""
    nodes = Table.grid(expand=True)
    for _ in picture.nodes:
        nodes.add_column(ratio=1)
    nodes.add_row(*(_node(picture.nodes[name]) for name in sorted(picture.nodes)))
    story = Text("\n".join(f"• {line}" for line in picture.story[-12:]))
    return Group(
        Panel(Text(picture.turn, style="bold"), title="hacluster demo", border_style="blue"),
        nodes,
        _client(picture),
        Panel(story, title="so far", border_style="blue"),
    )


def _node(node: NodePicture) -> Panel:
    text = Text()
    text.append("state  ")
    text.append(node.state, STATE_STYLES.get(node.state, "white"))
    text.append(f"\nholds  {node.holds or '-'}")
    for peer, state in node.peers:
        text.append(f"\nsees   {peer} ")
        text.append(state, STATE_STYLES.get(state, "bold red"))
    if node.seal:
        text.append(f" ({node.seal})")
    for key, state in node.groups:
        text.append(f"\n{key} ")
        text.append(state, "bold green" if state == "running" else "dim")
    return Panel(text, title=node.name, border_style=ANSWER_STYLES.get(node.name, "white"))


def _client(picture: Picture) -> Panel:
    strip = Text()
    for who in list(picture.trail):
        strip.append("█" if who else "·", ANSWER_STYLES.get(who, "white") if who else "bold red")
    strip.append(f"\n{picture.answered} answered, {picture.failed} lost")
    return Panel(strip, title=f"the client asks {URL} all the time", border_style="white")
