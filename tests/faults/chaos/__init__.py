"""People shop while everything they need is killed, paused and restarted at random.

`schedule` says what is done to the fleet and when, `saboteur` does it; `shopper` and `shopkeeper`
go about their business through `caller`, who keeps a `log` of everything that was answered. At
the end `replies` judges the log by itself, `effects` and `standing` hold it against the database,
and `diaries` reads what the services have written down themselves.
"""
