"""`offerlab`: all commands."""

import click

from app.cli.analyze import analyze
from app.cli.assign import assign
from app.cli.demo import demo
from app.cli.doctor import doctor
from app.cli.keys import keys
from app.cli.serve import serve


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option("0.1.0", prog_name="offerlab")
def offerlab() -> None:
    """Tests offers in a shop: who gets which, and which one earns money.

    \b
    Example:
      offerlab serve --port 8000
    """


for command in (serve, demo, assign, analyze, keys, doctor):
    offerlab.add_command(command)


def main() -> None:
    """Entry of the `offerlab` command."""
    offerlab()


if __name__ == "__main__":
    main()
