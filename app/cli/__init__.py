"""app.cli: THE COMMAND LINE.

Question: how does a person start, ask and check the service from a terminal?
In: arguments and files. Out: text for people, `--json` for programs.
May import: everything in app; heavy parts inside the command that needs them.
Next door: the same questions over HTTP are the domains' endpoints.
"""
