#!/usr/bin/python3
"""Erasing by the command line: nothing of the value stays in any file of the log, and everything
that was proved before still verifies."""

import json
import os
import shutil
import subprocess

from audittest import MESSAGE, RECIPIENT, SMAUDIT, AuditTest, main

BY = ("--authorised-by", "Officer Canary <officer@delinde.example>", "--ground", "Art. 17 canary-ground")


class Erasure(AuditTest):
    def setUp(self):
        super().setUp()
        self.fill(4)
        for who, name in (("anna", "A"), ("bob", "Q")):
            self.append("submitted", MESSAGE % name, disclose=[
                "sender=boss@delinde.example", "recipient=canary-%s@b.example" % who, "size=100",
                "message_id=<canary-%s-mid@delinde.example>" % who, "key=canary-%s-key" % who])
            self.append("delivered", MESSAGE % name, RECIPIENT % name, facts=["level=verified"], disclose=[
                "recipient=canary-%s@b.example" % who, "reply=250 canary-%s-reply" % who,
                "remote_address=2001:db8::%s" % ord(name), "queue_id=canary-%s-queue" % who])
        self.outside = self.checkpoint()
        self.key = self.write("key", self.read("log.vkey"))
        self.receipt = self.path("receipt")
        self.run_tool("receipt", "create", "--disclose", "recipient", "--disclose", "reply", "-o", self.receipt,
                      MESSAGE % "A", "--event", "delivered")

    def erase(self, *arguments, **more):
        return json.loads(self.out("erase", "--json", *arguments, *BY, **more) or "{}")

    def assert_everything_verifies(self):
        kinds, _ = self.assert_intact("--checkpoint", self.outside, "--key", self.key)
        self.assertLessEqual(kinds, {"unsigned-tail", "anchor-age"})
        self.assert_independently_intact()
        self.run_tool("checkpoint")
        kinds, _ = self.assert_intact("--checkpoint", self.outside, "--key", self.key)
        self.assertLessEqual(kinds, {"anchor-age"})
        out = json.loads(self.out("receipt", "verify", "--json", "--key", self.key, self.receipt))
        self.assertTrue(out["valid"])
        self.assertEqual(out["disclosed"]["recipient"], "canary-anna@b.example")

    def assert_gone(self, *texts):
        for text in texts:
            self.assertEqual(self.holds(text), [], text)

    def assert_there(self, *texts):
        for text in texts:
            self.assertEqual(self.holds(text), ["00000000.ndjson"], text)

    def test_an_address(self):
        self.assert_there("canary-anna@b.example", "canary-anna-reply", "canary-bob@b.example")
        # Her address; and of the records about her alone everything.
        erased = self.erase("--address", "canary-anna@b.example")
        self.assertEqual(erased, {"erased": 5, "records": 2})
        self.assert_gone("canary-anna@b.example", "canary-anna-reply", "canary-anna-queue")
        self.assert_there("canary-bob@b.example", "canary-bob-reply", "canary-bob-mid", "canary-ground")
        record = json.loads(self.lines()[-1])
        self.assertEqual((record["event"], len(record["digests"])), ("erased", 5))
        self.assertEqual(record["digests"], sorted(record["digests"]))
        disclosed = self.assert_independently_intact().disclosed(record["seq"])
        self.assertEqual(disclosed, {"authorised_by": [BY[1]], "ground": [BY[3]]})
        self.assert_everything_verifies()
        self.assertEqual(self.erase("--address", "canary-anna@b.example", status=1),
                         {"erased": 0, "records": 0})

    def test_a_message(self):
        erased = self.erase("--message", MESSAGE % "A")
        self.assertEqual(erased, {"erased": 9, "records": 2})
        self.assert_gone("canary-anna@b.example", "canary-anna-reply", "canary-anna-mid", "canary-anna-key")
        self.assert_there("canary-bob@b.example", "canary-bob-mid")
        self.assertEqual(json.loads(self.lines()[-1])["message"], MESSAGE % "A")
        self.assert_everything_verifies()
        rows = [json.loads(line) for line in self.out("export", "--message", MESSAGE % "A").splitlines()]
        self.assertEqual([row["disclosed"] for row in rows[:2]], [{}, {}])
        self.assertIn("delivered", self.out("trace", MESSAGE % "A"))

    def test_a_receipt_made_afterwards_proves_the_event_and_not_to_whom(self):
        self.erase("--address", "canary-anna@b.example")
        self.run_tool("receipt", "create", "--disclose", "recipient", "--event", "delivered",
                      "-o", self.path("later"), MESSAGE % "A", status=64)
        self.run_tool("receipt", "create", "--event", "delivered", "-o", self.path("later"), MESSAGE % "A")
        out = json.loads(self.out("receipt", "verify", "--json", "--key", self.key, self.path("later")))
        self.assertEqual((out["valid"], out["event"], out["disclosed"]), (True, "delivered", {}))

    def test_an_address_is_found_in_any_case_and_inside_other_values(self):
        self.append("failed", MESSAGE % "g", RECIPIENT % "g", disclose=[
            "recipient=Canary-Carl@B.Example", "reply=550 <canary-carl@b.EXAMPLE>: no such user"])
        self.append("failed", MESSAGE % "w", RECIPIENT % "w", disclose=[
            "recipient=xcanary-carl@b.example", "reply=550 canary-carl@b.example.org"])
        self.erase("--address", "canary-carl@b.example")
        self.assert_gone("Canary-Carl@B.Example", "canary-carl@b.EXAMPLE")
        self.assert_there("xcanary-carl@b.example", "canary-carl@b.example.org")
        self.assert_everything_verifies()

    def test_what_the_board_and_the_caches_held_goes_too(self):
        """Several at once use the board; its payloads hold disclosures until it is cleared."""
        running = [subprocess.Popen([SMAUDIT, "append", "--event", "opened", "--message", MESSAGE % "w",
                                     "--disclose", "recipient=canary-dora@b.example"],
                                    env=self.environment, cwd=self.dir) for _ in range(30)]
        for one in running:
            self.assertEqual(one.wait(120), 0)
        self.assertEqual(self.erase("--message", MESSAGE % "w"), {"erased": 30, "records": 30})
        self.assert_gone("canary-dora@b.example")
        self.assert_everything_verifies()

    def test_many_digests_need_several_records(self):
        disclose = ["recipient=many%d@b.example" % i for i in range(700)]
        for _ in range(3):
            self.append("submitted", MESSAGE % "w", disclose=disclose)
        before = len(self.lines())
        self.assertEqual(self.erase("--message", MESSAGE % "w"), {"erased": 2100, "records": 3})
        erased = [json.loads(line) for line in self.lines()[before:]]
        self.assertEqual([len(record["digests"]) for record in erased], [1000, 1000, 100])
        self.assert_gone("many0@b.example", "many699@b.example")
        self.append("delivered", MESSAGE % "w", RECIPIENT % "w")
        self.append("delivered", MESSAGE % "w")
        self.assert_everything_verifies()

    def test_an_erasure_in_every_segment(self):
        bench = os.path.join(os.environ.get("SMTOOLS_BUILD", "build"), "tests", "bench-audit")
        if not os.path.exists(bench):
            self.skipTest("bench-audit was not built")
        subprocess.run([bench, "make", self.state, "65540"], check=True, env=self.environment)
        self.append("opened", MESSAGE % "A", RECIPIENT % "A", disclose=["recipient=canary-anna@b.example"])
        self.assertTrue(os.path.exists(os.path.join(self.log, "disclosures", "00000001.ndjson")))
        self.assertEqual(self.erase("--address", "canary-anna@b.example"), {"erased": 6, "records": 3})
        self.assert_gone("canary-anna@b.example")
        self.assert_everything_verifies()

    def test_who_and_why_must_be_said(self):
        before = self.lines()
        for arguments in (("--message", MESSAGE % "A"), ("--message", MESSAGE % "A", "--ground", "x"),
                          ("--message", MESSAGE % "A", "--authorised-by", "x"), BY,
                          ("--message", MESSAGE % "A", "--address", "a@b.example", *BY),
                          ("--address", "nobody", *BY), ("--message", "no id", *BY),
                          ("--message", MESSAGE % "A", "--authorised-by", "", "--ground", "")):
            self.run_tool("erase", *arguments, status=64)
        self.run_tool("erase", "--address", "nobody@b.example", *BY, status=1)
        self.assertEqual(self.lines(), before)

    def test_a_damaged_disclosures_file_stops_the_erasure_and_is_said(self):
        path = os.path.join(self.log, "disclosures", "00000000.ndjson")
        content = open(path, "rb").read()
        shutil.copy(path, self.path("kept"))
        lines = content.split(b"\n")
        open(path, "wb").write(b"\n".join([b"{garbage}"] + lines[1:]))
        result = self.run_tool("erase", "--message", MESSAGE % "A", *BY, status=None)
        self.assertIn(result.returncode, (65, 78))
        self.assertNotIn(b'"erased"', b"".join(self.lines()))
        shutil.copy(self.path("kept"), path)
        self.erase("--message", MESSAGE % "A")
        self.assert_everything_verifies()


if __name__ == "__main__":
    main()
