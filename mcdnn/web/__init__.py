"""The page of `mcdnn run --web`: what a running engine sees, does, spends, and why, in a browser.

May import everything below the front door, starlette and uvicorn (extra `web`). It looks at a run from
outside, in threads of its own: the engine's thread hands over references and waits for nothing. This
file imports nothing heavy.
"""
