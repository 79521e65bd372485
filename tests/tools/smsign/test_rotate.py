#!/usr/bin/python3
"""smsign rotate: every step, in any number of runs, and in the audit log."""

import json
import os
import pathlib
import shutil
import subprocess
import unittest

from workbench import MAIL, SMSIGN, Workbench, tags_of

NOW = 1_795_310_360  # 2026-11-22
DAY = 86400


class Rotate(Workbench):
    def setUp(self):
        shutil.rmtree(self.folder / "state", ignore_errors=True)
        (self.folder / "smtools.yaml").unlink(missing_ok=True)
        self.now = NOW

    def rotate(self, *more, dns, status, flags=None):
        self.write("d", dns)
        flags = ["--selector", "mail", "--key", "rsa.pem"] if flags is None else flags
        done = self.run_smsign(
            ["rotate", "--domain", "example.com", *flags, "--dns-file", "d", "--json",
             "--now", str(self.now), *more]
        )
        self.assertEqual(done.returncode, status, done.stdout.decode() + done.stderr.decode())
        return json.loads(done.stdout) if done.stdout else {}

    def published(self, said):
        """The record that the tool asks for, as a line for --dns-file."""
        name, rest = said["publish"].split(".\t", 1)
        text = "".join(rest.split('"')[1::2])
        return f"{name} TXT {text}\n"

    def steps(self, org="default"):
        log = self.folder / "state/audit" / org
        records = [json.loads(line) for path in sorted(log.glob("*.ndjson"))
                   for line in path.read_text().splitlines()]
        return [r["step"] for r in records if r.get("change") == "dkim-rotation"]

    def test_the_whole_way(self):
        old = self.dns_lines(self.rsa_record)
        said = self.rotate(dns=old, status=75)
        self.assertEqual(said["phase"], "publish")
        self.assertEqual(said["active_selector"], "mail")
        self.assertEqual(said["new_selector"], "s20261122")
        self.assertTrue(said["waiting_for"])
        new = self.published(said)
        key = pathlib.Path(
            self.folder / "state/keys/dkim-example.com.rsa-s20261122.pem"
        )
        self.assertEqual(key.stat().st_mode & 0o777, 0o600)
        made = key.read_bytes()

        # Asked again before it is published: the same key, the same record.
        again = self.rotate(dns=old, status=75)
        self.assertEqual(again["publish"], said["publish"])
        self.assertEqual(key.read_bytes(), made)
        # Another key at that name is not this one.
        wrong = f"s20261122._domainkey.example.com TXT {self.other_record}\n"
        self.assertEqual(self.rotate(dns=old + wrong, status=75)["phase"], "publish")
        # The DNS does not answer: nothing is concluded.
        failing = "s20261122._domainkey.example.com SERVFAIL\n"
        self.assertEqual(self.rotate(dns=old + failing, status=75)["phase"], "publish")

        said = self.rotate(dns=old + new, status=75)
        self.assertEqual(said["phase"], "overlap")
        self.assertEqual(said["active_selector"], "s20261122")
        self.assertEqual(said["active_key"], str(key))
        self.assertEqual(said["until"], "2026-11-29T01:19:20Z")

        self.now += 7 * DAY - 1
        self.assertEqual(self.rotate(dns=old + new, status=75)["phase"], "overlap")
        self.now += 1
        said = self.rotate(dns=old + new, status=75)
        self.assertEqual(said["phase"], "revoke")
        revoked = self.published(said)
        self.assertEqual(revoked, "mail._domainkey.example.com TXT v=DKIM1; k=rsa; p=\n")
        self.assertEqual(self.rotate(dns=old + new, status=75)["phase"], "revoke")
        said = self.rotate(dns=revoked + new, status=0)
        self.assertEqual(said["phase"], "done")
        self.assertEqual(self.rotate(dns=revoked + new, status=0)["phase"], "done")
        self.assertEqual(self.steps(), ["key-made", "switched", "overlap-ended", "revoked"])

        # And once more, from the key in force, though the flags name the first.
        self.now += DAY
        said = self.rotate("--again", dns=revoked + new, status=75)
        self.assertEqual(said["old_selector"], "s20261122")
        self.assertEqual(said["new_selector"], "s20261130")
        self.assertEqual(self.steps()[-1], "key-made")

    def test_messages_verify_at_every_moment(self):
        self.write(
            "smtools.yaml",
            "organisations:\n  linde:\n    name: Linde\n    domains: [example.com]\n    dkim:\n"
            f"      - {{domain: example.com, selector: mail, key: {self.folder}/rsa.pem}}\n",
        )

        def sign():
            return self.run_checked(["--config", "smtools.yaml"], MAIL)

        configured = ["--config", "smtools.yaml"]
        dns = self.dns_lines(self.rsa_record)
        sent = [sign()]
        said = self.rotate(dns=dns, status=75, flags=configured)
        sent.append(sign())
        self.assertEqual(tags_of(sent[-1])["s"], "mail")
        dns += self.published(said)
        self.rotate("--overlap", "1d", dns=dns, status=75, flags=configured)
        sent.append(sign())
        self.assertEqual(tags_of(sent[-1])["s"], said["new_selector"])
        self.write("all", dns)
        for mail in sent:
            self.assert_verdict(mail, 0, "pass", dns="all")
        self.assertEqual(self.steps("linde"), ["key-made", "switched"])

    def test_the_name_servers_must_show_it_too(self):
        # The resolver alone has it: --dns-file answers for the resolver and asks no name server,
        # so what is missing shows here by the resolver's own words.
        said = self.rotate(dns="x.example A 192.0.2.1\n", status=75)
        self.assertEqual(said["waiting_for"], ["the resolver: no key"])

    def test_a_rotation_can_be_given_up_before_the_switch_only(self):
        old = self.dns_lines(self.rsa_record)
        flags = ["rotate", "--domain", "example.com"]
        self.assertEqual(self.run_smsign([*flags, "--abort"]).returncode, 64)
        said = self.rotate(dns=old, status=75)
        self.assertEqual(self.run_smsign([*flags, "--status"]).returncode, 75)
        self.assertEqual(self.run_smsign([*flags, "--abort"]).returncode, 0)
        self.assertEqual(self.run_smsign([*flags, "--status"]).returncode, 1)
        self.assertEqual(self.steps(), ["key-made", "given-up"])
        # Begun again, the key that is there already is taken.
        again = self.rotate(dns=old, status=75)
        self.assertEqual(again["publish"], said["publish"])
        self.rotate(dns=old + self.published(again), status=75)
        self.assertEqual(self.run_smsign([*flags, "--abort"]).returncode, 64)

    def test_two_at_once_do_not_meet(self):
        import fcntl

        self.rotate(dns=self.dns_lines(self.rsa_record), status=75)
        with open(self.folder / "state/dkim/example.com.rsa.lock", "r+") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            done = self.run_smsign(
                ["rotate", "--domain", "example.com", "--selector", "mail", "--key", "rsa.pem",
                 "--dns-file", "d"]
            )
        self.assert_refused(done, 75, "another smsign")

    def test_damaged_state_stops_signing_and_rotating(self):
        self.rotate(dns=self.dns_lines(self.rsa_record), status=75)
        self.write("state/dkim/example.com.rsa", "{}\n")
        self.rotate(dns=self.dns_lines(self.rsa_record), status=78)
        self.write(
            "smtools.yaml",
            "organisations:\n  linde:\n    name: Linde\n    domains: [example.com]\n    dkim:\n"
            f"      - {{domain: example.com, selector: mail, key: {self.folder}/rsa.pem}}\n",
        )
        self.assertEqual(self.run_smsign(["--config", "smtools.yaml"], MAIL).returncode, 78)

    def test_no_step_without_its_record(self):
        # The log's folder cannot be made: a file stands in its place.
        (self.folder / "state").mkdir(exist_ok=True)
        self.write("state/audit", "in the way")
        done = self.run_smsign(
            ["rotate", "--domain", "example.com", "--selector", "mail", "--key", "rsa.pem",
             "--dns-file", "dns"]
        )
        self.assertNotEqual(done.returncode, 0)
        self.assertFalse((self.folder / "state/dkim/example.com.rsa").exists())

    @unittest.skipIf("SMTOOLS_SANITIZED" in os.environ or not shutil.which("strace"), "SKIP: no strace")
    def test_F01_killed_anywhere_it_goes_on(self):
        """Each step killed at its calls that change something, then run again: the rotation stands
        where it would, with one key and one state, and the log has each step, in order."""
        old = self.dns_lines(self.rsa_record)
        flags = ["rotate", "--domain", "example.com", "--selector", "mail", "--key", "rsa.pem",
                 "--dns-file", "d", "--json"]
        changing = "write,pwrite64,fsync,fdatasync,rename,renameat2,link,linkat,unlink,mkdir"
        said = self.rotate(dns=old, status=75)
        dns = old + self.published(said)
        states = {"key-made": (None, old, NOW), "switched": ("publish", dns, NOW + 60)}
        shutil.copytree(self.folder / "state", self.folder / "publish")
        self.addCleanup(shutil.rmtree, self.folder / "publish")

        def run(state, now, *strace):
            shutil.rmtree(self.folder / "state", ignore_errors=True)
            if state:
                shutil.copytree(self.folder / state, self.folder / "state")
            return subprocess.run(
                ["strace", "-f", "-qq", "-o", "calls", *strace, SMSIGN, *flags, "--now", str(now)],
                cwd=self.folder, env=self.environment(), capture_output=True)

        for step, (state, records, now) in states.items():
            self.write("d", records)
            self.assertEqual(run(state, now, "-e", f"trace={changing}").returncode, 75)
            calls = [line.split(None, 1)[1].split("(")[0]
                     for line in (self.folder / "calls").read_text().splitlines() if "(" in line]
            steps = self.steps()
            killed = 0
            for name in sorted(set(calls)):
                # The database writes often, and looks after itself: a few of many are enough.
                count = calls.count(name)
                for n in range(1, count + 1, 1 + count // 6):
                    done = run(state, now, "-e", f"trace={name}", "-e",
                               f"inject={name}:signal=KILL:when={n}")
                    if done.returncode == 75:
                        continue  # fewer such calls than last time
                    killed += 1
                    with self.subTest(f"{step}: {name} {n}"):
                        self.now = now
                        said = self.rotate(dns=records, status=75)
                        self.assertEqual(said["phase"], "publish" if state is None else "overlap")
                        # A record whose state was lost is written again, never left out.
                        found = self.steps()
                        self.assertEqual(list(dict.fromkeys(found)), steps)
                        keys = list((self.folder / "state/keys").glob("*.pem"))
                        self.assertEqual([str(key) for key in keys],
                                         [str(keys[0])] if state is None else [said["active_key"]])
                        self.run_checked(["dns", "--domain", "example.com", "--selector", "x", "--key",
                                          keys[0]])
            self.assertGreater(killed, 20, calls)

    def test_ed25519_keys_rotate_apart(self):
        dns = self.dns_lines(self.rsa_record, self.edge_record)
        flags = ["--selector", "edge", "--key", "edge.pem"]
        self.rotate(dns=dns, status=64, flags=flags)
        said = self.rotate("--algorithm", "ed25519", dns=dns, status=75, flags=flags)
        self.assertIn("k=ed25519", said["publish"])
        self.assertTrue((self.folder / "state/dkim/example.com.ed25519").exists())
        self.assertFalse((self.folder / "state/dkim/example.com.rsa").exists())

    def test_selectors_are_not_used_twice(self):
        for selector in ("mail", "a..b"):
            self.rotate("--new-selector", selector, dns="x.example A 192.0.2.1\n", status=64)
        said = self.rotate("--new-selector", "next", dns="x.example A 192.0.2.1\n", status=75)
        self.assertEqual(said["new_selector"], "next")


if __name__ == "__main__":
    unittest.main()
