"""The Bolt app: which listener hears what."""

import logging

from slack_bolt.authorization import AuthorizeResult

from bridge.desk.keeping import Desk
from bridge.desk.listeners import GLOBAL_SHORTCUT, MESSAGE_SHORTCUT, Listeners
from bridge.form.view import MORE
from bridge.slack.dispatch import App
from bridge.telling import blocks


def build(desk: Desk, command: str) -> App:
    """The Bolt app with every listener of ours; it verifies nothing, which `http` has done on the raw bytes."""

    async def authorize(enterprise_id: str | None, team_id: str | None) -> AuthorizeResult:
        # Saves auth.test before the first acknowledgement.
        return AuthorizeResult(
            enterprise_id=enterprise_id, team_id=team_id, bot_token=desk.api.client.token, bot_user_id=desk.api.bot_user
        )

    quiet = logging.getLogger("bridge.bolt")
    quiet.setLevel(logging.ERROR)
    app = App(
        name="bridge",
        client=desk.api.client,
        authorize=authorize,
        logger=quiet,
        signing_secret="verified-in-front",  # noqa: S106 — Bolt insists on one and does not use it
        request_verification_enabled=False,
        process_before_response=True,
    )
    listeners = Listeners(desk, command)
    if desk.locale:
        app.middleware(listeners.in_their_language)
        app.before = listeners.speak_their_language
    app.hears("command", command, listeners.used_the_command)
    app.hears("shortcut", MESSAGE_SHORTCUT, listeners.shared_a_message)
    app.hears("shortcut", GLOBAL_SHORTCUT, listeners.began_a_post)
    app.hears("view_submission", blocks.FORM, listeners.sent_the_form)
    app.hears("view_closed", blocks.FORM, listeners.closed_the_form)
    app.hears("block_actions", MORE, listeners.asked_for_more)
    app.hears("block_actions", "location", listeners.changed_the_location)
    app.hears("block_actions", "thread", listeners.chose_the_thread)
    app.hears("block_actions", blocks.CANCEL, listeners.cancelled)
    app.hears("block_actions", blocks.REOPEN, listeners.tried_again)
    app.hears("block_actions", blocks.OPEN_THREAD, listeners.opened_the_thread)
    app.event("user_change")(listeners.changed_their_profile)
    app.event("app_uninstalled")(listeners.uninstalled)
    app.event("tokens_revoked")(listeners.revoked)
    app.event("message")(listeners.wrote_to_the_bot)
    return app
