#!/usr/bin/python3
"""What people and other programs read from the log: export in each format, trace, report."""

import csv
import io
import json
import os
import queue
import signal
import subprocess
import threading

import audit_format
from audittest import MESSAGE, RECIPIENT, SMAUDIT, AuditTest, main


class Follower:
    """A running `export --follow`; its lines as they come."""

    def __init__(self, test, *arguments):
        self.process = subprocess.Popen(
            [SMAUDIT, "export", "--follow", *arguments], env=test.environment, cwd=test.dir,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        test.addCleanup(self.process.kill)
        self.lines = queue.Queue()
        threading.Thread(target=self.read, daemon=True).start()

    def read(self):
        for line in self.process.stdout:
            self.lines.put(line)

    def next(self):
        return self.lines.get(timeout=60)

    def stop(self, how=signal.SIGTERM):
        self.process.send_signal(how)
        status = self.process.wait(60)
        self.process.stderr.close()
        return status


class Export(AuditTest):
    def a_few_records(self):
        self.append("submitted", MESSAGE % "B", facts=["method=direct"], disclose=[
            "sender=boss@delinde.example", "recipient=anna@b.example", "recipient=bob@c.example", "size=4711",
            "message_id=<1@delinde.example>", "key=inv-1"])
        self.append("delivered", MESSAGE % "B", RECIPIENT % "A", facts=[
            "level=verified", "mechanism=dane", "tls_version=TLSv1.3", "tls_cipher=TLS_AES_256_GCM_SHA384"],
            disclose=["recipient=anna@b.example", "mx_host=mx.b.example", "remote_address=192.0.2.1",
                      "reply=250 ok", "certificate_sha256=" + "ab" * 32])
        self.append("failed", MESSAGE % "B", RECIPIENT % "Q", facts=["reason=mailbox-unknown"],
                    disclose=["recipient=bob@c.example", "reply=550 5.1.1 no such user"])
        self.append("opened", MESSAGE % "C", facts=["outcome=success"])
        self.append("contact_added", disclose=["address=anna@b.example.org"])

    def rows(self, *arguments):
        return [json.loads(line) for line in self.out("export", *arguments).splitlines()]

    def test_default_rows_are_the_record_with_disclosed_and_leaf(self):
        self.a_few_records()
        lines = self.lines()
        rows = self.out("export").encode().splitlines()
        self.assertEqual(len(rows), len(lines))
        for line, row in zip(lines, rows):
            self.assertTrue(row.startswith(line[:-1] + b',"disclosed":'))
            parsed = json.loads(row, object_pairs_hook=audit_format.no_duplicates)
            self.assertEqual(parsed["leaf"], audit_format.leaf(line).hex())
        first = json.loads(rows[0])
        self.assertEqual(first["disclosed"]["recipient"], ["anna@b.example", "bob@c.example"])
        self.assertEqual(first["disclosed"]["sender"], "boss@delinde.example")
        self.assertEqual(json.loads(rows[3])["disclosed"], {})

    def test_filters(self):
        self.a_few_records()
        seqs = lambda *arguments: [row["seq"] for row in self.rows(*arguments)]
        self.assertEqual(seqs("--event", "failed"), [2])
        self.assertEqual(seqs("--event", "failed", "--event", "opened"), [2, 3])
        self.assertEqual(seqs("--message", MESSAGE % "B"), [0, 1, 2])
        self.assertEqual(seqs("--address", "anna@b.example"), [0, 1])
        self.assertEqual(seqs("--address", "ANNA@b.example"), [0, 1])
        self.assertEqual(seqs("--address", "nna@b.example"), [])
        self.assertEqual(seqs("--address", "bob@c.example", "--event", "failed"), [2])
        times = [row["ts"] for row in self.rows()]
        self.assertEqual(seqs("--since", times[2]), [2, 3, 4])
        self.assertEqual(seqs("--until", times[2]), [0, 1])
        self.assertEqual(seqs("--since", times[1], "--until", times[3]), [1, 2])
        self.assertEqual(seqs("--since", "2999-01-01"), [])
        self.run_tool("export", "--since", "yesterday", status=64)
        self.run_tool("export", "--event", "teleported", status=64)
        self.run_tool("export", "--message", "no id", status=64)

    def test_raw_is_byte_for_byte(self):
        self.a_few_records()
        self.assertEqual(self.run_tool("export", "--raw").stdout, self.read("00000000.ndjson"))
        since = self.rows()[3]["ts"]
        tail = self.run_tool("export", "--raw", "--since", since).stdout
        self.assertEqual(tail, b"".join(line + b"\n" for line in self.lines()[3:]))
        for extra in (["--event", "opened"], ["--format", "csv"], ["--message", MESSAGE % "B"],
                      ["--address", "anna@b.example"]):
            self.run_tool("export", "--raw", *extra, status=64)
        # What is exported is a log of its own.
        self.run_tool("checkpoint")
        self.assert_intact(log=self.write("raw", self.read("00000000.ndjson")))
        self.assertIn("begins at 3", self.out("verify", self.write("tail", tail)))

    def test_A94_no_cell_is_a_formula(self):
        evil = ["=cmd|' /C calc'!A0", "+1+1", "-2+3", "@SUM(A1)", "\t=1", "\r=1", "\uff1d1+1", "\uff0b1", "\uff0d1",
                "\uff20x", " =1+1", "\u00a0=1", '"=1+1"', 'a"b', "a,b", "a;b", "a\nb", "a\r\nb", "plain",
                "'=1", "\u200b=1", "\ufeff=1+1", " \u00a0\u200b@x", "\n=1"]
        for text in evil:
            self.append("failed", MESSAGE % "B", RECIPIENT % "A", facts=["reason=" + text],
                        disclose=["reply=" + text, "queue_id=" + text, "mx_host=" + text, "odd=" + text])
        out = self.run_tool("export", "--format", "csv").stdout
        self.assertNotIn(b"\x00", out)
        table = list(csv.reader(io.StringIO(out.decode(), newline=""), strict=True))
        header, rows = table[0], table[1:]
        self.assertEqual(len(rows), len(evil))
        self.assertEqual(len(set(map(len, table))), 1)
        trouble = set("=+-@\t\r\n\uff1d\uff0b\uff0d\uff20")
        for text, row in zip(evil, rows):
            cells = dict(zip(header, row))
            for name, cell in cells.items():
                with self.subTest(text=text, name=name):
                    # Spreadsheets look behind blanks and what cannot be seen.
                    bare = cell.lstrip(" \u00a0\u200b\ufeff\t\r\n")
                    self.assertFalse(bare and bare[0] in trouble, repr(cell))
            meant = text.replace("\r", " ").replace("\n", " ")
            self.assertIn(cells["reply"], (meant, "'" + meant))
        for line in out.split(b"\r\n")[1:-1]:
            self.assertTrue(line.startswith(b'"') and line.endswith(b'"'), line)
            self.assertNotIn(b"\n", line)

    def test_csv_shows_every_value(self):
        self.a_few_records()
        table = list(csv.DictReader(io.StringIO(self.out("export", "--format", "csv"), newline="")))
        self.assertEqual(table[0]["sender"], "boss@delinde.example")
        self.assertEqual(table[0]["recipient_address"], "anna@b.example, bob@c.example")
        self.assertEqual(table[1]["mechanism"], "dane")
        self.assertEqual(json.loads(table[1]["other"])["disclosed"]["certificate_sha256"], "ab" * 32)
        self.assertEqual(table[2]["reason"], "mailbox-unknown")
        self.assertEqual([row["seq"] for row in table], list("01234"))
        self.assertEqual(table[3]["leaf"], audit_format.leaf(self.lines()[3]).hex())

    def test_ecs_rows_stand_in_the_common_schema(self):
        self.a_few_records()
        rows = self.rows("--format", "ecs")
        one = rows[1]
        record = json.loads(self.lines()[1])
        self.assertEqual(one["@timestamp"], record["ts"])
        self.assertEqual(one["event"]["action"], "delivered")
        self.assertEqual(one["event"]["outcome"], "success")
        self.assertEqual(one["event"]["kind"], "event")
        self.assertEqual(one["event"]["category"], ["email"])
        self.assertEqual(one["email"]["to"]["address"], ["anna@b.example"])
        self.assertEqual(one["tls"]["version"], "1.3")
        self.assertEqual(one["tls"]["version_protocol"], "tls")
        self.assertEqual(one["tls"]["server"]["hash"]["sha256"], "AB" * 32)
        self.assertIn("ecs", one)
        self.assertEqual(one["smtools"]["facts"]["mechanism"], "dane")
        self.assertEqual(rows[2]["event"]["outcome"], "failure")
        self.assertEqual(rows[2]["event"]["reason"], "mailbox-unknown")
        self.assertEqual(rows[0]["email"]["from"]["address"], ["boss@delinde.example"])
        self.assertEqual([row["event"]["sequence"] for row in rows], [0, 1, 2, 3, 4])

    def test_follow_goes_on_with_what_is_appended(self):
        self.append("opened", facts=["n=0"], disclose=["recipient=user0@b.example"])
        follower = Follower(self)
        self.assertEqual(json.loads(follower.next())["n"], "0")
        for n in range(1, 4):
            self.append("opened", facts=["n=%d" % n], disclose=["recipient=user%d@b.example" % n])
            row = json.loads(follower.next())
            self.assertEqual((row["n"], row["disclosed"]), (str(n), {"recipient": "user%d@b.example" % n}))
        # An erasure replaces the file that the follower reads from.
        self.run_tool("erase", "--address", "user0@b.example", "--authorised-by", "dpo", "--ground", "asked")
        row = json.loads(follower.next())
        self.assertEqual((row["event"], row["disclosed"]["ground"]), ("erased", "asked"))
        self.append("opened", facts=["n=4"], disclose=["recipient=user4@b.example"])
        self.assertEqual(json.loads(follower.next())["disclosed"], {"recipient": "user4@b.example"})
        self.assertNotEqual(follower.stop(), 0)

    def test_follow_filters_and_ends_at_once_on_each_signal(self):
        self.append("opened")
        for how in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            follower = Follower(self, "--event", "locked", "--format", "csv")
            self.assertIn(b"seq,", follower.next())
            self.append("opened")
            self.append("locked", facts=["reason=signal%d" % how])
            while (b"signal%d" % how) not in follower.next():
                pass
            self.assertNotEqual(follower.stop(how), 0)

    def test_follow_raw(self):
        self.append("opened")
        follower = Follower(self, "--raw")
        self.assertEqual(follower.next(), self.lines()[0] + b"\n")
        self.append("locked")
        self.assertEqual(follower.next(), self.lines()[1] + b"\n")
        follower.stop()

    def test_follow_across_the_border_of_a_segment(self):
        bench = os.path.join(os.environ.get("SMTOOLS_BUILD", "build"), "tests", "bench-audit")
        if not os.path.exists(bench):
            self.skipTest("bench-audit was not built")
        subprocess.run([bench, "make", self.state, "65534"], check=True, env=self.environment)
        follower = Follower(self, "--event", "opened")
        for n in range(3):
            self.append("opened", facts=["n=%d" % n], disclose=["recipient=user%d@b.example" % n])
            row = json.loads(follower.next())
            self.assertEqual((row["seq"], row["disclosed"]["recipient"]), (65534 + n, "user%d@b.example" % n))
        follower.stop()
        self.run_tool("checkpoint")
        self.assert_intact()

    def test_trace_by_id_message_id_key_and_address(self):
        self.a_few_records()
        for word in (MESSAGE % "B", "<1@delinde.example>", "1@delinde.example", "inv-1", "boss@delinde.example"):
            out = self.out("trace", word)
            self.assertIn("delivered to anna@b.example at mx.b.example", out)
            self.assertIn("failed for good for bob@c.example", out)
            self.assertIn("550 5.1.1 no such user", out)
        anna = self.out("trace", "anna@b.example")
        self.assertIn("delivered to anna@b.example", anna)
        self.assertNotIn("550 5.1.1", anna)  # that is bob's
        rows = [json.loads(line) for line in self.out("trace", "--json", "bob@c.example").splitlines()]
        self.assertEqual([row["event"] for row in rows], ["submitted", "failed"])
        self.assertIn(b"knows no message", self.run_tool("trace", "eve@b.example", status=1).stderr)

    def test_trace_shows_no_control_characters(self):
        self.append("failed", MESSAGE % "B", RECIPIENT % "A", facts=["reason=x\x1b[2J"],
                    disclose=["recipient=anna@b.example", "reply=550 \x1b]0;evil\x07\u202e\x9b31m"])
        for command in (["trace", MESSAGE % "B"], ["trace", "anna@b.example"]):
            out = self.out(*command)
            for bad in "\x1b\x07\u202e\x9b":
                self.assertNotIn(bad, out)

    def test_report_counts_the_organisation_and_names_nobody(self):
        self.a_few_records()
        month = json.loads(self.lines()[0])["ts"][:7]
        report = json.loads(self.out("report", "--month", month, "--json"))
        self.assertEqual((report["messages"], report["delivered"], report["failed"]), (1, 1, 1))
        self.assertEqual(report["by_mechanism"], {"dane": 1})
        for text in (self.out("report", "--month", month), json.dumps(report)):
            for name in ("anna", "bob", "boss"):
                self.assertNotIn(name, text)
        self.assertEqual(json.loads(self.out("report", "--month", "1999-01", "--json"))["messages"], 0)
        for bad in ("2026-13", "2026-00", "2026", "x"):
            self.run_tool("report", "--month", bad, status=64)
        self.run_tool("report", status=64)


if __name__ == "__main__":
    main()
