"""Synthetic deliveries."""

from loader.synth.calls import DEFAULT_END, CallBatch, calls_of_kind, records
from loader.synth.deliveries import synthesise
from loader.synth.traffic import APPLICATIONS, STORIES

__all__ = ["APPLICATIONS", "DEFAULT_END", "STORIES", "CallBatch", "calls_of_kind", "records", "synthesise"]
