"""decord's side of the bench, in a process of its own: `python -m tests.bench.decord_side CLIP WANTED`.

A reader for each size, as decord scales while it decodes; prints processor seconds, imports left out.
"""

import json
import sys
import time

import decord  # type: ignore[import-not-found]  # fetched by the bench, never installed


def main() -> None:
    clip, wanted = sys.argv[1], json.loads(sys.argv[2])
    started = time.process_time()
    for size in wanted:
        reader = decord.VideoReader(clip, width=size["width"], height=size["height"])
        reader.get_batch(size["at"]).asnumpy()
    print(time.process_time() - started)


if __name__ == "__main__":
    main()
