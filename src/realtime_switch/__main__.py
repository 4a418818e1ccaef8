"""python -m realtime_switch is the command realtime-switch."""

from realtime_switch.cli.main import main

main()
