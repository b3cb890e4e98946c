"""Small files of ratings as other tools write them. They are made here, in the shape of the tools' own documents."""

import json
from typing import Any

PROMPTS = {"fox": "a fox runs through snow", "sea": "waves on a beach at night"}

WIDE_CSV = """Clip ID,annotator,visual_quality,temporal_consistency,text_alignment,visual_comment,comment
fox,ann,4,3,5,Sharp fur and clean edges,Good all in all
fox,ben,3,,4,,The tail flickers
sea,ann,2,2,1,Blurry horizon,Nothing fits
"""

LONG_CSV = """clip_id;axis;score;scale_min;scale_max;n;sd
fox;visual quality;2;1;4;12;0,8
fox;motion;3.5;1;4;12;0.5
sea;visual quality;4;1;4;11;0
sea;physical consistency;4;1;4;11;0
"""


def make_label_studio_result(name: str, kind: str, value: dict[str, Any]) -> dict[str, Any]:
    return {"from_name": name, "to_name": "video", "type": kind, "id": f"{name}-1", "value": value}


def make_label_studio_export() -> list[dict[str, Any]]:
    """Two tasks: one with two annotations and a skipped one, one with an annotation and a prediction."""

    def annotate(annotator: object, scores: tuple[int, int, int], *more: dict[str, Any]) -> dict[str, Any]:
        names = ("visual_quality", "motion", "prompt_alignment")
        ratings = [
            make_label_studio_result(name, "rating", {"rating": score})
            for name, score in zip(names, scores, strict=True)
        ]
        return {
            "id": 11,
            "completed_by": annotator,
            "result": [*ratings, *more],
            "was_cancelled": False,
            "ground_truth": False,
            "lead_time": 21.5,
            "created_at": "2026-03-02T09:00:00Z",
        }

    flicker = make_label_studio_result(
        "moments", "timelinelabels", {"ranges": [{"start": 13, "end": 24}], "timelinelabels": ["Flicker"]}
    )
    defects = make_label_studio_result("defects", "choices", {"choices": ["blur", "Odd colours"]})
    why = make_label_studio_result("visual_reason", "textarea", {"text": ["The fur is", "smeared."]})
    skipped = annotate(3, (1, 1, 1)) | {"was_cancelled": True, "result": []}
    return [
        {
            "id": 1,
            "data": {"video": "/data/upload/2/0a1b2c3d-fox.mp4", "prompt": PROMPTS["fox"], "model": "sora"},
            "annotations": [annotate(7, (4, 3, 5), flicker, defects, why), annotate({"id": 8}, (5, 5, 5)), skipped],
            "predictions": [],
        },
        {
            "id": 2,
            "data": {"video": "/data/local-files/?d=clips/sea.mp4", "prompt": PROMPTS["sea"], "model": "sora"},
            "annotations": [annotate({"id": 7, "email": "ann@example.org"}, (2, 2, 1))],
            "predictions": [{"model_version": "m1", "result": []}],
        },
    ]


def make_rectangle(*frames: tuple[int, float, float, bool], count: int = 48, **more: Any) -> dict[str, Any]:
    """The value of a rectangle that moves: (frame, left, top in percent, whether it is enabled), 20% by 10% large."""
    sequence = [
        {"frame": frame, "enabled": enabled, "rotation": 0, "x": x, "y": y, "width": 20, "height": 10, "time": 0.1}
        for frame, x, y, enabled in frames
    ]
    return {"framesCount": count, "duration": count / 24, "sequence": sequence, **more}


def make_json_min() -> list[dict[str, Any]]:
    """The short export of Label Studio: a task is one annotation, and its controls are fields."""
    return [
        {
            "id": 1,
            "video": "/data/upload/2/0a1b2c3d-fox.mp4",
            "prompt": PROMPTS["fox"],
            "visual_quality": [{"rating": 4}],
            "motion": 3,
            "defects": {"choices": ["blur", "Odd colours"]},
            "moments": [{"ranges": [{"start": 13, "end": 24}], "timelinelabels": ["Flicker"]}],
            "box": [make_rectangle((1, 10, 10, True), (12, 30, 50, True), (24, 30, 50, False), labels=["Blur"])],
            "annotator": 7,
            "annotation_id": 11,
            "lead_time": 21.5,
        }
    ]


def make_video_score_items() -> list[dict[str, Any]]:
    """Two items of VideoScore2's `anno_raw`, one with labels and one with bare numbers, and one without answers."""

    def make_item(name: str, visual: object, alignment: object, physics: object) -> dict[str, Any]:
        prompt = f"English Prompt: {PROMPTS[name]}. \n翻译为中文的Prompt:雪中的狐狸。"
        answers = {
            "1_视觉质量评分": visual,
            "1_视觉质量描述": "画质比较模糊",
            "2_文本符合度评分": alignment,
            "2_文本符合度描述": "与提示词一致",
            "3_物理符合度评分": physics,
            "3_物理符合度描述": "水的运动不自然",
        }
        return {
            "_id": name,
            "info": {
                "data": [
                    {"content": "PROMPT", "type": "TITLE"},
                    {"content": prompt, "type": "TEXT"},
                    {"content": f"https://videos.example/ltx/{name}.mp4", "type": "VIDEO"},
                    {"content": "src_id: 1  src: vidprom", "type": "TEXT"},
                ]
            },
            "labels": [{"data": {"label": label, "value": value}} for label, value in answers.items()],
        }

    empty = make_item("fox", 1, 1, 1) | {"labels": []}
    return [make_item("fox", "5-Very Good", "4-Relatively Good", "3-Medium"), make_item("sea", 2, 1, 1), empty]


def make_score_line(video: str = "fox.mp4", *, error: str | None = None) -> dict[str, Any]:
    """A line of `score`: the report card of a critic."""
    axis = {"score": 3.25, "reason": "The edges wobble.", "evidence": []}
    card = {
        "visual": axis | {"evidence": [{"defect": "blur", "time": [0.5, 1.0], "box": None}]},
        "dynamic": axis,
        "alignment": axis,
    }
    return {
        "video": video,
        "sha256": None,
        "prompt": PROMPTS["fox"],
        "model": "critic-1",
        "identity": "ab" * 8,
        "samples": 1,
        "card": None if error else card,
        "probabilities": None if error else {"visual": [0.1, 0.2, 0.4, 0.2, 0.1]},
        "error": error,
    }


def encode(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False).encode()


def encode_lines(*values: object) -> bytes:
    return b"".join(encode(value) + b"\n" for value in values)
