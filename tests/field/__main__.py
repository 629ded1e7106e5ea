"""`python -m tests.field [NAME…]`: runs all scenarios, or those named, in turn; exit 0 only when everything held."""

import asyncio
import importlib
import sys
from pathlib import Path

import typer

ALL = sorted(each.stem for each in Path(__file__).parent.glob("[a-z]*.py"))

for name in sys.argv[1:] or ALL:
    typer.echo(f"== {name}")
    asyncio.run(importlib.import_module(f"tests.field.{name}").run())
