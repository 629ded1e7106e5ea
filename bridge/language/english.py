"""Every sentence that a member reads, in one place; gaps in braces are filled when it is said.

Rules of the house: say what happened, then what to do next; "was not" only when it is sure,
"may not have been" when it is not; no blame, no "Oops", no meaning by emoji alone.

Other languages are gettext catalogues made from this file: `make catalogue` writes the template to
`locales/bridge.pot` and compiles every `locales/de.po` beside it. A name in capitals here, with the key of
its table, is the context of its message there.
"""

from collections.abc import Mapping

TITLE = "Post to community"

# The form, by its fields' names in Slack.
LABELS: Mapping[str, str] = {
    "subject": "Subject",
    "message": "Message",
    "thread": "Thread",
    "files": "Files",
    "thread_files": "Files in the thread",
    "credit": "Credit",
    "location": "Location",
    "group": "Group",
    "tags": "Tags",
    "delivery": "Delivery",
    "private": "Private",
    "guests": "Guests",
}
PLACEHOLDERS: Mapping[str, str] = {
    "subject": "One line that says what it is about",
    "location": "Where should it appear?",
    "group": "The whole board",
    "tags": "events, coffee",
    "guests": "Who else can read it?",
}
HINTS: Mapping[str, str] = {
    "thread": "Tick to read the thread; then this line says how much fits.",
    "files": "Untick what should stay in Slack.",
    "thread_files": "Untick what should stay in Slack.",
    "credit": "Unticked, only you are named.",
    "tags": "Separated by commas",
    "guests": "They get a notice. A private post needs at least one.",
}
CHOICES: Mapping[str, str] = {
    "thread": "Carry the whole thread, not only this message",
    "credit": "Say whose words these are",
    "digest": "With the daily digest",
    "instant": "Right away",
    "private": "Only me and the guests can read it",
}
DESCRIPTIONS: Mapping[str, str] = {
    "digest": "People read it in their next digest mail",
    "instant": "Members get a mail for this post alone; use it sparingly",
}
BUTTONS: Mapping[str, str] = {
    "post": "Post",
    "cancel": "Cancel",
    "close": "Close",
    "more": "More options",
    "cancel_post": "Cancel this post",
    "open": "Open the thread",
    "edit": "Edit and try again",
}

REASONS: Mapping[str, str] = {
    # the form itself
    "subject_empty": "Give it a subject: the line that people see first on the board.",
    "message_empty": "Write a message; a short one will do.",
    "too_long": "Too long by {over}: the {what} may have {limit} characters.",
    "guests_needed": "Choose at least one guest: a private post needs somebody who can read it.",
    "guests_many": "Choose at most {most} guests for one post.",
    "too_many": "You have reached {limit} posts this hour, the most for one person here. Please try again later.",
    "store_away": "We cannot keep your post right now. Your words stay here; send them again in a minute. "
    "They will not be posted twice.",
    "store_unsure": "We cannot be sure that your post was kept. Your words stay here; send them again in a minute. "
    "They will not be posted twice.",
    "store_away_command": "We cannot keep your post right now. Please send it again in a minute.",
    "store_unsure_command": "We cannot be sure that your post was kept. In a minute, *{command} status* shows "
    "whether it was; if it does not, send it again.",
    "removed": "Slack says that this app was removed from the workspace, so nothing can be posted. Copy your words and "
    "ask the community team to install it again.",
    "files_gone": "We do not keep the list of these files any more. Copy your words, close the form, and open the "
    "message's menu again.",
    "form_stale": "This form is too old. Copy your words, close it, and open it again.",
    "thread_unread": "We are still reading the thread. Press Post again in a moment, or untick this to post the one "
    "message.",
    "thread_unreadable": "The thread could not be read; untick this to post the one message.",
    "original_gone": "We do not keep that message any more. Please open its menu and choose Post to community again.",
    "private_forbidden": "This message is not from a public channel, and this space keeps such messages in Slack.",
    "private_unknown": "Slack did not tell us whether this message is from a public channel. Please try again in a "
    "minute.",
    # the Slack side of who you are
    "foreign": "Only members of this Slack workspace can post here; your account belongs to another one.",
    "deleted": "Your Slack account is deactivated, so nothing can be posted in your name.",
    "bot": "Posts need a person behind them; apps and bots cannot post to the board.",
    "guest": "Guest accounts cannot post to the board here. Please ask the community team.",
    "no_email": "Slack does not show us your e-mail address, so we cannot tell who you are on the board. "
    "Please ask the community team to check the app's permissions.",
    "unconfirmed": "Your e-mail address in Slack is not confirmed yet. Confirm it with the mail from Slack, "
    "then try again.",
    # the board's side
    "unknown": "The board does not know your Slack e-mail address. Ask the community team to add it.",
    "archived": "Your member profile is archived. Please ask the community team to restore it.",
    "inactive": "Your member profile is not active. Please ask the community team.",
    "profile_unreadable": "The board has a member profile with your e-mail address but does not show it to us. "
    "Please ask the community team.",
    "no_login": "You have no login for the members' portal yet. Ask the community team to invite you; "
    "posts always stand under your own account.",
    "ambiguous": "Several accounts on the board have your e-mail address, and we do not guess which is you. "
    "Ask the community team to merge them.",
    "no_board_access": "You may not use the discussion board at {name} yet. Please ask the community team.",
    "no_location": "You are not a member at a location with a board here. Please ask the community team.",
    "location_unknown": "That is not one of this space's locations. Please choose another.",
    "choose_location": "Choose where to post it; you are a member at: {offered}.",
    "other_location": "You are not a member at {name}. You can post at: {offered}.",
    "group_elsewhere": "That group is not at {name}. Choose one of its groups, or none.",
    "group_not_member": "Only members of that group may post in it. Choose another group, or none.",
    "instant_not_allowed": "Only a few people here may send it right away. Choose the daily digest.",
    "guests_unmapped": "Not on the board, or not at this location: {who}. Remove them, or ask the community team.",
    "board_refused": "The board did not accept it. {said}",
    "reference_refused": "The board does not let us post in your name: your login there may be gone, or the app "
    "lacks a right. Please tell the community team.",
    # endings
    "patience": "The board could not be reached for too long, so we stopped trying.",
    "patience_login": "The board did not accept this app's login for too long, so we stopped trying. Please tell the "
    "community team.",
    "patience_slack": "We could not look up in Slack who you are for too long, so we stopped trying.",
    "worker_died": "Something in this post stops us from carrying it. Please tell the community team the "
    "reference below.",
    "several": "More than one post on the board looks like yours, and we do not guess.",
    "sent_often": "We sent it several times and the board never confirmed it, so we stopped.",
    "erased": "Its words were removed with the data of somebody whom it named.",
    "changed_mind": "You cancelled it.",
    "dropped": "The community team took it out of the queue.",
    "uninstalled": "The app was removed from this workspace before it could be posted.",
}

