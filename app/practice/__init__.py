"""app.practice: THE OFFERS SHOPS REALLY TEST, TRIED ON INVENTED SHOPPERS OVER HTTP.

Question: does the running service say of each offer what was planted in its shoppers?
In: the address and a key of a service, a seed. Out: the planted truth beside each verdict.
May import: app.clock, assignment.hashing, numpy; of the service nothing but its address.
Next door: power and false alarms without a service are `stats.studies`; the demo's replay is `app.demo`.
"""
