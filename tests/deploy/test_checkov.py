"""checkov has no objection, and none of the skipped ones is skipped without need."""

import functools
import json
import re
import subprocess
import unittest
from pathlib import Path

from workspace import MODULE, ROOT, Copy

# In an environment of its own: it brings another version of the HCL parser under the same name.
CHECKOV = ROOT / "target" / "deploy" / "checkov" / "bin" / "checkov"


DOCKERFILES = [MODULE.parent / name for name in ("Dockerfile", "Dockerfile.scratch")]


@functools.cache
def checkov(framework: str, *paths: Path) -> dict:
    done = subprocess.run(
        [
            CHECKOV,
            "--directory" if paths[0].is_dir() else "--file",
            *paths,
            "--framework",
            framework,
            # The checks are part of the package; what would be fetched are links to their vendor's pages.
            "--skip-download",
            "--output",
            "json",
        ],
        capture_output=True,
        text=True,
        timeout=300,
    )
    return json.loads(done.stdout)["results"]


def named(checks: list[dict]) -> set[str]:
    return {f"{check['check_id']} {check['resource'].split('[')[0]}" for check in checks}


class Checkov(unittest.TestCase):
    def test_nothing_fails(self):
        results = checkov("terraform", MODULE)
        self.assertEqual(results["parsing_errors"], [])
        self.assertEqual(named(results["failed_checks"]), set())
        self.assertGreater(len(results["passed_checks"]), 50)

    def test_nothing_fails_in_the_images(self):
        results = checkov("dockerfile", *DOCKERFILES)
        self.assertEqual(named(results["failed_checks"]), set())
        self.assertEqual(
            {Path(check["file_path"]).name for check in results["passed_checks"]}, {path.name for path in DOCKERFILES}
        )

    def test_what_is_skipped_would_fail_otherwise(self):
        copy = Copy()
        self.addCleanup(copy.close)
        for path in copy.folder.rglob("*.tf"):
            path.write_text(re.sub(r".*checkov:skip.*\n", "", path.read_text()))
        would_fail = named(checkov("terraform", copy.folder)["failed_checks"])
        self.assertEqual(named(checkov("terraform", MODULE)["skipped_checks"]), would_fail)

    def test_each_skip_says_why(self):
        for path in [*MODULE.rglob("*.tf"), *DOCKERFILES]:
            for skip in re.findall(r"checkov:skip=.*", path.read_text()):
                with self.subTest(skip):
                    self.assertRegex(skip, r"^checkov:skip=CKV2?_(?:AWS|DOCKER)_\d+:\S.{20,}\.$|xray_enabled\.$|log_retention_days\.$")


if __name__ == "__main__":
    unittest.main()
