"""Families of prompts as people write them: what should be told apart, and what is one prompt in other words."""

from itertools import product
from random import Random

SUBJECTS = [
    f"{who} {deed} {place}"
    for who, deed, place in product(
        ("a red fox", "an old sailor", "a tiny robot", "a grey pony", "a paper kite"),
        ("runs through", "sleeps in", "dances on", "falls from", "looks at", "hides behind", "jumps over", "paints"),
        ("a forest", "the roof", "a bridge", "the sea", "a market"),
    )
]
STYLE = (
    ", cinematic lighting, ultra detailed, 8k, photorealistic, shallow depth of field, film grain, soft shadows, "
    "masterpiece, best quality, studio render, highly textured, sharp focus, prize winning photograph, golden hour"
)
STYLED = [subject + STYLE for subject in SUBJECTS]

ORBITS = [
    f"The camera orbits around. {what}, the camera circles around."
    for what in (
        "Lighthouse", "Windmill", "Stone bridge", "Volcano", "Teapot", "Old tram", "Water tower", "Glass dome",
        "Sleeping lion", "Ferris wheel", "Town hall", "Harbour crane", "Bonsai tree", "Marble statue", "Telescope",
        "Hot air balloon", "Coral reef", "Gramophone",
    )
]  # fmt: skip

# One prompt in many styles and camera moves.
VIADUCT = "a steam locomotive crosses the Glenfinnan viaduct towards Mallaig"
VIADUCTS = [
    f"{VIADUCT}{style}"
    for style in (
        "", ", pan left", ", pan right", ", tilt up", ", tilt down", ", zoom in", ", zoom out", ", static camera",
    )
]  # fmt: skip


def template_prompts(count: int, seed: int = 1) -> list[str]:
    """Prompts of one template with four slots of ten words."""
    draw = Random(seed)
    slots = [[f"{kind}{number}" for number in range(10)] for kind in ("colour", "animal", "verb", "place")]
    return [
        "a {} {} is {} in the {} on a sunny day".format(*(draw.choice(words) for words in slots)) for _ in range(count)
    ]


def random_prompts(count: int, seed: int = 0) -> list[str]:
    """Prompts of fifteen words that have little in common."""
    draw = Random(seed)
    words = [f"word{number}" for number in range(500)]
    return [" ".join(draw.choices(words, k=15)) for _ in range(count)]
