"""`offerlab serve` of another application, one with a planted bug: first argument `module:function`."""

import sys
from typing import Any

import uvicorn


def main() -> None:
    """Serve as the command line does, but for the application."""
    factory = sys.argv.pop(1)
    run = uvicorn.run

    def other(_application: Any, **options: Any) -> None:
        run(factory, **options)

    vars(uvicorn)["run"] = other
    from app.cli.main import main as offerlab

    offerlab()


if __name__ == "__main__":
    main()
