"""`make catalogue`: the template for translators, the compiled languages, and what is missing or too long in them.

A language is begun by copying bridge.pot in bridge/language/locales/ to, say, de.po beside it, and filled in with any
editor for gettext catalogues. https://www.gnu.org/software/gettext/manual/html_node/PO-Files.html
"""

import string
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po

from bridge.language import english, sentences

TEMPLATE = "bridge.pot"
# What Block Kit has room for; everything else is shown where 3,000 characters fit.
# https://docs.slack.dev/reference/block-kit/block-elements
ROOM: Mapping[str, int] = {
    "TITLE": 24,
    "BUTTONS.post": 24,
    "BUTTONS.cancel": 24,
    "BUTTONS.close": 24,
    "BUTTONS": 75,
    "CHOICES": 75,
    "DESCRIPTIONS": 75,
    "PLACEHOLDERS": 150,
}


def messages() -> Iterator[tuple[str, str]]:
    """Every sentence of `english`, with its context."""
    for name, value in vars(english).items():
        if name.isupper() and isinstance(value, str):
            yield name, value
        elif name.isupper():
            yield from ((f"{name}.{key}", each) for key, each in value.items())


def template() -> Catalog:
    catalogue = Catalog(project="bridge", charset="utf-8")
    for context, text in messages():
        catalogue.add(text, context=context)
    return catalogue


def room(context: str) -> int:
    return ROOM.get(context) or ROOM.get(context.partition(".")[0]) or 3000


def faults(catalogue: Catalog) -> list[str]:
    """What is missing, too long, or has other gaps than the English sentence."""
    found = []
    for context, text in messages():
        message = catalogue.get(text, context)
        said = str(message.string) if message and not message.fuzzy else ""
        if not said:
            found.append(f"{context}: is missing")
        elif len(said) > room(context):
            found.append(f"{context}: has {len(said)} characters; there is room for {room(context)}")
        elif _gaps(said) != _gaps(text):
            found.append(f"{context}: must have the gaps {sorted(_gaps(text))}")
    return found


def _gaps(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name}


def compiled(po: Path, folder: Path) -> list[str]:
    """Writes the catalogue where gettext looks for it, unless something is wrong with it."""
    with po.open("rb") as file:
        catalogue = read_po(file, locale=po.stem)
    if found := faults(catalogue):
        return found
    target = folder / po.stem / "LC_MESSAGES" / "bridge.mo"
    target.parent.mkdir(parents=True, exist_ok=True)
    with target.open("wb") as file:
        write_mo(file, catalogue)
    return []


def main() -> int:
    with (sentences.LOCALES / TEMPLATE).open("wb") as file:
        write_po(file, template(), omit_header=True, sort_output=False)
    found = [f"{po.name}: {each}" for po in sorted(sentences.LOCALES.glob("*.po")) for each in compiled(po, po.parent)]
    sys.stdout.writelines(f"{each}\n" for each in found)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
