"""What bridge says to a member, in their language; the sentences themselves stand in `english`.

`sentences.POSTED`, `sentences.REASONS["unknown"]` and so on are the English ones or, after `speak`, those of
a catalogue in `locales/`. What a catalogue lacks is said in English.
"""

import contextlib
import gettext
from collections.abc import Iterator, Mapping, Sequence
from contextvars import ContextVar, Token
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bridge.language import english

if TYPE_CHECKING:
    from bridge.language.english import *  # noqa: F403 — whoever misspells a sentence hears of it from the type checker

LOCALES = Path(__file__).parent / "locales"

_locale: ContextVar[str] = ContextVar("locale", default="")


def are_translated() -> bool:
    """Whether there is any language but English: else nobody's has to be looked up."""
    return any(LOCALES.glob("*/LC_MESSAGES/bridge.mo"))


def speak(locale: str) -> Token[str]:
    """From here on this task, and those that it begins, say everything in this language.

    `locale` is as Slack has it, such as `de-DE`. https://docs.slack.dev/reference/objects/user-object
    """
    return _locale.set(locale)


@contextlib.contextmanager
def speaking(locale: str) -> Iterator[None]:
    """Within, everything is said in this language."""
    before = speak(locale)
    try:
        yield
    finally:
        _locale.reset(before)


def _spoken(name: str) -> Any:
    catalogue, sentence = _catalogue(_locale.get()), getattr(english, name)
    return _said(catalogue, name, sentence) if catalogue else sentence


if not TYPE_CHECKING:
    __getattr__ = _spoken


def _said(catalogue: gettext.NullTranslations, context: str, value: Any) -> Any:
    if isinstance(value, str):
        return catalogue.pgettext(context, value)
    if isinstance(value, Mapping):
        return {key: _said(catalogue, f"{context}.{key}", each) for key, each in value.items()}
    return value


@lru_cache(maxsize=64)
def _catalogue(locale: str) -> gettext.NullTranslations | None:
    """None for English, which is also for who has a language that nobody has translated to."""
    if not locale.replace("-", "").isalnum():
        return None
    with contextlib.suppress(FileNotFoundError):
        return gettext.translation("bridge", LOCALES, [locale.replace("-", "_")])
    return None


def some_of(names: Sequence[str], most: int) -> list[str]:
    """The first of them, and how many more there are."""
    more: list[str] = [_spoken("AND_MORE").format(more=len(names) - most)] if len(names) > most else []
    return [*names[:most], *more]


def reason(name: str, detail: Mapping[str, Any] | None = None, **more: Any) -> str:
    """The sentence for a reason; lists in the detail are told as people tell lists."""
    filled = {key: _told(value) for key, value in {**(detail or {}), **more}.items()}
    said: str = _spoken("REASONS").get(name, "")
    return said.format_map(_Blank(filled)).strip()


def file_reason(file: Mapping[str, Any]) -> str:
    """Why a file stays in Slack, to stand after its name."""
    reasons: Mapping[str, str] = _spoken("FILE_REASONS")
    return reasons.get(str(file.get("reason")), reasons["gone"])


class _Blank(dict[str, str]):
    def __missing__(self, key: str) -> str:
        return ""


def _told(value: Any) -> str:
    # A name that is not known is told in the reader's language, so it is not put into words before.
    return (
        ", ".join(str(each or _spoken("HIDDEN_GUEST")) for each in value)
        if isinstance(value, list | tuple)
        else str(value)
    )
