"""The two ways in which asking about a person fails: they may not, or Slack could not be asked."""

from typing import Any, Literal


class NotAllowed(Exception):
    """This person may not do this. `reason` names a sentence, `field` the form's field it stands under."""

    def __init__(self, reason: str, field: str | None = None, **detail: Any) -> None:
        super().__init__(reason)
        self.reason, self.field, self.detail = reason, field, detail


# How Slack failed us: it did not answer, asked us to wait, said no to the question, or to the app's token.
Fault = Literal["away", "turn", "refused", "token"]


class SlackAway(Exception):
    """A look-up in Slack did not work; `wait` seconds were asked for, if any. Says nothing about the person."""

    def __init__(self, error: str, wait: float | None = None, fault: Fault = "away") -> None:
        super().__init__(error)
        self.wait, self.fault = wait, fault
