"""The question of a row with its frames, as the trainers write pictures: as blocks, or as text with marks.

The times and headings are those of `qsave.frames.chat_parts`, by which a served critic is asked too.
"""

from collections.abc import Iterator
from typing import Any

from qsave.frames.chat_parts import lay_out_frames
from qsave.release.rows import RlRow, SftRow

IMAGE_MARK = "<image>"
"""How LLaMA-Factory, ms-swift and verl mark a picture in a text. `make_user_prompt` and the output grammar put a space
or an escape into any such mark in a person's words, so a text has as many marks as pictures."""


def write_marked_turns(row: SftRow | RlRow) -> list[dict[str, str]]:
    """Return the turns as text, with a mark for each picture."""
    user = "".join(IMAGE_MARK if piece is None else piece for piece in _list_pieces(row))
    turns = {"system": row.task.system, "user": user, "assistant": row.task.answer}
    return [{"role": role, "content": text} for role, text in turns.items() if text is not None]


def write_block_turns(row: SftRow | RlRow) -> list[dict[str, Any]]:
    """Return the turns as blocks of text and pictures. All blocks have the same keys: loaders infer one type."""
    user = [_make_block(piece) for piece in _list_pieces(row)]
    turns = {"system": [_make_block(row.task.system)], "user": user}
    if row.task.answer is not None:
        turns["assistant"] = [_make_block(row.task.answer)]
    return [{"role": role, "content": blocks} for role, blocks in turns.items()]


def _list_pieces(row: SftRow | RlRow) -> Iterator[str | None]:
    """Yield the texts of the user's turn, and None where a picture goes."""
    yield from lay_out_frames(row.media.slow, row.media.fast)
    yield row.task.user


def _make_block(piece: str | None) -> dict[str, str]:
    return {"type": "image", "text": ""} if piece is None else {"type": "text", "text": piece}
