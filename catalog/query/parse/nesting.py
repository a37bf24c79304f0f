"""Statements that nest as deeply as DuckDB lets them: parsed where the stack is large enough."""

import sys
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from catalog.query.parse.lexer import Token

T = TypeVar("T")

SHALLOW, DEEP = 30, 1500
"""Levels that need no more than the usual stack, and beyond which DuckDB refuses, too."""

FRAMES = 60
"""Calls in Python that a level takes at most."""

STACK_BYTES = 512 << 20
"""Address space of the stack, of which only what is used takes memory."""

_STEPS = {"(": 1, "[": 1, "{": 1, ")": -1, "]": -1, "}": -1, "case": 1, "end": -1}

_lock = threading.Lock()


def depth(tokens: Sequence[Token]) -> int:
    """Returns how deeply parentheses, brackets and CASE are nested."""
    deepest = level = 0
    for token in tokens:
        level = max(0, level + _STEPS.get(token.word or token.text, 0))
        deepest = max(deepest, level)
    return deepest


def with_stack(levels: int, work: Callable[[], T]) -> T:
    """Returns what some work returns, which needs a stack for so many levels."""
    if not SHALLOW < levels <= DEEP:
        return work()
    with _lock:
        limit, size = sys.getrecursionlimit(), threading.stack_size(STACK_BYTES)
        sys.setrecursionlimit(limit + FRAMES * levels)
        try:
            with ThreadPoolExecutor(1) as pool:
                return pool.submit(work).result()
        finally:
            sys.setrecursionlimit(limit)
            threading.stack_size(size)
