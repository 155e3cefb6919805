"""What the pages about deployment say is so: code is the real files', numbers are computed, paths exist."""

import re
import subprocess
import unittest

import cost
import module as hcl
from workspace import MODULE, ROOT

PAGES = [ROOT / "docs" / name for name in ("issuing.md", "rotation.md", "cost-and-scale.md")]
PAGES.append(MODULE.parent / "README.md")


class Docs(unittest.TestCase):
    def test_the_code_of_each_language_is_the_file_that_the_tests_run(self):
        page = (ROOT / "docs" / "issuing.md").read_text()
        shown = re.findall(r"<!-- (\S+) -->\n```\w+\n(.*?)\n```", page, re.DOTALL)
        self.assertEqual(
            [path for path, _ in shown], [f"tests/interop/sign.{end}" for end in ("php", "go", "mjs", "py")]
        )
        for path, code in shown:
            self.assertIn(code, (ROOT / path).read_text(), path)

    def test_the_figures_are_the_computed_ones(self):
        page = cost.PAGE.read_text()
        self.assertEqual(cost.rendered(page), page, "run: python tests/deploy/cost.py --write")
        # Said in the text.
        self.assertEqual(cost.INTEGRATION_SECONDS * cost.REQUESTS_PER_SECOND, 290_000)
        rooms = (ROOT / "runtime" / "src" / "rooms" / "rooms.rs").read_text()
        budget = int(re.search(r"DEFAULT_BUDGET: Duration = Duration::from_secs\((\d+)\)", rooms)[1])
        self.assertEqual((budget, budget * cost.POSTS_PER_SECOND), (20, 100_000))
        self.assertEqual(cost.CONNECTIONS_PER_SECOND * cost.CONNECTION_SECONDS, 3_600_000)
        self.assertEqual(round(cost.messages_cost(1000 * 86_400 * 30)), 2274)
        self.assertEqual(cost.PARTITION_WRITE_UNITS // cost.ROOM_WRITES, 500)
        self.assertEqual(cost.room_reads(cost.REQUESTS_PER_SECOND), 782)
        self.assertLess(cost.room_reads(cost.REQUESTS_PER_SECOND), cost.PARTITION_READ_UNITS)
        refused = cost.lambda_cost(cost.CALL_MS / 1000) * cost.CONNECTIONS_PER_SECOND * 3600
        self.assertAlmostEqual(refused, 0.5, delta=0.06)

    def test_quotas_that_differ_by_region_are_said(self):
        page = " ".join(cost.PAGE.read_text().split())
        named = re.search(r"The thirteen are (.*?)\. There", page)[1]
        places = re.sub(r"\(([^)]*)\)", lambda m: f"<{m[1]}>", named)
        self.assertEqual(sum(len(re.split(", ", inside)) for inside in re.findall(r"<([^>]*)>", places)), 13, named)
        self.assertEqual(cost.REQUESTS_PER_SECOND / cost.SMALL_REGION_REQUESTS_PER_SECOND, 4)
        self.assertEqual(cost.BURST / cost.SMALL_REGION_BURST, 4)

    def test_the_member_s_size_is_what_the_registry_writes(self):
        # DynamoDB counts names and values: strings by their bytes, numbers by half their digits and one or two.
        room, connection = "lobby", "L0SM9cOFvHcCIhw="
        size = len("pk") + len(f"ROOM#{room}#0") + len("sk") + len(f"CONNECTION#{connection}")
        size += len("endpoint") + len("a1b2c3d4e5/prod") + len("claims") + cost.CLAIMS_BYTES
        for name, digits in (("connected_at", 13), ("expires_at", 10), ("ttl", 10)):
            size += len(name) + (digits + 1) // 2 + 1
        self.assertLess(abs(size - cost.MEMBER_BYTES), 15, size)

    def test_no_page_about_deployment_writes_a_secret_to_a_file(self):
        for page in (MODULE.parent / "README.md", ROOT / "docs" / "rotation.md"):
            for block in re.findall(r"```console\n(.*?)```", page.read_text(), re.DOTALL):
                for command in re.split(r"^\$ ", block, flags=re.MULTILINE):
                    if "get-secret-value" in command:
                        with self.subTest(page.name):
                            self.assertNotRegex(command, r">\s*[\w./~$-]+|\btee\b|open\(", "it stays on the disk")

    def test_keys_that_lie_about_are_not_committed(self):
        def ignored(path: str) -> bool:
            return subprocess.run(["git", "check-ignore", "--quiet", "--no-index", path], cwd=ROOT).returncode == 0

        for path in ("private.pem", "examples/chat/deploy/secret.json", "examples/chat/deploy/terraform/examples/chat/key-1.pem"):
            self.assertTrue(ignored(path), path)
        committed = subprocess.run(["git", "ls-files", "*.pem"], cwd=ROOT, capture_output=True, text=True, check=True)
        self.assertEqual([path for path in committed.stdout.split() if ignored(path)], [])

    def test_links_lead_somewhere(self):
        for page in PAGES:
            for target in re.findall(r"\]\((?!https?:)([^)#]*)(?:#[^)]*)?\)", page.read_text()):
                with self.subTest(page.name, target=target):
                    self.assertTrue((page.parent / target).exists())

    def test_headings_that_are_linked_to_exist(self):
        for page in PAGES:
            for target, anchor in re.findall(r"\]\((?!https?:)([^)#]*)#([^)]*)\)", page.read_text()):
                text = (page.parent / target).read_text() if target else page.read_text()
                headings = {re.sub(r"[^\w -]", "", h.lower()).replace(" ", "-") for h in re.findall(r"^#+ (.*)", text, re.MULTILINE)}
                with self.subTest(page.name, anchor=anchor):
                    self.assertIn(anchor, headings)

    def test_variables_that_are_named_exist(self):
        module = hcl.load(MODULE)
        known = module.variables.keys() | module.outputs.keys()
        for page in PAGES:
            for block in re.findall(r"```hcl\n(.*?)```", page.read_text(), re.DOTALL):
                for name in re.findall(r"^\s*(\w+) +=", block, re.MULTILINE):
                    with self.subTest(page.name, name=name):
                        self.assertIn(name, known)

    def test_reasons_that_are_named_exist(self):
        source = "\n".join(path.read_text() for path in (ROOT / "runtime" / "src").rglob("*.rs"))
        for page in PAGES:
            for reason in re.findall(r'"reason":"(\w+)"', page.read_text()):
                self.assertTrue(f'"{reason}"' in source, f"no reason {reason}")


if __name__ == "__main__":
    unittest.main()
