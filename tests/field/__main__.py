"""`python -m tests.field NAME…`: runs the scenarios one after the other; exit 0 only when everything held."""

import asyncio
import importlib
import sys

import typer

for name in sys.argv[1:]:
    typer.echo(f"== {name}")
    asyncio.run(importlib.import_module(f"tests.field.{name}").run())
