"""What each preset is: its name, what it holds and leaves out, and the lines that load it.

The README of a preset, the card of a release and the page of a release show these texts.
"""

from dataclasses import dataclass

FOLDER = "FOLDER"
"""What stands in the lines for the preset's folder."""


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


_FRAMES = (
    "each row shows the frames of the bundled engine, slow frames first, as PNG files with their times in the text"
)

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
            holds=f"Rows of SFTTrainer (sft/, cooldown/) and of GRPOTrainer (grpo/); {_FRAMES}.",
            leaves_out="The clip between its frames, because TRL ignores a column of videos.",
            lines='rows = datasets.load_dataset("json", data_files="FOLDER/sft/train.jsonl", split="train")\n'
            'rows = rows.map(lambda row: {"images": [f"FOLDER/{name}" for name in row["images"]]})',
        ),
        Preset(
            name="llama-factory",
            title="LLaMA-Factory",
            shows_frames=True,
            holds=f"Rows of supervised training (sft/, cooldown/) and dataset_info.json; {_FRAMES}.",
            leaves_out="The rows for GRPO, which LLaMA-Factory does not have, and the clip between its frames.",
            lines="llamafactory-cli train settings.yaml dataset_dir=FOLDER media_dir=FOLDER \\\n"
            "  dataset=qsave_sft_train template=qwen3_vl",
        ),
        Preset(
            name="ms-swift",
            title="ms-swift",
            shows_frames=True,
            holds=f"Rows of swift sft (sft/, cooldown/) and of swift rlhf with GRPO (grpo/); {_FRAMES}.",
            leaves_out="The clip between its frames.",
            lines="export ROOT_IMAGE_DIR=FOLDER IMAGE_MIN_TOKEN_NUM=1\nswift sft --dataset FOLDER/sft/train.jsonl",
        ),
        Preset(
            name="verl",
            title="verl",
            shows_frames=True,
            holds=f"Rows of GRPO as a Parquet file a split; {_FRAMES}. The pictures are inside the Parquet files.",
            leaves_out="The rows of supervised training, and the clip between its frames.",
            lines="python -m verl.trainer.main_ppo data.train_files=FOLDER/rl/train.parquet \\\n"
            "  data.val_files=FOLDER/rl/val.parquet data.image_key=images",
        ),
        Preset(
            name="webdataset",
            title="WebDataset",
            shows_frames=False,
            holds="Shards of samples: the clip, and its row as JSON with the answer, empty if there is none.",
            leaves_out="The tables of clips, ratings and targets.",
            lines='rows = webdataset.WebDataset(sorted(glob.glob("FOLDER/train-*.tar")), shardshuffle=False)\n'
            'row, clip = next(iter(rows.decode().to_tuple("json", "mp4")))',
        ),
        Preset(
            name="pairs",
            title="Pairs",
            shows_frames=False,
            holds="Two clips of one prompt, of which one is better on an axis by more than 1.96 standard errors of the "
            "difference, and the clips in media/.",
            leaves_out="Clips without another of the same prompt, and pairs that differ by less.",
            lines='pairs = datasets.load_dataset("json", data_files="FOLDER/train.jsonl", split="train")\n'
            'better = "FOLDER/" + pairs[0]["chosen"]["path"]',
        ),
    )
}
"""By name."""
