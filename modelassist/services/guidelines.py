"""The guidelines of simulated campaigns, in Markdown: valid for the toy world, and an example for other campaigns."""

GUIDELINES = """\
Watch the clip to its end, then grade three things from 1 (bad) to 5 (excellent).

- **Visual**: how it looks. Blur, noise, blocks, colours that are off.
- **Dynamic**: how it moves. Freezes, jitter, flicker, things that pop in or out.
- **Alignment**: whether it shows what the prompt asks: the right things, colours, number, motion and place.

Name each defect you see, with its time and place where it has one, and say why in your own words.
"""
