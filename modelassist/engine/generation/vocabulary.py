"""Which tokens of a tokenizer may appear where in a guided answer."""

import re
from collections.abc import Iterable

import torch
from torch import Tensor

from modelassist.engine.models.loader import LoadedModel

_NOT_IN_A_REASON = re.compile(r"[\n\r<\[\\(]")
"""The grammar escapes these or gives them a meaning, so a guided reason has none of them."""
_STARTS_A_REASON = re.compile(r" \S")
_BEGINS_EVIDENCE = re.compile(r"\s*\(")


class Vocabulary:
    """The tokens of a model's tokenizer by what they may do."""

    def __init__(self, model: LoadedModel) -> None:
        self._model = model
        never = {*model.never_generated, *model.end_ids, *model.tokenizer.all_special_ids}
        texts = {token: text for token, text in _decode_each(model) if token not in never}
        free = {token: text for token, text in texts.items() if text and not _NOT_IN_A_REASON.search(text)}
        self.in_reason = _make_ids(free)
        self.first_of_reason = _make_ids(token for token, text in free.items() if _STARTS_A_REASON.match(text))
        ends = (token for token, text in texts.items() if "\n" in text or _BEGINS_EVIDENCE.match(text))
        self.ends_reason = frozenset((*ends, *model.end_ids))
        """Tokens with which a model shows that its reason is complete; they are not written."""
        self.in_reason_or_end = _make_ids((*free, *self.ends_reason))
        self.levels = model.level_ids
        """The level words, bad to excellent, as they are written after `axis:`."""
        self.turn_end = model.turn_end
        self._encoded: dict[str, tuple[int, ...]] = {}

    def encode(self, text: str) -> tuple[int, ...]:
        """Return the tokens of a fixed piece of text."""
        if text not in self._encoded:
            ids = self._model.tokenizer.encode(text, add_special_tokens=False, split_special_tokens=True)
            self._encoded[text] = tuple(ids)
        return self._encoded[text]


def _decode_each(model: LoadedModel) -> Iterable[tuple[int, str]]:
    count = len(model.tokenizer)
    texts = model.tokenizer.batch_decode([[token] for token in range(count)], clean_up_tokenization_spaces=False)
    return zip(range(count), texts, strict=True)


def _make_ids(tokens: Iterable[int]) -> Tensor:
    return torch.tensor(sorted(set(tokens)))
