"""What a toy clip shows, in words that judge nothing: for the describe stage, and for raters who say what they saw."""

from modelassist.toy.world import COUNT_WORDS, MOTIONS, ClipSpec, Thing, plural
from qsave.axes import Axis


def caption(spec: ClipSpec) -> str:
    """The scene, then what disturbs its motion and its look, the strongest first."""
    return f"{scene_words(spec)}. {_flaws(spec, Axis.DYNAMIC, 'steady')}. {_flaws(spec, Axis.VISUAL, 'clean')}."


def scene_words(spec: ClipSpec) -> str:
    """What is there, how it moves and over what, as a prompt would say it: "two red circles rise over sand"."""
    extra = f", a {_named(spec.extra, 1)} in the corner" if spec.extra else ""
    if not spec.things:
        return f"nothing but {spec.ground}{extra}"
    first, count = spec.things[0], len(spec.things)
    others = [thing for thing in spec.things if thing != first]
    among = f", {COUNT_WORDS[len(others)]} {_named(others[0], len(others))} among them" if others else ""
    verb = spec.motion if count == 1 else MOTIONS[spec.motion]
    return f"{COUNT_WORDS[count]} {_named(first, count)} {verb} over {spec.ground}{among}{extra}"


def degree(strength: float) -> str:
    """A strength in (0, 1] as a word."""
    if strength < 0.4:
        return "slight"
    return "clear" if strength < 0.7 else "strong"


def _named(thing: Thing, count: int) -> str:
    return f"{thing.colour} {thing.shape if count == 1 else plural(thing.shape)}"


def _flaws(spec: ClipSpec, axis: Axis, none: str) -> str:
    faults = sorted((fault for fault in spec.faults if fault.axis is axis), key=lambda fault: -fault.strength)
    return ", ".join(f"{degree(fault.strength)} {fault.defect.replace('-', ' ')}" for fault in faults) or none
