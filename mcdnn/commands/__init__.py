"""One module a command, each with `add_parser(subparsers)` and `run(args)`.

What a command needs is imported when it runs, so that help stays quick.
"""
