"""The Debian packages that the tests need. Run as a program, it installs them or says which are missing."""

from tests.support import browser, services
from tests.support.debian import require

NEEDS = (browser.CHROMIUM, services.POSTGRES, services.REDIS)

if __name__ == "__main__":
    require(NEEDS)
