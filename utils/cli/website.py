"""The command `course site`."""

from typing import Annotated

import typer

from utils.cli.options import out
from utils.errors import CourseError

app = typer.Typer()
HOST = "127.0.0.1"


@app.command(name="site", rich_help_panel="Maintain")
def site(
    serve: Annotated[
        bool, typer.Option("--serve", help="Then serve it on this machine until Ctrl-C.")
    ] = False,
    port: Annotated[int, typer.Option(min=0, max=65535, help="Of --serve; 0: a free one.")] = 8000,
) -> None:
    """Build the site into build/site/; `make site` builds its components first."""
    from utils.site.build import build_site

    folder = build_site()
    out.print(f"{folder / 'index.html'}", soft_wrap=True)
    if serve:
        _serve(str(folder), port)


def _serve(folder: str, port: int) -> None:
    from functools import partial
    from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

    try:
        server = ThreadingHTTPServer(
            (HOST, port), partial(SimpleHTTPRequestHandler, directory=folder)
        )
    except OSError as error:
        raise CourseError(
            f"Port {port} can't be used ({error.strerror or error}): give another, --port 0."
        ) from error
    out.print(f"http://{HOST}:{server.server_port}/  (Ctrl-C ends it)")
    with server:
        server.serve_forever()
