"""`offerlab`: all commands."""

from typing import Any

import click
from pydantic import ValidationError
from sqlalchemy.exc import DBAPIError

from app.cli.analyze import analyze
from app.cli.assign import assign
from app.cli.audit import audit
from app.cli.boundaries import boundaries
from app.cli.codes import codes
from app.cli.demo import demo
from app.cli.doctor import doctor
from app.cli.keys import keys
from app.cli.plan import plan
from app.cli.serve import serve
from app.cli.simulate import simulate


class PlainErrors(click.Group):
    """Says what is wrong with the installation in one line, where a traceback would help nobody."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command."""
        try:
            return super().invoke(ctx)
        except ValidationError as error:
            raise click.ClickException("; ".join(map(_setting, error.errors()))) from None
        except DBAPIError as error:
            first = (str(error.orig).strip() or type(error.orig).__name__).splitlines()[0]
            raise click.ClickException(
                f"the database does not answer: {first}; see offerlab doctor"
            ) from None
        except OSError as error:
            if error.filename is None:
                raise
            raise click.ClickException(f"{error.filename}: {error.strerror}") from None


def _setting(error: Any) -> str:
    name = "_".join(map(str, error["loc"])).upper()
    return f"OFFERLAB_{name}: {error['msg']}"


@click.group(cls=PlainErrors, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option("0.1.0", prog_name="offerlab")
def offerlab() -> None:
    """Tests offers in a shop: who gets which, and which one earns money.

    \b
    Example:
      offerlab serve --port 8000
    """


for command in (serve, demo, assign, analyze, plan, boundaries, simulate, keys, codes, audit, doctor):
    offerlab.add_command(command)


def main() -> None:
    """Entry of the `offerlab` command."""
    offerlab()


if __name__ == "__main__":
    main()
