"""What each preset holds and leaves out, for the page of a release. `qsave.release.presets.catalogue` has the words."""

from collections.abc import Mapping

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

HOLDS: Mapping[str, Promise] = {
    "hf": _("Every kind of rows and every table as a config of Parquet files, and the clips in media/."),
    "trl": _("Rows for SFTTrainer (sft/, cooldown/) and GRPOTrainer (grpo/), each with the frames as pictures."),
    "llama-factory": _("Rows of supervised training with the frames as pictures, and dataset_info.json."),
    "ms-swift": _("Rows for swift sft (sft/, cooldown/) and GRPO (grpo/), each with the frames as pictures."),
    "verl": _("Rows of GRPO as a Parquet file a split, with the frames as pictures inside."),
    "webdataset": _("Shards of samples: the clip, and its row as JSON with the answer, empty without an answer."),
    "pairs": _("Pairs of clips of one prompt whose scores on an axis differ by more than their errors."),
}
LEAVES_OUT: Mapping[str, Promise] = {
    "hf": _("Nothing."),
    "trl": _("The clips themselves, because TRL ignores a column of videos."),
    "llama-factory": _("The rows of GRPO, which LLaMA-Factory does not have, and the clips themselves."),
    "ms-swift": _("The clips themselves, of which ms-swift would choose other frames."),
    "verl": _("The rows of supervised training, and the clips themselves."),
    "webdataset": _("The tables of clips, ratings and targets."),
    "pairs": _("Clips without another of the same prompt, and pairs that differ by less."),
}
