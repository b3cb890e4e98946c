"""The index of prompts: the tokens of every grouped prompt, by which an import finds near prompts (ADR 0017)."""

from django.db import models

MAX_WORD_LENGTH = 100
DIGEST_LENGTH = 32


class PromptToken(models.Model):
    """A token of prompts, and how many token sets have it. Its primary key is its number in `TokenSet.tokens`."""

    word = models.CharField(
        max_length=MAX_WORD_LENGTH, unique=True, help_text="The token; a long one is cut and ends in a hash."
    )
    prompts = models.PositiveIntegerField(help_text="Number of token sets that have it.")

    def __str__(self) -> str:
        return self.word


class TokenSet(models.Model):
    """The distinct tokens of a prompt. Prompts of the same words in another order have the same set."""

    digest = models.CharField(max_length=DIGEST_LENGTH, unique=True, help_text="Hash of the tokens.")
    tokens = models.BinaryField(help_text="Numbers of the tokens, ascending, four bytes each, the lowest byte first.")
