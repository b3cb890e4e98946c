"""What each preset is: its name, what it holds and leaves out, and the lines that load it.

The README of a preset, the card of a release and the page of a release show these texts.
"""

from dataclasses import dataclass

FOLDER = "FOLDER"
"""The lines have this in place of the preset's folder."""


@dataclass(frozen=True, slots=True)
class Preset:
    """One form of a release, for one loader."""

    name: str
    title: str
    shows_frames: bool
    """Whether its rows name pictures; otherwise they name the clips."""
    holds: str
    leaves_out: str
    lines: str
    """Code that loads it, from the folder FOLDER."""

    def render_lines(self, folder: str) -> str:
        """Return the lines for a folder."""
        return self.lines.replace(FOLDER, folder)


PRESETS = {
    preset.name: preset
    for preset in (
        Preset(
            name="hf",
            title="Hugging Face datasets",
            shows_frames=False,
            holds="Every kind of rows and every table as a config of Parquet files, and the clips in media/.",
            leaves_out="Nothing.",
            lines='rows = datasets.load_dataset("FOLDER", "sft")  # or rl, cooldown, clips, ratings, targets\n'
            'clip = "FOLDER/" + rows["train"][0]["media"]["path"]',
        ),
        Preset(
            name="trl",
            title="TRL",
            shows_frames=True,
            holds="Rows for SFTTrainer (sft/, cooldown/) and GRPOTrainer (grpo/), each with the frames as pictures.",
            leaves_out="The clips themselves, because TRL ignores a column of videos.",
            lines='rows = datasets.load_dataset("json", data_files="FOLDER/sft/train.jsonl", split="train")\n'
            'rows = rows.map(lambda row: {"images": [f"FOLDER/{name}" for name in row["images"]]})',
        ),
        Preset(
            name="llama-factory",
            title="LLaMA-Factory",
            shows_frames=True,
            holds="Rows of supervised training with the frames as pictures, and dataset_info.json.",
            leaves_out="The rows of GRPO, which LLaMA-Factory does not have, and the clips themselves.",
            lines="llamafactory-cli train settings.yaml dataset_dir=FOLDER media_dir=FOLDER \\\n"
            "  dataset=qsave_sft_train template=qwen3_vl",
        ),
        Preset(
            name="ms-swift",
            title="ms-swift",
            shows_frames=True,
            holds="Rows for swift sft (sft/, cooldown/) and GRPO (grpo/), each with the frames as pictures.",
            leaves_out="The clips themselves, of which ms-swift would choose other frames.",
            lines="export ROOT_IMAGE_DIR=FOLDER IMAGE_MIN_TOKEN_NUM=1\nswift sft --dataset FOLDER/sft/train.jsonl",
        ),
        Preset(
            name="verl",
            title="verl",
            shows_frames=True,
            holds="Rows of GRPO as a Parquet file a split, with the frames as pictures inside.",
            leaves_out="The rows of supervised training, and the clips themselves.",
            lines="python -m verl.trainer.main_ppo data.train_files=FOLDER/rl/train.parquet \\\n"
            "  data.val_files=FOLDER/rl/val.parquet data.image_key=images",
        ),
        Preset(
            name="webdataset",
            title="WebDataset",
            shows_frames=False,
            holds="Shards of samples: the clip, and its row as JSON with the answer, empty without an answer.",
            leaves_out="The tables of clips, ratings and targets.",
            lines='rows = webdataset.WebDataset(sorted(glob.glob("FOLDER/train-*.tar")), shardshuffle=False)\n'
            'row, clip = next(iter(rows.decode().to_tuple("json", "mp4")))',
        ),
        Preset(
            name="pairs",
            title="Pairs of clips",
            shows_frames=False,
            holds="Pairs of clips of one prompt whose scores on an axis differ by more than their errors.",
            leaves_out="Clips without another of the same prompt, and pairs that differ by less.",
            lines='pairs = datasets.load_dataset("json", data_files="FOLDER/train.jsonl", split="train")\n'
            'better = "FOLDER/" + pairs[0]["chosen"]["path"]',
        ),
    )
}
"""By name."""
