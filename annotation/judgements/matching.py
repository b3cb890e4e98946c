"""Find the clips that rows of ratings made elsewhere are about.

A row names its clip by clip_id, by sha256, by the name of the video file, or by prompt and generator, tried in this
order. A withdrawn clip is matched by its clip_id alone. Names of files differ from tool to tool: Label Studio puts
eight digits before the name of an uploaded file.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import takewhile
from pathlib import PurePosixPath
from urllib.parse import parse_qs, unquote, urlsplit

from annotation.models import Clip, ImportRow
from qsave.judgements.records import ClipKey
from qsave.words import fold

_UPLOAD_MARK = re.compile(r"[0-9a-f]{8}-")
_CHUNK = 2000


@dataclass(frozen=True, slots=True)
class Match:
    """The key of the clip, or None and the reason why no single clip fits."""

    clip: int | None = None
    problem: str = ""


@dataclass(frozen=True, slots=True)
class _Candidate:
    pk: int
    prompt: str
    generator: str
    path: str = ""
    """Where its file was when it was imported, if that is known."""


class ClipMatcher:
    """Matches rows with the clips of the site. What only some rows need is read when the first of them needs it."""

    def match(self, keys: Sequence[ClipKey]) -> list[Match]:
        """Return the match of each key, in two queries for all of them."""
        named = self._read_named({name for key in keys for name in (key.clip_id, *list_stems(key.video)) if name})
        hashed = self._read_hashed({key.sha256 for key in keys if key.sha256})
        return [self._match_one(key, named, hashed) for key in keys]

    def _match_one(self, key: ClipKey, named: dict[str, _Candidate], hashed: dict[str, list[_Candidate]]) -> Match:
        if key.clip_id in named:
            return Match(named[key.clip_id].pk)
        if key.sha256 in hashed:
            return _choose(hashed[key.sha256], key)
        by_name = {named[stem].pk: named[stem] for stem in list_stems(key.video) if stem in named}
        by_name |= {candidate.pk: candidate for candidate in self._list_by_file(key)}
        fitting = [candidate for candidate in by_name.values() if _fits(candidate, key)]
        if fitting:
            return _choose(fitting, key)
        return self._match_words(key)

    def _match_words(self, key: ClipKey) -> Match:
        if not (key.prompt and key.generator):
            return Match()
        pks = self._by_words.get(_hash_words(key.prompt, key.generator), ())
        if len(pks) > 1:
            return Match(problem=_describe_several(len(pks)))
        return Match(pks[0]) if pks else Match()

    def _list_by_file(self, key: ClipKey) -> list[_Candidate]:
        """Return the clips that were imported from a file of this name; the name alone says too little."""
        if not key.video or not (key.prompt or key.generator):
            return []
        names = {name for name in _list_names(key.video) if name in self._by_file}
        return [candidate for name in names for candidate in self._by_file[name]]

    @staticmethod
    def _read_named(names: set[str]) -> dict[str, _Candidate]:
        rows = Clip.objects.filter(clip_id__in=names).values_list("clip_id", "pk", "prompt", "generator")
        return {clip_id: _Candidate(pk, prompt, generator) for clip_id, pk, prompt, generator in rows}

    @staticmethod
    def _read_hashed(hashes: set[str]) -> dict[str, list[_Candidate]]:
        rows = Clip.objects.filter(sha256__in=hashes, withdrawn_at__isnull=True).values_list(
            "sha256", "pk", "prompt", "generator"
        )
        hashed: dict[str, list[_Candidate]] = defaultdict(list)
        for sha256, pk, prompt, generator in rows:
            hashed[sha256].append(_Candidate(pk, prompt, generator))
        return dict(hashed)

    @cached_property
    def _by_words(self) -> dict[int, tuple[int, ...]]:
        """The clips of each prompt and generator, by a hash of both: a site may have a million prompts."""
        by_words: dict[int, tuple[int, ...]] = {}
        rows = Clip.objects.filter(withdrawn_at__isnull=True).values_list("pk", "prompt", "generator")
        for pk, prompt, generator in rows.iterator(chunk_size=_CHUNK):
            words = _hash_words(prompt, generator)
            by_words[words] = (*by_words.get(words, ()), pk)
        return by_words

    @cached_property
    def _by_file(self) -> dict[str, list[_Candidate]]:
        """The clips of each name of a file, from the rows of imports."""
        by_file: dict[str, list[_Candidate]] = defaultdict(list)
        rows = ImportRow.objects.filter(clip__isnull=False, clip__withdrawn_at__isnull=True)
        names = ("values__video", "clip", "clip__prompt", "clip__generator")
        for video, pk, prompt, generator in rows.values_list(*names).iterator(chunk_size=_CHUNK):
            if isinstance(video, str) and video:
                by_file[PurePosixPath(video).name].append(_Candidate(pk, prompt, generator, video))
        return dict(by_file)


def list_stems(video: str) -> tuple[str, ...]:
    """Return what a clip_id may be if it is the name of this file: with and without ending and upload mark."""
    return tuple(dict.fromkeys(stem for name in _list_names(video) for stem in (name, PurePosixPath(name).stem)))


def _list_names(video: str) -> tuple[str, ...]:
    """Return the names that a file at this path or address may have."""
    name = PurePosixPath(_find_path(video)).name
    return tuple(filter(None, dict.fromkeys((name, _UPLOAD_MARK.sub("", name, count=1)))))


def _find_path(video: str) -> str:
    """Return the path of an address. Label Studio's addresses of local files have it as the argument `d`."""
    if "?" not in video and "://" not in video:
        return video.replace("\\", "/")
    try:
        parts = urlsplit(video)
    except ValueError:
        return video
    local = parse_qs(parts.query).get("d")
    return local[0] if local else unquote(parts.path)


def _choose(candidates: Iterable[_Candidate], key: ClipKey) -> Match:
    """Return the only candidate that fits the prompt and the generator of a row, or the reason why no single clip does.

    Folders often have files of the same names: of those, the file in the same folders fits best.
    """
    every = list(candidates)
    fitting = [candidate for candidate in every if _fits(candidate, key)] or every
    shared = [_count_shared_folders(candidate.path, key.video) for candidate in fitting]
    fitting = [candidate for candidate, count in zip(fitting, shared, strict=True) if count == max(shared)]
    if len({candidate.pk for candidate in fitting}) > 1:
        return Match(problem=_describe_several(len(fitting)))
    return Match(fitting[0].pk)


def _count_shared_folders(path: str, video: str) -> int:
    """Return how many folders above the file two paths have in common, from the file up."""
    pairs = zip(PurePosixPath(path).parts[-2::-1], PurePosixPath(_find_path(video)).parts[-2::-1], strict=False)
    return sum(1 for _pair in takewhile(lambda pair: pair[0] == pair[1], pairs))


def _fits(candidate: _Candidate, key: ClipKey) -> bool:
    same_prompt = not key.prompt or fold(candidate.prompt) == fold(key.prompt)
    return same_prompt and (not key.generator or fold(candidate.generator) == fold(key.generator))


def _hash_words(prompt: str, generator: str) -> int:
    return hash((fold(prompt), fold(generator)))


def _describe_several(count: int) -> str:
    return f"The row fits {count} clips. Add a column clip_id or sha256 that says which one it is about."
