"""All that the tests need of the machine. As a program it makes sure of it, before anything else costs time."""

from tests.support import browser, services
from tests.support.debian import require

NEEDS = (browser.CHROMIUM, services.POSTGRES, services.REDIS)

if __name__ == "__main__":
    require(NEEDS)