HELP = (
    "*{command}* opens a form to write to the members' discussion board.\n"
    "*{command} Your subject* opens the form with the subject filled in.\n"
    "*{command} post Subject | Message #tag #tag* posts at once, with the daily digest.\n"
    "*{command} whoami* shows which account you post as.\n"
    "*{command} status* shows your latest posts and where each stands.\n"
    "To carry an existing message across, open its menu (⋮ or long press) and choose *Post to community*; "
    "that works in threads too, where Slack does not offer commands."
)
WHOAMI = "You post as *{name}* at {locations}. That is the board account with the e-mail address of your Slack profile."
# In place of a name that the board does not have.
YOURSELF = "yourself"
WHOAMI_LATER = "Looking you up on the board; the answer follows here."
# Whose fault it is, in front of what follows from that; "" where it is nobody's.
FAULTS: Mapping[str, str] = {
    "": "We cannot get it onto the board right now.",
    "board": "We cannot reach the board right now.",
    "board_refused": "The board does not accept this app's login right now; please tell the community team.",
    "slack": "Slack does not answer us right now.",
    "slack_refused": "Slack does not accept this app right now; please tell the community team.",
    "store": "We cannot look up who you are right now.",
}
WHOAMI_FAILED = "{why} Please try again in a few minutes. You can post all the same: posts wait."
NOTHING_YET = "You have no recent posts. *{command}* opens the form."
STATUS_TITLE = "Your latest posts"
# Where Slack cannot show the time of a post.
EARLIER = "earlier"
FORM_FAILED = "Slack did not let us open the form in time. Nothing was posted; please try again. You had typed: {text}"
FORM_FAILED_EMPTY = "Slack did not let us open the form in time. Nothing was posted; please try again."
FORM_REFUSED = "{why} Until then no form opens. Nothing was posted."
TYPED = "You had typed: {command} {text}"
FOREIGN = REASONS["foreign"]
STORE_AWAY = "We cannot look that up right now; please try again in a minute. Nothing was changed."
GONE = "This post is not kept any more, so there is nothing left to do."
CANNOT_REOPEN = {
    "kept": "This post is being tried again already; you will hear how it ended.",
    "sending": "This post is on its way to the board already; you will hear how it ended.",
    "posted": "This post is on the board already.",
    "unsure": "It may be on the board already. Please look there before posting it again.",
}
CANNOT_CANCEL = {
    "sending": "It is on its way to the board already, so it cannot be cancelled any more. You will hear how it ended.",
    "posted": "It is on the board already. You can delete it there.",
    "cancelled": "It was cancelled already; it was not posted.",
    "refused": "It was not posted, so there is nothing to cancel.",
    "unposted": "It was not posted, so there is nothing to cancel.",
    "unsure": "It may be on the board already. Please look there before posting it again.",
}

