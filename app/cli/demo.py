"""`offerlab demo`: replay the demo through a running service."""

import click


@click.command()
@click.option(
    "--url", default="http://127.0.0.1:8000", show_default=True, help="Address of the running service."
)
@click.option("--key", envvar="OFFERLAB_ADMIN_KEY", required=True, help="An adm key (OFFERLAB_ADMIN_KEY).")
def demo(url: str, key: str) -> None:
    """Replay the CDNOW purchase log and two simulated tests through a running service's HTTP API.

    It may be repeated: what is there already is left alone.

    \b
    Example:
      offerlab demo --url http://127.0.0.1:8000 --key olk_adm_…
    """
    from app.clock import SystemClock
    from app.demo.service import DemoUnavailable, seed
    from app.errors import Refusal

    try:
        seed(url, key, SystemClock().now_us())
    except (DemoUnavailable, Refusal) as error:
        raise click.ClickException(str(error)) from None
    click.echo(f"the demo is ready: {url}/")
