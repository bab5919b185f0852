"""Scenarios that are generated: model families, days and the ready ones that come with the package."""
