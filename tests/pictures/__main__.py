"""`make pictures`: take the pictures in docs/images again, in true colour.

Everything but the pictures is made in a temporary folder: the demo's database, its clips and the site that shows them.
"""

import os
import tempfile
from pathlib import Path

IMAGES = Path(__file__).resolve().parents[2] / "docs" / "images"


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="qsave-pictures-") as folder:
        os.environ |= {"QSAVE_VAR": folder, "HF_HUB_OFFLINE": "1", "DJANGO_SETTINGS_MODULE": "config.settings"}
        import django

        django.setup()
        from tests.pictures import contact_sheet, desk  # they import models, which need the settings

        contact_sheet.draw(IMAGES / "slowfast.png", Path(folder))
        desk.photograph(IMAGES / "desk.png")
    for path in IMAGES.glob("*.png"):
        path.chmod(0o644)  # the site's umask hides files from others
    print(f"The pictures are in {IMAGES}.")


if __name__ == "__main__":
    main()
