"""Where a session stands.

    HEARING --first word--> ASKING --granted--> DIALLING --opened--> GREETING --first word--> LIVE
                              |                 ^  ^                     |                     |
                              +--> BRIEFING ----+  +---- lost, while there is somewhere to go --+
    LIVE --credits spent in mid-reply--> FINISHING --reply over--> ENDED
    LIVE --over, and the cost of something is still to be told--> LEAVING --told--> HANGING_UP
    LIVE --over--> HANGING_UP --the provider has hung up as well--> ENDED
    any phase --client left, refused, credits spent, nowhere left to go, ended by the gateway--> ENDED

A client is heard first where its dialect has it speak first; then it says which model it wants. Where
a provider of another dialect wants to be told at once how the call is to be held, it is dialled once the
client has said so.

Nothing leads out of ENDED.
"""

import enum


class Phase(enum.Enum):
    HEARING = "hearing"  # the client is to say the first word
    ASKING = "asking"  # the business process is asked who this is
    BRIEFING = "briefing"  # the client is to say how the call is to be held, before a provider is dialled
    DIALLING = "dialling"  # a provider connection is being opened
    GREETING = "greeting"  # it is open; the provider has not said a word yet
    LIVE = "live"
    FINISHING = "finishing"  # out of credits; the running reply may end
    LEAVING = "leaving"  # the call is over; the provider is heard to the end, for what it was
    HANGING_UP = "hanging up"  # the provider is told goodbye; what it sent before it heard that is on its way
    ENDED = "ended"


UNKNOWN = (Phase.HEARING, Phase.ASKING)  # where the call goes
GOING_ON = (Phase.BRIEFING, Phase.DIALLING, Phase.GREETING, Phase.LIVE)
CONNECTED = (Phase.GREETING, Phase.LIVE, Phase.FINISHING)
TALKING = (Phase.LIVE, Phase.FINISHING)
PARTING = (Phase.LEAVING, Phase.HANGING_UP)
OVER = (*PARTING, Phase.ENDED)
