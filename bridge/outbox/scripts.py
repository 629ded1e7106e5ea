"""The outbox's steps as Redis scripts: each is atomic, and each may run twice without harm.

They stand in lua/, each behind `shared.lua`, which says what every one of them is given.
"""

from pathlib import Path

_LUA = Path(__file__).parent / "lua"
_SHARED = (_LUA / "shared.lua").read_text()


def script(file: Path) -> str:
    """A step from its file, with what all of them share."""
    return _SHARED + file.read_text()


PUT = script(_LUA / "put.lua")
TAKE_OUTCOME = script(_LUA / "take_outcome.lua")

CLAIM = script(_LUA / "claim.lua")
RENEW = script(_LUA / "renew.lua")
SENDING = script(_LUA / "sending.lua")
PUT_BACK = script(_LUA / "put_back.lua")
SETTLE = script(_LUA / "settle.lua")
TELL_LATER = script(_LUA / "tell_later.lua")
TOLD = script(_LUA / "told.lua")
NOTE = script(_LUA / "note.lua")
RECALL = script(_LUA / "recall.lua")
SET_ASIDE = script(_LUA / "set_aside.lua")

TRIAL = script(_LUA / "trial.lua")

CANCEL = script(_LUA / "cancel.lua")
RETRY = script(_LUA / "retry.lua")
