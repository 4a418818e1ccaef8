"""Every bound of a call and of the process that carries calls, each with its unit and its reason."""

# -- Messages --------------------------------------------------------------------------------------------

# OpenAI takes appends of up to 15 MiB (OPENAI-REALTIME.md 2.5); the JSON around them fits in the rest.
MESSAGE_BYTES_MAX = 16 << 20

# -- Patience --------------------------------------------------------------------------------------------

# A client of a dialect in which the client speaks first must have said its first word by then (Gemini itself
# waits for 12 s and more, GEMINI-LIVE.md 9).
CLIENT_FIRST_WORD_S = 30.0
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

# A gateway that is to stop lets what is under way in its calls come to its end for so long: replies of
# some seconds, which nearly all are.
DRAIN_S = 15.0
# Nothing heard for so long between two turns: nobody is about to say anything. A turn's end is told in some
# 0.1 s, and a client that answers it with a request needs its way there and back.
QUIET_S = 1.0

# So much of its cap is left when a call, and who runs it, is told that it is near.
CAP_NEAR_SHARE = 0.1

# -- Redial (A18) ----------------------------------------------------------------------------------------

# From the first failure on; then the call ends by name, so that the client's own patience decides.
DIAL_BUDGET_S = 30.0
# How long one dial may take where there are others to go to.
PROVIDER_HANDSHAKE_IMPATIENT_S = 4.0
# A target that failed so often in a row, for whatever call, rests; each further failure makes it rest longer.
REST_AFTER_FAILURES = 3
REST_S = (5.0, 10.0, 20.0, 40.0, 60.0)
# One that says for how long it wants to be left alone is believed, but for what may be a quota's end of day.
REST_S_TOLD_MAX = 300.0
# A provider that was up for so long has earned a fresh set of attempts.
REDIAL_FORGIVEN_AFTER_S = 20.0

# -- A provider in trouble, and one that is to be left (B4) --------------------------------------------------

# A reply is due, or under way, and nothing has come for so long: the provider has stalled. Models that think
# before they speak take some seconds.
STALL_S = 15.0
# A client whose tools have answered asks for what is to be said of it; if not by then, the turn is over.
ANSWERS_SPOKEN_OF_S = 15.0
# So long before a provider hangs up by itself the call moves on, at the next end of a turn.
ROLL_BEFORE_S = 60.0
# If that came to nothing, so long after it another target of the route is tried, and then the same again.
ROLL_AGAIN_S = 15.0
# A provider that says it ends sooner than after this is not believed: no session is as short, and a clock
# that is wrong would send the call from one connection to the next.
TOLD_LIFE_S_MIN = 600.0
# Audio that is kept for the next provider, in frames or in bytes of them, whichever is less: half a minute of
# 20 ms each while somebody speaks.
SPEECH_FRAMES_MAX = 1_500
SPEECH_BYTES_MAX = 2 << 20
# And else what may hide the beginning of a word before anybody has heard it, for that is every call's, all
# the time: 24 frames of 20 ms of 24 kHz. A glance (unheard.py) is taken of every eighth. Sound that one has
# missed, which sees 8 ms, is 16 frames old at the most when the next notices it: 8 that have come since the
# last were let go, and 8 of these 24. So there are 16, some 300 ms, before it, in which it may have begun
# softly. (With a glance of every sixteenth it took 33.) Of 16 kHz or of G.711 it is more, up to 1.3 s.
SILENCE_FRAMES_MAX = 64
SILENCE_BYTES_MAX = 32 << 10
UNHEARD_MESSAGES_MAX = 5_000

# -- Credits (A16) -----------------------------------------------------------------------------------------

CREDITS_ASKED_AFTER_REPLIES = 5
CREDITS_ASKED_AFTER_S = 60.0

# -- Time, where a provider bills it -----------------------------------------------------------------------

# So often it is looked at how long the call is, and which lines of it are over.
TIME_LOOKED_AT_S = 5.0
# Providers say it every 15 s (OpenAI), every 60 s (Azure) or never (GPT-LIVE.md 8). What none has said after
# so much of the call is put down by our own count, so that the ledger, and with it the end of the credits,
# is never further behind.
TIME_ESTIMATED_AFTER_MS = 30_000
# Our count and the provider's may differ by as much before it is noted.
TIME_DRIFT_MS, TIME_DRIFT_SHARE = 5_000, 0.05
# OpenAI's sample waits so long for `session.closed` (GPT-LIVE.md 9); a process that stops has less time.
LEAVE_S = 15.0
LEAVE_AT_STOP_S = 2.0
# For the end of a reply that was stopped, and for the provider's half of the closing handshake: each is a way
# there and back.
HANG_UP_S = 2.0

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

# How many frames with the agent's next words may lie unread, and with the bounds of its parts. A reply of two
# minutes has some 400.
UNREAD_WORDS_MAX = 500
# How long a frame may be that goes from one dialect into the other unread; the memory in which it is written
# is one for all calls (gateway/_compiled.pyx). Half a second of 24 kHz is 32 KB.
CROSSING_BYTES_MAX = 65_000

# -- Calls -----------------------------------------------------------------------------------------------

CALLS_PER_KEY_MAX = 100
# Pings and pongs that a client may send in a second: libraries send one in 20. Each costs us a frame in
# Python.
PINGS_PER_S_MAX = 50
# One process, one core: some 900 talking calls (DESIGN.md 3), more if they are quiet.
CALLS_MAX = 2_000
SESSION_ID_CHARS_MAX = 200
