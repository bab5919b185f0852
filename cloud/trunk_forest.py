"""Trunks as trees of parts: where windows of different requests meet, and what each request needs there.

Trunks whose first parts agree share a tree. A node is a part together with all that comes before it,
so the same node means the same values for the same window, whoever asked.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from catalog.store import Catalog
from catalog.tasks import InputType
from cloud.refusals import BadRequest, UnknownVariant
from engine.offload import Question

WINDOW = -1
_MOST_KNOWN = 1024


@dataclass(frozen=True, slots=True)
class Node:
    """One part behind all that comes before it.

    Args:
        part: its id.
        parent: node whose output it reads, or WINDOW.
        root: first node of its tree.
        depth: how many parts come before it.
    """

    part: str
    parent: int
    root: int
    depth: int


@dataclass(frozen=True, slots=True)
class Tree:
    """What the windows of a tree are.

    Args:
        input_type: says how they are resized.
        size_px: the side to which.
    """

    input_type: InputType
    size_px: int


@dataclass(frozen=True, slots=True)
class Reading:
    """Heads of one request that read the output of one node.

    Args:
        heads: ids, each once.
        classes: names by class id, for each head.
        questions: for each head, the indices of the request's questions that it answers.
    """

    node: int
    heads: tuple[str, ...]
    classes: tuple[tuple[str, ...], ...]
    questions: tuple[tuple[int, ...], ...]


@dataclass(frozen=True, slots=True)
class Walk:
    """What one request needs of one tree.

    Args:
        root: the tree.
        nodes: that run, parents first; the inputs of those whose parent is not among them come with it.
        readings: what is read from them.
        pieces: ids of the parts that run and of the heads that read.
    """

    root: int
    nodes: tuple[int, ...]
    readings: tuple[Reading, ...]
    pieces: tuple[str, ...]


class TrunkForest:
    """The trees of a catalog, worked out once.

    Args:
        catalog: opened.
    """

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog
        self.nodes: list[Node] = []
        self.trees: dict[int, Tree] = {}
        self._found: dict[tuple[str, int, tuple[str, ...]], int] = {}
        self._known: dict[tuple[str, ...], tuple[Walk, ...]] = {}
        self._paths = {t.name: self._grow(t.input_type, t.size_px, t.parts) for t in catalog.contents.trunks}

    def _grow(self, input_type: str, size_px: int, parts: tuple[str, ...]) -> tuple[int, ...]:
        path: list[int] = []
        for depth, part in enumerate(parts):
            key = (input_type, size_px, parts[: depth + 1])
            if key not in self._found:
                self._found[key] = node = len(self.nodes)
                root = path[0] if path else node
                self.nodes.append(Node(part, path[-1] if path else WINDOW, root, depth))
                if node == root:
                    self.trees[root] = Tree(self._catalog.input_types[input_type], size_px)
            path.append(self._found[key])
        return tuple(path)

    def walks(self, questions: Sequence[Question]) -> tuple[Walk, ...]:
        """Return what the questions need, one walk a tree. Reads no file.

        Raises:
            UnknownVariant: a question names one that is not in the catalog.
            BadRequest: the questions are not about the same input type.
        """
        asked = tuple(q.variant for q in questions)
        found = self._known.get(asked)
        if found is None:
            found = self._work_out(questions)
            if len(self._known) < _MOST_KNOWN:
                self._known[asked] = found
        return found

    def _work_out(self, questions: Sequence[Question]) -> tuple[Walk, ...]:
        self._check(questions)
        nodes: dict[int, set[int]] = {}
        heads: dict[int, dict[str, list[int]]] = {}
        for i, question in enumerate(questions):
            variant = self._catalog.variants[question.variant]
            path = self._paths[variant.trunk]
            nodes.setdefault(path[0], set()).update(path)
            heads.setdefault(path[-1], {}).setdefault(variant.head, []).append(i)
        readings = [self._reading(node, asked, questions) for node, asked in sorted(heads.items())]
        return tuple(
            self._walk(root, tuple(sorted(needed)), tuple(r for r in readings if r.node in needed))
            for root, needed in nodes.items()
        )

    def _walk(self, root: int, nodes: tuple[int, ...], readings: tuple[Reading, ...]) -> Walk:
        parts = [self.nodes[n].part for n in nodes]
        return Walk(root, nodes, readings, (*parts, *(h for r in readings for h in r.heads)))

    def walks_on(
        self, questions: Sequence[Question], part_ids: tuple[str, ...]
    ) -> tuple[Walk, tuple[int, ...]]:
        """Return what the questions need of windows that have gone through some parts already.

        Args:
            questions: about the same windows.
            part_ids: that have run, in order.

        Returns:
            The walk, and the shape that it reads, without the batch axis.

        Raises:
            UnknownVariant: a question names one that is not in the catalog.
            BadRequest: a trunk that is asked does not begin with those parts, or ends with them.
        """
        walks = self.walks(questions)
        for question in questions:
            parts = self._catalog.trunks[self._catalog.variants[question.variant].trunk].parts
            if not part_ids or parts[: len(part_ids)] != part_ids or parts == part_ids:
                raise BadRequest(f"features: variant {question.variant!r} does not go on from those parts")
        if len(walks) > 1:
            raise BadRequest("features: the trunks that are asked read windows of different sizes")
        (walk,) = walks
        left = tuple(n for n in walk.nodes if self.nodes[n].depth >= len(part_ids))
        return self._walk(walk.root, left, walk.readings), self._catalog.parts[part_ids[-1]].output_shape

    def _check(self, questions: Sequence[Question]) -> None:
        for question in questions:
            if question.variant not in self._catalog.variants:
                raise UnknownVariant(f"variant {question.variant!r}: not in this server's catalog")
        tasks = [self._catalog.tasks[self._catalog.variants[q.variant].task] for q in questions]
        input_types = {t.input_type for t in tasks}
        if len(input_types) > 1:
            raise BadRequest(f"questions: about input types {sorted(input_types)}: expected one")

    def _reading(self, node: int, asked: dict[str, list[int]], questions: Sequence[Question]) -> Reading:
        classes = []
        for members in asked.values():
            task = self._catalog.variants[questions[members[0]].variant].task
            classes.append(self._catalog.tasks[task].classes)
        return Reading(node, tuple(asked), tuple(classes), tuple(tuple(m) for m in asked.values()))
