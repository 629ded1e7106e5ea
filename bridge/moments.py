"""How long a part of an answer may take while Slack waits for it. In seconds.

Slack gives three, counted from its sending. Ours are fewer: a form opens within 1, everything is acknowledged within 2,
with a board that takes ten or none at all; so whatever may wait for the board, Slack or the store ends by these.

A form opens after the person's language and what is known of its furniture (INSTANT each) by Slack's own call
(OPENING). With the store hanging it waits up to four times QUICK before: for names, the message, its files, and whether
the request came before; with Slack hanging, once. With one of the two away the answer is out within 2; with both, 3:

    INSTANT + 4 × QUICK + INSTANT + OPENING = 2.7

A draft is acknowledged after it was kept and had its wait, whichever takes longer: BRIEF + SPARE = 1.4. What comes
before leaves that within 2: LOCATING for a post from the command line, LEAVING for a message that may have to stay.
In a translated space whose store hangs: INSTANT + LOCATING + BRIEF + SPARE = 2.1.
Where a sent form's message cannot be read within STORE, the answer says so and nothing else is waited for.
"""

# What only makes an answer nicer: the person's language, a form's furniture.
INSTANT = 0.1
# A single thing before a form opens.
QUICK = 0.3
# views.open. A trigger_id lives three seconds from Slack's send. https://docs.slack.dev/surfaces/modals
OPENING = 1.3

# Whether the message of a sent form comes from a public place.
LEAVING = 0.4
# Whether only the person can say where a post from the command line belongs.
LOCATING = 0.6
# The wait for a draft's final word.
BRIEF = 1.0
# In a crowd the keeping itself may take what the wait would have had, and this more; so may the last look.
SPARE = 0.4
# How long beyond BRIEF a worker leaves the telling to the answer.
WATCHED = 0.5

# Slack's, from when it sent. https://docs.slack.dev/interactivity/handling-user-interaction
PATIENCE = 3.0

# A call to the store. Who queues for a connection in a burst has asked nothing yet: that may take half as long again.
STORE = 0.8
