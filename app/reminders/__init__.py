"""app.reminders: WHOM TO MESSAGE NOW.

Question: which exposed units wait for the reminder of their variant, and for none other?
In: an experiment, a moment. Out: units with channel, due moment and the id of the event that answers.
May import: serving (what runs, who is who), the ledger's histories, the offers' public form, `assignment`.
Next door: that a message was sent is an event of `app.ledger`; what it brought is counted by `app.results`.
"""
