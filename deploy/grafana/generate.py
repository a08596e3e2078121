#!/usr/bin/env python3
"""Writes the dashboards, one file each, into the folder that is given, or into `dashboards` beside this file.

`make dashboards` does that; a test fails when what is committed is not what this writes. Needs Python alone.
"""

import json
import sys
from pathlib import Path

sys.dont_write_bytecode = True
HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))

from boards import ALL  # noqa: E402


def main():
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else HERE / "dashboards"
    folder.mkdir(parents=True, exist_ok=True)
    for name, dashboard in ALL.items():
        text = json.dumps(dashboard, indent=1, ensure_ascii=False)
        (folder / f"{name}.json").write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
