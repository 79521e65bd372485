#!/usr/bin/python3
"""Every way to tamper with a log, and what verify says of it: with an outside checkpoint wherever
theory allows, and plainly where it does not."""

import json
import os
import shutil
import subprocess

import audit_format
from audittest import SMAUDIT, AuditTest, main, rechain


class Attacks(AuditTest):
    def prepare(self):
        self.fill(8)
        self.checkpoint("middle")
        self.fill(4)
        self.checkpoint("outside")
        self.write("key", self.read("log.vkey"))

    def setUp(self):
        super().setUp()
        self.middle, self.outside, self.key = map(self.path, ("middle", "outside", "key"))

    def test_A90_nothing_was_done(self):
        kinds, summary = self.assert_intact("--checkpoint", self.outside, "--key", self.key)
        self.assertEqual(kinds, set())
        self.assertEqual(summary["records"], 12)
        self.assertEqual(summary["signed"], 12)
        self.assertEqual(summary["outside_checkpoint"], 12)

    def forget_signatures(self):
        """What an attacker with the folder does first."""
        os.unlink(os.path.join(self.log, "checkpoint"))
        shutil.rmtree(os.path.join(self.log, "checkpoints"))

    def with_outside(self):
        return self.findings("--checkpoint", self.outside, "--key", self.key)

    def assert_found(self, *wanted, arguments=None):
        kinds, summary, status = self.findings(
            *(arguments or ("--checkpoint", self.outside, "--key", self.key))
        )
        self.assertEqual(status, 1, (kinds, summary))
        for kind in wanted:
            self.assertIn(kind, kinds)
        return kinds

    def test_A90_edit(self):
        lines = self.lines()
        lines[5] = lines[5].replace(b'"level":"verified"', b'"level":"verifieD"')
        self.write_lines(lines)
        kinds = self.assert_found("altered", "chain-break", "tree-mismatch", arguments=["--strict"])
        self.assertEqual(self.by_kind["altered"]["record"], 5)
        self.assertEqual(self.by_kind["chain-break"]["record"], 6)

    def test_A90_edit_that_parses_no_more(self):
        lines = self.lines()
        lines[5] = lines[5][:-1]
        self.write_lines(lines)
        self.assert_found("altered", "tree-mismatch")
        self.assertEqual(self.by_kind["altered"]["record"], 5)

    def test_A90_every_byte_of_a_record_counts(self):
        lines = self.lines()
        for at in range(0, len(lines[3]), 7):
            line = bytearray(lines[3])
            line[at] ^= 1
            if line[at] == 10:
                continue
            self.write_lines(lines[:3] + [bytes(line)] + lines[4:])
            _, _, status = self.findings()
            self.assertEqual(status, 1, at)

    def test_A90_edit_with_the_chain_made_good(self):
        lines = self.lines()
        lines[5] = lines[5].replace(b'"level":"verified"', b'"level":"verifieD"')
        self.write_lines(rechain(lines))
        # The folder's own checkpoints still tell.
        self.assert_found("tree-mismatch", arguments=["--jobs", "1"])
        self.assertEqual(self.by_kind["tree-mismatch"]["record"], 1)
        # Without them, the outside one does.
        self.forget_signatures()
        kinds, _ = self.assert_intact()
        self.assertIn("tail-not-proven", kinds)
        self.assert_found("tree-mismatch")

    def test_A90_delete(self):
        lines = self.lines()
        self.write_lines(lines[:4] + lines[5:])
        self.assert_found("chain-break", "shorter-than-checkpoint")
        self.assertEqual(self.by_kind["chain-break"]["record"], 4)
        self.write_lines(rechain(lines[:4] + lines[5:]))
        self.assert_found("tree-mismatch", "shorter-than-checkpoint")

    def test_A90_insert(self):
        lines = self.lines()
        self.write_lines(lines[:4] + [lines[4]] + lines[4:])
        self.assert_found("chain-break", "tree-mismatch")
        self.assertEqual(self.by_kind["chain-break"]["record"], 5)
        self.write_lines(rechain(lines[:4] + [lines[4]] + lines[4:]))
        self.assert_found("tree-mismatch")

    def test_A90_reorder(self):
        lines = self.lines()
        lines[4], lines[6] = lines[6], lines[4]
        self.write_lines(lines)
        self.assert_found("chain-break", "tree-mismatch")
        self.assertEqual(self.by_kind["chain-break"]["record"], 4)
        self.write_lines(rechain(lines))
        self.assert_found("tree-mismatch")

    def test_A90_disclosures_of_two_records_swapped(self):
        path = os.path.join(self.log, "disclosures", "00000000.ndjson")
        lines = [json.loads(line) for line in open(path)]
        lines[2]["d"], lines[4]["d"] = lines[4]["d"], lines[2]["d"]
        with open(path, "w") as file:
            for line in lines:
                file.write(json.dumps(line, separators=(",", ":")) + "\n")
        kinds = self.assert_found("disclosure-mismatch")
        self.assertEqual(kinds, {"disclosure-mismatch"})
        self.assertEqual(self.by_kind["disclosure-mismatch"]["record"], 2)

    def test_A90_disclosure_altered_removed_added_doubled(self):
        path = os.path.join(self.log, "disclosures", "00000000.ndjson")
        whole = [json.loads(line) for line in open(path)]

        def put(lines):
            with open(path, "w") as file:
                for line in lines:
                    file.write(json.dumps(line, separators=(",", ":")) + "\n")

        forged = audit_format.b64url(b'["AAAAAAAAAAAAAAAAAAAAAA","recipient","x@y.example"]')
        for change in (
            lambda d: d.__setitem__(0, forged),
            lambda d: d.pop(),
            lambda d: d.append(forged),
            lambda d: d.append(d[0]),
        ):
            lines = json.loads(json.dumps(whole))
            change(lines[3]["d"])
            put(lines)
            self.assertEqual(self.assert_found("disclosure-mismatch"), {"disclosure-mismatch"})
            self.assertEqual(self.by_kind["disclosure-mismatch"]["record"], 3)
        put(whole[:3] + whole[4:])
        self.assert_found("disclosure-mismatch")
        put(whole[:3] + [whole[4], whole[3]] + whole[5:])
        self.assert_found("disclosure-mismatch")
        put(whole)
        self.assert_intact()

    def test_A90_tail_cut(self):
        lines = self.lines()
        self.write_lines(lines[:10])
        disclosures = os.path.join(self.log, "disclosures", "00000000.ndjson")
        kept = open(disclosures, "rb").read().split(b"\n")[:10]
        open(disclosures, "wb").write(b"".join(line + b"\n" for line in kept))
        self.assert_found("shorter-than-checkpoint")
        self.forget_signatures()
        os.unlink(os.path.join(self.log, "log.vkey"))
        kinds, _ = self.assert_intact()  # theory allows no more, and it says so
        self.assertIn("tail-not-proven", kinds)
        self.assert_found("shorter-than-checkpoint")

    def test_A90_tail_rewritten_at_the_same_length(self):
        lines = self.lines()
        lines[-1] = lines[-1].replace(b"verified", b"verifiea")
        self.write_lines(lines)
        self.assert_found("tree-mismatch", arguments=["--jobs", "2"])
        self.forget_signatures()
        kinds, _ = self.assert_intact()
        self.assertIn("tail-not-proven", kinds)
        self.assert_found("tree-mismatch")

    def test_A90_whole_log_rewritten_with_the_current_key(self):
        thief = self.signer()
        lines = rechain([line.replace(b"verified", b"verifiea") for line in self.lines()])
        self.write_lines(lines)
        self.forget_signatures()
        note = thief.checkpoint(12, audit_format.root([audit_format.leaf(l) for l in lines]))
        open(os.path.join(self.log, "checkpoint"), "w").write(note)
        # Even the right key says that this is right: only what was kept outside tells.
        kinds, _ = self.assert_intact("--key", self.key)
        self.assertIn("tail-not-proven", kinds)
        self.assert_found("tree-mismatch")
        self.assert_found("tree-mismatch", arguments=["--checkpoint", self.middle])

    def test_A90_whole_log_rewritten_with_a_new_key(self):
        forger = audit_format.Signer(self.signer().name)
        lines = rechain([line.replace(b"verified", b"verifiea") for line in self.lines()])
        self.write_lines(lines)
        self.forget_signatures()
        note = forger.checkpoint(12, audit_format.root([audit_format.leaf(l) for l in lines]))
        open(os.path.join(self.log, "checkpoint"), "w").write(note)
        open(os.path.join(self.log, "log.vkey"), "w").write(forger.vkey + "\n")
        kinds, _ = self.assert_intact()
        self.assertLessEqual({"tail-not-proven", "origin-unproven"}, kinds)
        self.assert_found("key-out-of-epoch", arguments=["--key", self.key])
        self.assert_found("tree-mismatch", arguments=["--checkpoint", self.outside])

    def test_A90_fork(self):
        """Another log of the same beginning: each of two auditors was shown one."""
        lines = self.lines()
        fork = rechain(lines[:10] + [line.replace(b"verified", b"verifiea") for line in lines[10:]])
        note = self.signer().checkpoint(
            12, audit_format.root([audit_format.leaf(line) for line in fork])
        )
        other = self.write("other", note)
        self.assert_found(
            "tree-mismatch", arguments=["--checkpoint", self.outside, "--checkpoint", other]
        )
        self.assert_found("tree-mismatch", arguments=["--checkpoint", other])

    def test_A90_segment_unlinked(self):
        os.unlink(os.path.join(self.log, "00000000.ndjson"))
        self.assert_found("shorter-than-checkpoint")

    def test_A90_other_files_unlinked(self):
        for name in ("disclosures/00000000.ndjson", "log.vkey"):
            path = os.path.join(self.log, name)
            content = open(path, "rb").read()
            os.unlink(path)
            _, _, status = self.findings()
            self.assertEqual(status, 1, name)
            open(path, "wb").write(content)
        self.assert_intact()
        os.unlink(os.path.join(self.log, "checkpoint"))
        self.assert_intact()  # the archived one still stands

    def test_A90_origin_that_is_not_the_keys_name(self):
        signer = self.signer()
        root = audit_format.root([audit_format.leaf(line) for line in self.lines()])
        note = signer.checkpoint(12, root, origin="another.example/log")
        open(os.path.join(self.log, "checkpoint"), "w").write(note)
        self.assert_found("key-out-of-epoch")

    def test_A90_checkpoint_is_garbage(self):
        for note in ("", "nonsense\n", self.read("checkpoint").decode() + "x"):
            open(os.path.join(self.log, "checkpoint"), "w").write(note)
            self.assert_found("altered")

    def test_A93_duplicate_keys(self):
        lines = self.lines()
        for alias in (b'"level":"insecure",', b'"se\\u0071":1,', b'"x":{"a":1,"a":2},'):
            at = lines[5].index(b'"level"')
            altered = lines[:5] + [lines[5][:at] + alias + lines[5][at:]] + lines[6:]
            self.write_lines(rechain(altered))
            self.assert_found("altered")
            self.assertEqual(self.by_kind["altered"]["record"], 5)

    def test_A93_CRLF_conversion(self):
        data = self.read("00000000.ndjson").replace(b"\n", b"\r\n")
        open(os.path.join(self.log, "00000000.ndjson"), "wb").write(data)
        self.assert_found("altered", "tree-mismatch")
        self.assertEqual(self.by_kind["altered"]["record"], 0)

    def test_A93_NUL_blocks(self):
        data = self.read("00000000.ndjson")
        for altered in (data[:1000] + bytes(512) + data[1512:], data + bytes(4096) + b"\n"):
            open(os.path.join(self.log, "00000000.ndjson"), "wb").write(altered)
            self.assert_found("altered")
        open(os.path.join(self.log, "00000000.ndjson"), "wb").write(data + bytes(4096))
        self.assert_found("torn-tail")

    def test_A93_torn_line(self):
        open(os.path.join(self.log, "00000000.ndjson"), "ab").write(b'{"v":1,"seq":12')
        kinds = self.assert_found("torn-tail")
        self.assertEqual(kinds, {"torn-tail"})
        self.assertEqual(self.by_kind["torn-tail"]["record"], 12)
        self.append("opened")  # the next appender cuts it
        self.assert_intact("--checkpoint", self.outside, "--key", self.key)
        self.assert_independently_intact()

    def test_A93_what_no_record_is(self):
        lines = self.lines()
        for bad in (
            b"",
            b"[]",
            b"{}",
            lines[5] + b" ",
            lines[5].replace(b'"v":1', b'"v":2'),
            lines[5].replace(b'"event":"delivered"', b'"event":"teleported"'),
            lines[5].replace(b'"ts":"20', b'"ts":"2x'),
            lines[5][: lines[5].index(b'"ts":"') + 11] + b"13" + lines[5][lines[5].index(b'"ts":"') + 13 :],
            lines[5].replace(b'"_sd":["', b'"_sd":["x'),
            lines[5][:-3] + b'_"]}',
            lines[5].replace(b'"tool":', b'"tool2":'),
            lines[5].replace(b"{", b'{"x":1,', 1),
            lines[5].replace(b'"level":"verified"', b'"level":"\xff"'),
            b'{"x":"' + b"x" * 70000 + b'"}',
            b"[" * 50000,
            b"x" * 3_000_000,
        ):
            self.write_lines(lines[:5] + [bad] + lines[6:])
            self.assert_found("altered")
            self.assertEqual(self.by_kind["altered"]["record"], 5, bad[:40])

    def test_A90_an_old_range_signed_with_a_newer_key(self):
        self.run_tool("checkpoint", "--end-epoch")
        self.append("opened")
        self.checkpoint("after")
        self.assert_intact("--key", self.key, "--checkpoint", self.outside)
        newer = self.signer(2)
        root = audit_format.root([audit_format.leaf(line) for line in self.lines()[:6]])
        path = os.path.join(self.log, "checkpoints", "%020d" % 6)
        open(path, "w").write(newer.checkpoint(6, root))
        self.assert_found("key-out-of-epoch", arguments=["--key", self.key])

    def test_A90_the_old_key_used_after_epoch_ended(self):
        old = self.signer(1)
        self.run_tool("checkpoint", "--end-epoch")
        self.append("opened")
        leaves = [audit_format.leaf(line) for line in self.lines()]
        path = os.path.join(self.log, "checkpoints", "%020d" % len(leaves))
        open(path, "w").write(old.checkpoint(len(leaves), audit_format.root(leaves)))
        self.assert_found("key-out-of-epoch", arguments=["--key", self.key])

    def test_A90_a_skipped_epoch(self):
        self.run_tool("checkpoint", "--end-epoch")
        last = os.path.join(self.log, "checkpoints", "%020d" % 13)
        content = open(last).read()
        # The old key's last checkpoint is gone, another one signed.
        self.append("opened")
        self.checkpoint("later")
        os.unlink(last)
        self.assert_found("key-out-of-epoch", arguments=["--key", self.key])
        open(last, "w").write(content)
        self.assert_intact("--key", self.key)
        # A key in the list that no record introduces.
        stranger = audit_format.Signer(self.signer(2).name)
        with open(os.path.join(self.log, "log.vkey"), "a") as file:
            file.write(stranger.vkey + "\n")
        self.assert_found("key-out-of-epoch", arguments=["--key", self.key])
        # The first key left out.
        keys = open(os.path.join(self.log, "log.vkey")).read().split("\n")
        open(os.path.join(self.log, "log.vkey"), "w").write(keys[1] + "\n")
        self.assert_found("key-out-of-epoch", arguments=["--key", self.key])

    def test_a_destroyed_epoch_key_cannot_sign_again(self):
        old = os.path.join(self.state, "keys", "log-default-1.key")
        stolen = open(old).read()
        self.run_tool("checkpoint", "--end-epoch")
        self.assertFalse(os.path.exists(old))
        with open(old, "w") as file:
            file.write(stolen)
        os.chmod(old, 0o600)
        self.append("opened")
        note = audit_format.Checkpoint(self.out("checkpoint"))
        keys = [audit_format.Key(line) for line in self.read("log.vkey").decode().split("\n")[:-1]]
        self.assertTrue(note.is_signed_by(keys[1]))
        self.assertFalse(note.is_signed_by(keys[0]))
        self.assertFalse(os.path.exists(old))

    def test_A90_everything_in_one_segment(self):
        """A record in another file than its number says: the chain is whole, the format is not."""
        line = self.lines()[-1]
        lines = self.lines() + [line] * (audit_format.SEGMENT + 1 - 12)
        self.write_lines(rechain(lines))
        self.forget_signatures()
        kinds = self.assert_found("chain-break", arguments=["--key", self.key])
        self.assertEqual(self.by_kind["chain-break"]["record"], audit_format.SEGMENT)
        self.assertEqual(self.by_kind["chain-break"]["count"], 1)
        self.assertNotIn("altered", kinds)

    def test_A90_a_segment_that_is_short_and_not_the_last(self):
        open(os.path.join(self.log, "00000001.ndjson"), "w").close()
        self.assert_found("chain-break")
        self.assertEqual(self.by_kind["chain-break"]["record"], 12)

    def test_A90_disclosures_of_a_segment_that_is_none(self):
        shutil.copy(
            os.path.join(self.log, "disclosures", "00000000.ndjson"),
            os.path.join(self.log, "disclosures", "00000003.ndjson"),
        )
        self.assertEqual(self.assert_found("disclosure-mismatch"), {"disclosure-mismatch"})

    def test_A90_erased_values_put_back(self):
        path = os.path.join(self.log, "disclosures", "00000000.ndjson")
        before = open(path, "rb").read()
        self.run_tool("erase", "--address", "user1@b.example", "--authorised-by", "d", "--ground", "g")
        outside = self.checkpoint("later")
        erased = open(path, "rb").read()
        open(path, "wb").write(before + erased[erased.rindex(b'{"seq"') :])
        # The log is intact, every value has its digest; but what should be gone is not.
        arguments = ("--checkpoint", outside, "--key", self.key)
        kinds, _ = self.assert_intact(*arguments)
        self.assertEqual(kinds, {"lifecycle-incomplete"})
        self.assertIn("erased", self.by_kind["lifecycle-incomplete"]["detail"])
        self.assertEqual(self.by_kind["lifecycle-incomplete"]["record"], 2)
        self.run_tool("erase", "--address", "user1@b.example", "--authorised-by", "d", "--ground", "g")
        self.assertEqual(self.holds("user1@b.example"), [])
        self.assertEqual(self.assert_intact("--key", self.key, "--checkpoint", outside)[0] - {"unsigned-tail"}, set())

    def test_A90_an_epoch_put_before_the_key_that_the_auditor_has(self):
        """A log made up whole, whose first key is the forger's and names the real one as its next."""
        forger = audit_format.Signer(self.signer().name)
        ended = self.lines()[-1].replace(b'"delivered"', b'"epoch_ended"')
        at = ended.index(b',"level"')
        ended = ended[:at] + b',"next":"' + self.read("log.vkey").strip() + b'"' + ended[at:]
        lines = rechain([line.replace(b"verified", b"verifiea") for line in self.lines()] + [ended])
        self.write_lines(lines)
        self.forget_signatures()
        os.unlink(os.path.join(self.log, "disclosures", "00000000.ndjson"))
        leaves = [audit_format.leaf(line) for line in lines]
        open(os.path.join(self.log, "checkpoint"), "w").write(
            forger.checkpoint(13, audit_format.root(leaves))
        )
        open(os.path.join(self.log, "log.vkey"), "w").write(
            forger.vkey + "\n" + audit_format.Signer.from_skey(
                open(os.path.join(self.state, "keys", "log-default-1.key")).read()).vkey + "\n"
        )
        kinds, summary, _ = self.findings("--key", self.key)
        self.assertEqual(summary["signed"], 0)
        self.assertLessEqual({"origin-unproven", "unsigned-tail"}, kinds)
        self.assert_found("tree-mismatch")

    def test_A90_pipes_and_devices_in_the_place_of_files(self):
        for name in ("00000000.ndjson", "disclosures/00000000.ndjson", "checkpoint", "log.vkey"):
            path = os.path.join(self.log, name)
            content = open(path, "rb").read()
            os.unlink(path)
            os.mkfifo(path)
            self.run_tool("verify", self.log, status=66)
            os.unlink(path)
            open(path, "wb").write(content)
        self.assert_intact()

    def test_A90_a_disclosures_line_without_end(self):
        with open(os.path.join(self.log, "disclosures", "00000000.ndjson"), "ab") as file:
            file.truncate(1 << 30)
        self.assert_found("disclosure-mismatch")

    def test_no_append_can_make_a_line_that_verify_calls_altered(self):
        for event, fact in (
            ("submitted", "recipients=abc"),
            ("erased", "digests=abc"),
            ("opened", "leaf=x"),
            ("opened", "disclosed=x"),
            ("opened", "message=x"),
            ("opened", "Level=x"),
            ("opened", "long=" + "x" * 65_535),
        ):
            result = self.append(event, facts=[fact], status=None)
            self.assertIn(result.returncode, (64, 65), (fact, result.stderr))
        self.append("opened", facts=["umlaut=\u00e4\U0001f600", "quote=\"\\\n\t\x7f"], disclose=["x=\u00e4\n"])
        self.append("opened", facts=["number=12", "empty=", "long=" + "x" * 65_000])
        self.assertEqual(len(self.lines()), 14)
        self.assert_intact("--checkpoint", self.outside, "--key", self.key)
        self.assert_independently_intact()

    def test_A90_a_next_key_that_is_not_ours_gets_no_signature(self):
        """Who may append, but not read the key, would have the key hand the log over."""
        thief = audit_format.Signer(self.signer().name)
        before, kept = self.read("checkpoint"), os.listdir(os.path.join(self.log, "checkpoints"))
        last = self.lines()[-1]
        at = last.index(b',"level"')
        for next_key in (thief.vkey.encode(), b"nonsense"):
            ended = last[:at].replace(b'"delivered"', b'"epoch_ended"')
            ended += b',"next":"' + next_key + b'","_sd":[]}'
            shutil.copytree(self.state, self.path("kept"))
            self.write_lines(rechain(self.lines() + [ended]))
            for command in (["checkpoint"], ["checkpoint", "--end-epoch"]):
                self.assertIn(b"names", self.run_tool(*command, status=78).stderr)
            self.append("opened")
            self.assertEqual(self.read("checkpoint"), before)
            self.assertEqual(os.listdir(os.path.join(self.log, "checkpoints")), kept)
            shutil.rmtree(self.state)
            os.rename(self.path("kept"), self.state)

    def test_A90_a_cache_that_was_made_up_is_not_believed(self):
        """The signer goes on from where its cache says, and that must be behind a line of the log."""
        self.append("opened")
        line = self.lines()[12]
        at = line.index(b'"prev":"') + 8
        self.write_lines(self.lines()[:12] + [line[:at] + b"ab" * 32 + line[at + 64 :]])
        path = os.path.join(self.log, ".cache", "frontier")
        frontier = open(path).read().split("\n")
        words = frontier[0].split()
        self.assertEqual(words[0], "12")
        frontier[0] = " ".join([words[0], words[1], "ab" * 32])
        open(path, "w").write("\n".join(frontier))
        self.assertIn(b"chain is broken", self.run_tool("checkpoint", status=78).stderr)

    def test_raw_files_and_stdin(self):
        raw = self.write("raw", self.read("00000000.ndjson"))
        kinds, summary = self.assert_intact(
            "--checkpoint", self.outside, "--key", self.key, log=raw
        )
        self.assertEqual(kinds, set())
        self.assertEqual(summary["outside_checkpoint"], 12)
        with open(raw, "rb") as file:
            kinds, summary, status = self.findings("--key", self.key, log="-", stdin=file)
        self.assertEqual((status, summary["records"]), (0, 12))
        tail = self.write("tail", b"".join(line + b"\n" for line in self.lines()[7:]))
        out = self.out("verify", tail)
        self.assertIn("root not provable: begins at 7", out)
        lines = self.lines()[7:]
        lines[2] = lines[2].replace(b"verified", b"verifiea")
        altered = self.write("tail2", b"".join(line + b"\n" for line in lines))
        _, _, status = self.findings(log=altered)
        self.assertEqual(status, 1)
        altered = self.write("raw2", b"".join(line + b"\n" for line in self.lines()[:11]))
        kinds, _, status = self.findings("--checkpoint", self.outside, "--key", self.key, log=altered)
        self.assertEqual((status, "shorter-than-checkpoint" in kinds), (1, True))

    def test_strict_counts_notices(self):
        self.checkpoint_is_fresh()
        self.append("submitted", "AAAAAAAAAAAAAAAZ")
        kinds, summary, status = self.findings("--strict", "--checkpoint", self.outside, "--key", self.key)
        self.assertEqual(status, 1)
        self.assertEqual(kinds, {"unsigned-tail", "lifecycle-incomplete"})
        self.assertEqual(self.by_kind["lifecycle-incomplete"]["record"], 12)
        self.assertTrue(summary["intact"])

    def test_what_cannot_be_read_is_no_answer(self):
        os.mkdir(self.path("empty"))
        self.run_tool("verify", "/dev/null", status=66)
        self.run_tool("verify", "-", status=66, stdin=subprocess.DEVNULL)
        closed = subprocess.run(["sh", "-c", 'exec "$0" verify - <&-', SMAUDIT], env=self.environment,
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.assertIn(closed.returncode, (66, 74))
        self.run_tool("verify", "--checkpoint", self.outside, "/dev/null", status=1)
        self.assertIn(b"holds no log", self.run_tool("verify", self.path("empty"), status=66).stderr)
        self.assertIn("NOT INTACT", self.out("verify", "--checkpoint", self.outside, self.path("empty"), status=1))
        self.run_tool("verify", self.path("nosuch"), status=66)
        self.run_tool("verify", "--checkpoint", self.path("nosuch"), self.log, status=66)
        self.run_tool("verify", "--checkpoint", self.key, self.log, status=65)
        self.run_tool("verify", "--key", self.outside, self.log, status=65)
        self.run_tool("verify", "--no-such-flag", status=64)


if __name__ == "__main__":
    main()
