"""Sinks: where results go. Files, databases, webhooks, MQTT, annotated video, recordings, callbacks.

May import catalog and the engine's value types. This file imports nothing heavy.
"""
