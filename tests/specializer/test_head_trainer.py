from __future__ import annotations

import pytest

from specializer.cascade_threshold import CascadeAim
from specializer.errors import NotTrainable
from specializer.head_trainer import NoHeadTrainer, TrainingOrder

ORDER = TrainingOrder("wide", "identity", (1, 2), 0, 10.0, CascadeAim(0.9, 0.95))


def test_where_nothing_can_be_trained_an_order_says_so_and_why() -> None:
    trainer = NoHeadTrainer("the catalog has no stored features")
    with pytest.raises(NotTrainable, match="head of wide/identity: the catalog has no stored features"):
        trainer.begin(ORDER).result(0.0)
    trainer.close()