ATTACHED = (
    "The message is too long for this form, so all of it is posted below what you type here. Write a line to go above "
    "it."
)
NOT_ATTACHED = "The message is too long for this form and could not be attached. Please copy what should be posted."
FILES_STAY = "These files stay in Slack: {files}"
A_FILE = "a file"
FILES_STAYED = "*These files stay in Slack:*"
FILE_STAYS = "• {file}: {why}"
FILES_STAY_SHORT = "{number} of the files stay in Slack"
FILES_COMING = "Files still on their way: {number}. We write again only if one has to stay in Slack."
FILE_REASONS: Mapping[str, str] = {
    "off": "this app does not carry files here",
    "elsewhere": "it is kept outside Slack",
    "gone": "Slack does not give it to this app",
    "type": "files of this kind are not carried",
    "too_large": "it is too large",
    "too_many": "there are more files than one post may carry",
    "login_page": "Slack answered with a web page instead of the file",
    "role": "the board does not let this app add files",
    "board": "the board did not accept it",
    "board_away": "the board could not be reached for too long",
    "slack_away": "Slack did not hand it over in time",
    "not_carried": "this app did not manage to carry it",
    "not_fetched": "the board did not fetch it; it may stand there without content",
    "doubt": "the board did not confirm it; please look there",
}
PRIVATE_SOURCE = (
    "*This message is not from a public channel of this workspace.* On the board, everybody who can see your post can "
    "read it. The channel is not named there."
)
PRIVATE_OTHERS = " These are somebody else's words: please ask first."
PRIVATE_THREAD = " A whole thread holds everybody's words: please ask them first."

THREAD_READ = "{carried} of {replies} replies will be carried, as they are now. In it: {people}."
AND_MORE = "{more} more"
THREAD_REPLACES = "If you change the message above, it goes first; if not, only the thread is posted."
THREAD_UNREADABLE: Mapping[str, str] = {
    "missing_scope": "This app may not read threads here. Untick this to post the one message, or ask the community "
    "team.",
    "not_in_channel": "This app is not in that conversation. Invite it there (type /invite and its name) and open the "
    "message's menu again, or untick this to post the one message.",
    "stale": "This form has been open for too long to read the thread now. Open the message's menu again, or untick "
    "this to post the one message.",
    "direct": "This app cannot read direct messages. Untick this to post the one message.",
    "too_long": "The thread's first message alone is too long for a post. Untick this to post the one message.",
    "store_away": "We cannot keep the thread right now. Untick this to post the one message, or open the message's "
    "menu again in a minute.",
    "": "Slack did not let us read the thread just now. Untick this to post the one message, or open the message's "
    "menu again in a minute.",
}
CHOOSE_LOCATION = "Choose a location, then press Post."
CANNOT_POST = "*You cannot post yet.* {why}"
PLACES_UNKNOWN = "{why} Locations and groups are missing here until then. You can post all the same."
POSTED_BEFORE = "This message was posted before, by {user}: {link}. Posting it again makes a second post."

POSTED = "Posted to the community board"
POSTED_LATE = "Found on the board after all: your post is there"
REFUSED = "Was not posted"
NOT_KEPT = "Was not kept"
MAYBE_KEPT = "May not have been kept"
UNSURE = "May not have been posted"
UNSURE_NEXT = "Please look on the board before you post it again."
CHECKING = "Checking with the board"
WAITING = "Kept, and on its way"
WAITING_TEXT = "We will tell you when it is posted, or why not."
WAITING_VIEW_TEXT = "You can close this. We will tell you when it is posted, or why not."
TRYING = "Kept, still trying"
TRYING_TEXT = "{why} Your post is kept and we keep trying. We will tell you when it is posted, or why not."
CHECKING_TEXT = (
    "Your post was sent, but the board did not confirm it. We are looking for it; please do not post it again. "
    "We will tell you what we find."
)
CHANGED = "Your change was not posted: the first version was on its way already. This is where it stands:"

REFERENCE, NOT_CARRIED = "Reference {id}", "Not carried: {what}"
DELIVERY = {"digest": "with the daily digest", "instant": "sent right away"}
WHOLE_BOARD, IN_GROUP, PRIVATE = "Whole board", "Group: {group}", "Only you and your guests"
CREDIT = "Originally by {author}, shared from Slack by {sharer}"
CREDIT_THREAD = "A conversation in Slack, shared by {sharer}"
CREDIT_UNNAMED = "From Slack, shared by {sharer} without names"
CONVERSATION_WHOLE = "Times: {zone}"
CONVERSATION_CUT = "The first {carried} of {replies} replies; the others stay in Slack. Times: {zone}"
REPLIES_LEFT = "{left} of {replies} replies"
PERSON = "Person {number}"
SOMEONE = "someone"
HIDDEN_GUEST = "someone whom Slack does not show us"
# The subject of a post whose words were erased with the person who wrote them.
ERASED = "(removed)"
AN_APP = "an app"
BY_APP = "{name} (app)"
CREDIT_LINK = "[See it in Slack]({link})"
