"""Which encoding the windows of a request travel in, and what that costs the accuracy of each variant."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import numpy as np

from catalog.jpeg_trials import JpegTrial, lowest_bearable
from catalog.store import Catalog
from cloud.window_encoding import RAW, WindowEncoding, jpeg, measured_jpeg


@dataclass(frozen=True, slots=True)
class JpegChoice:
    """JPEG as a variant bears it.

    Args:
        quality: the lowest.
        encoding: with that quality, and what is expected of its size.
    """

    quality: int
    encoding: WindowEncoding


@dataclass(frozen=True, slots=True)
class Encodings:
    """Encodings by the variants that are asked.

    Args:
        otherwise: in which windows travel where a variant is asked that has no choice.
        choices: by variant; of several, the one with the highest quality holds for all.
        losses: of accuracy, by variant, in [0, 1], when it is asked alone; 0 where not given.
    """

    otherwise: WindowEncoding = RAW
    choices: Mapping[str, JpegChoice] = field(default_factory=dict)
    losses: Mapping[str, float] = field(default_factory=dict)

    @property
    def every(self) -> tuple[WindowEncoding, ...]:
        """Each encoding that may be chosen, once."""
        return tuple(dict.fromkeys((self.otherwise, *(c.encoding for c in self.choices.values()))))

    def chosen(self, variants: Iterable[str]) -> WindowEncoding:
        """Return the encoding for a request that asks these variants about the same windows."""
        choices = [self.choices.get(v) for v in variants]
        known = [c for c in choices if c is not None]
        if not known or len(known) < len(choices):
            return self.otherwise
        return max(known, key=lambda c: c.quality).encoding

    def accuracy_loss(self, variant: str) -> float:
        """Return what a variant is expected to lose, or less where others are asked with it."""
        return self.losses.get(variant, 0.0)


def measured_encodings(catalog: Catalog) -> Encodings:
    """Return for each variant the smallest JPEG that it bears, as it was measured; raw for the others.

    Raw it is, too, where JPEG takes as much.
    """
    made: dict[tuple[str, int, int], WindowEncoding] = {}
    choices: dict[str, JpegChoice] = {}
    losses: dict[str, float] = {}
    for variant in catalog.variants.values():
        trunk, trial = catalog.trunks[variant.trunk], lowest_bearable(variant.jpeg)
        if trial is None or trial.window_bytes >= RAW.expected_bytes(trunk.size_px):
            continue
        key = trunk.input_type, trunk.size_px, trial.quality
        if key not in made:
            made[key] = measured_jpeg(trial.quality, trunk.size_px, trial.window_bytes)
        choices[variant.id] = JpegChoice(trial.quality, made[key])
        losses[variant.id] = trial.accuracy_loss
    return Encodings(RAW, choices, losses)


def jpeg_encodings(catalog: Catalog, quality: int) -> Encodings:
    """Return JPEG at one quality for all, with what that costs as far as it was measured.

    Below the lowest quality that was tried, the loss there is what is known.

    Raises:
        BadInput: no such quality.
    """
    variants = catalog.variants.values()
    losses = {v.id: _loss_at(quality, v.jpeg) for v in variants if v.jpeg}
    return Encodings(jpeg(quality), losses=losses)


def _loss_at(quality: int, trials: Iterable[JpegTrial]) -> float:
    """Return the loss between the qualities next to it that were tried."""
    known = {t.quality: t.accuracy_loss for t in trials}
    return float(np.interp(quality, sorted(known), [known[q] for q in sorted(known)]))
