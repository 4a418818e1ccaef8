"""Every bound of a call and of the process that carries calls, each with its unit and its reason."""

# -- Messages --------------------------------------------------------------------------------------------

# OpenAI takes appends of up to 15 MiB (OPENAI-REALTIME.md 2.5); the JSON around them fits in the rest.
MESSAGE_BYTES_MAX = 16 << 20
# What a control message may hold at most, in strings and brackets: it is looked through one by one, on the
# process that carries everybody's audio. The largest real ones (a session.update with 100 tools) stay under
# 10,000.
REQUEST_TOKENS_MAX = 50_000
# Tool schemas nest; ten levels are rare. JSON readers recurse, so there must be an end.
REQUEST_DEPTH_MAX = 64

# -- Before the provider is ready (A17) --------------------------------------------------------------------

WAITING_MESSAGES_MAX = 10_000
# One append of the largest size must fit. At 24 kHz this is some four minutes of speech.
WAITING_BYTES_MAX = 16 << 20

# -- Patience --------------------------------------------------------------------------------------------

# A client that has opened a TCP connection must have finished its request by then.
CLIENT_HANDSHAKE_S = 10.0
# A provider must have accepted the WebSocket by then, and have said its first word (`session.created` comes
# within about 0.1 s, OPENAI-REALTIME.md 9.1; the rest is TLS, distance and a busy day).
PROVIDER_HANDSHAKE_S = 10.0
PROVIDER_GREETING_S = 10.0
# Nothing from the client for so long: it has gone without saying so. Clients that stream send 10 to 50
# frames a second, and push-to-talk clients answer our pings; a client that only listens is not silent for
# that long.
IDLE_S = 900.0
# What waits to be written to a client. 4 MiB are about a minute of audio, which providers do produce ahead
# (OPENAI-REALTIME.md 2.5: faster than real time).
SLOW_CLIENT_BYTES_MAX = 4 << 20
# How long it may stay above that before it is ended by name.
SLOW_CLIENT_S = 30.0
# A call without credits lets the running reply finish, but not for ever.
FINISH_REPLY_S = 30.0

# -- Redial (A18) ----------------------------------------------------------------------------------------

# How long before each attempt; every delay is multiplied by 0.5 to 1.5, so that a thousand calls that a
# provider dropped together do not come back together. After the last one the call ends by name.
REDIAL_AFTER_S = (0.1, 0.5, 1.0, 2.0, 4.0)
# A provider that was up for so long has earned a fresh set of attempts.
REDIAL_FORGIVEN_AFTER_S = 20.0

# -- Credits (A16) -----------------------------------------------------------------------------------------

CREDITS_ASKED_AFTER_REPLIES = 5
CREDITS_ASKED_AFTER_S = 60.0

# -- Memory (A9, A11) --------------------------------------------------------------------------------------

PASSAGE_CHARS = 200
# What a provider is told of the past (A11).
HISTORY_CHARS_MAX = 32_000
# A tool may be given a book and answer with one; the memory keeps the beginning.
TOOL_LINE_CHARS_MAX = 200
# How long a user's words may be awaited before the conversation is written on without them.
TRANSCRIPT_AWAITED_S = 10.0
# A client needs a moment to start playing; so long after its last sound an answer counts as heard.
PLAYBACK_SLACK_S = 2.0
# Lines held back at most; more means a provider that closes nothing, and then order matters less than memory.
HELD_LINES_MAX = 100

# How many frames with the agent's next words may lie unread. A reply of two minutes has some 400.
UNREAD_WORDS_MAX = 500

# -- Calls -----------------------------------------------------------------------------------------------

CALLS_PER_KEY_MAX = 100
# One process, one core: some 900 talking calls (DESIGN.md 3), more if they are quiet.
CALLS_MAX = 2_000
SESSION_ID_CHARS_MAX = 200
