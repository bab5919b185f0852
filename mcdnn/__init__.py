"""The front door: command line, public API and wiring."""

__version__ = "0.1.0"
