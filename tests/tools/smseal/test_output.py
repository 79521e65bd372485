#!/usr/bin/python3
"""The output of smseal: whole or not at all, whatever is at its place and whatever fails."""

import os
import stat
import subprocess
import threading
import unittest

import envelope_v1 as v1
from tooltest import ToolTest, is_private, is_sanitized, peak_rss, tool

KEYS = {"passwords": [b"geheim"]}


class Output(ToolTest):
    def setUp(self):
        super().setUp()
        self.run_tool("smkey", "init")
        self.write("pw", b"geheim")
        self.write("f", b"inhoud")
        self.seal = ["smseal", "--org", "default"]

    def opens(self, name):
        return self.out("smunseal", "--org", "default", name) == b"inhoud"

    def test_a_fresh_file_and_an_old_one_in_its_place(self):
        self.run_tool(*self.seal, "-o", "e.sme", "f")
        self.assertTrue(self.opens("e.sme"))
        self.assertTrue(is_private(self.path("e.sme")))
        self.write("old.sme", b"old")
        os.link(self.path("old.sme"), self.path("hard"))
        self.run_tool(*self.seal, "-o", "old.sme", "f")
        self.assertTrue(self.opens("old.sme"))
        self.assertEqual(self.read("hard"), b"old")

    def test_A68_links_pipes_devices_and_folders_are_not_written_to(self):
        self.write("target", b"target")
        os.symlink("target", self.path("link"))
        os.symlink("nowhere", self.path("dangling"))
        os.symlink("/dev/null", self.path("device"))
        os.mkfifo(self.path("fifo"))
        os.mkdir(self.path("folder"))
        for name in ("link", "dangling", "device", "fifo", "folder", "/dev/null", "/dev/stdout"):
            before = os.lstat(self.path(name)).st_ino
            message = self.error(64, *self.seal, "-o", name, "f")
            self.assertIn("is not written to", message)
            self.assertEqual(os.lstat(self.path(name)).st_ino, before)
        self.assertEqual(self.read("target"), b"target")
        self.assertFalse(os.path.lexists(self.path("nowhere")))

    def test_F08_no_permission_and_no_such_folder(self):
        self.assertIn("nosuch", self.error(74, *self.seal, "-o", "nosuch/e.sme", "f"))
        self.error(66, *self.seal, "-o", "e.sme", "nosuch")
        self.assertFalse(os.path.exists(self.path("e.sme")))

    def test_nothing_is_left_where_an_input_fails(self):
        before = self.names()
        self.error(66, *self.seal, "-o", "e.sme", "f", "nosuch")
        self.error(66, *self.seal, "-o", "e.sme", ".")
        self.error(74, *self.seal, "-o", "e.sme", "/proc/self/mem")
        self.assertEqual(self.names(), before)

    def test_a_pipe_can_come_last_only(self):
        os.mkfifo(self.path("fifo"))

        def feed():
            with open(self.path("fifo"), "wb") as fifo:
                fifo.write(b"stream")

        thread = threading.Thread(target=feed)
        thread.start()
        self.run_tool(*self.seal, "-o", "e.sme", "f", "fifo")
        thread.join()
        parts = [self.out("smunseal", "--org", "default", "--part", n, "e.sme") for n in (1, 2)]
        self.assertEqual(parts, [b"inhoud", b"stream"])
        message = self.error(64, *self.seal, "-", "f", input=b"stream")
        self.assertIn("hint: name it last", message)

    def test_a_file_that_says_it_is_empty_and_is_not(self):
        self.run_tool(*self.seal, "-o", "e.sme", "/proc/version")
        with open("/proc/version", "rb") as file:
            self.assertEqual(self.out("smunseal", "--org", "default", "e.sme"), file.read())

    def test_an_empty_file_is_a_part_of_size_0(self):
        self.write("empty", b"")
        self.run_tool(*self.seal, "-o", "e.sme", "empty")
        self.assertEqual(self.out("smunseal", "--org", "default", "e.sme"), b"")
        listed = self.out("smunseal", "--org", "default", "--list", "e.sme")
        self.assertIn(b'"size":0', listed)

    def test_stdin_from_a_file_begins_where_it_stands(self):
        with open(self.path("f"), "rb") as file:
            os.lseek(file.fileno(), 2, os.SEEK_SET)
            self.run_tool(*self.seal, "-o", "e.sme", stdin=file)
        self.assertEqual(self.out("smunseal", "--org", "default", "e.sme"), b"houd")

    def test_stdout_into_a_file_goes_on_where_it_stands(self):
        with open(self.path("two"), "wb") as file:
            file.write(b"before")
            file.flush()
            self.run_tool(*self.seal, "f", stdout=file)
            self.run_tool(*self.seal, "f", stdout=file)
        data = self.read("two")
        self.assertTrue(data.startswith(b"beforesmtools-envelope/v1\n"))
        self.assertEqual(data.count(b"smtools-envelope/v1\n"), 2)

    def test_F19_a_full_device_a_reader_that_goes_and_closed_descriptors(self):
        with open("/dev/full", "wb") as full:
            self.error(74, *self.seal, "f", stdout=full)
        big = self.write("big", bytes(5 << 20))
        child = subprocess.Popen(
            [tool("smseal"), "--org", "default", big],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=self.environment,
        )
        child.stdout.read(10)
        child.stdout.close()
        child.stderr.read()
        child.stderr.close()
        self.assertEqual(child.wait(60), 74)
        for closed in ("<&-", ">&-", "2>&-", "<&- >&- 2>&-"):
            script = '"$0" --org default -o closed.sme f %s' % closed
            result = subprocess.run(
                ["/bin/sh", "-c", script, tool("smseal")], cwd=self.dir, env=self.environment
            )
            self.assertEqual(result.returncode, 0, closed)
            self.assertTrue(self.opens("closed.sme"))
            os.remove(self.path("closed.sme"))
        script = '"$0" --org default f >&-'
        result = subprocess.run(
            ["/bin/sh", "-c", script, tool("smseal")],
            cwd=self.dir,
            env=self.environment,
            stderr=subprocess.PIPE,
        )
        self.assertNotEqual(result.returncode, 0)

    def test_F19_a_signal_leaves_nothing(self):
        for number in (1, 2, 15):
            reader, writer = os.pipe()
            child = subprocess.Popen(
                [tool("smseal"), "--org", "default", "-o", "e.sme"],
                stdin=reader,
                cwd=self.dir,
                env=self.environment,
            )
            os.close(reader)
            os.write(writer, bytes(60000))
            while len([n for n in self.names() if n.startswith(".e.sme")]) == 0:
                self.assertIsNone(child.poll())
            child.send_signal(number)
            self.assertEqual(child.wait(60), -number)
            os.close(writer)
            self.assertEqual([n for n in self.names() if "e.sme" in n], [])

    def test_F25_umask_and_locale_change_nothing(self):
        for mask in (0o000, 0o777):
            self.run_tool(*self.seal, "-o", "e.sme", "f", preexec_fn=lambda: os.umask(mask))
            self.assertEqual(stat.S_IMODE(os.stat(self.path("e.sme")).st_mode), 0o600)
        environment = dict(self.environment, LC_ALL="tr_TR.UTF-8", TZ="Asia/Kathmandu")
        self.run_tool(*self.seal, "-o", "e.sme", "f", environment=environment)
        self.assertTrue(self.opens("e.sme"))

    def test_keys_that_are_none(self):
        message = self.error(64, "smseal", "f", start_new_session=True)
        self.assertIn("--password-file", message)
        self.write("empty", b"\n")
        self.error(65, "smseal", "--password-file", "empty", "f")
        self.write("nul", b"a\0b")
        self.error(65, "smseal", "--password-file", "nul", "f")
        self.write("open", b"geheim", 0o644)
        self.assertIn("chmod 600", self.error(77, "smseal", "--password-file", "open", "f"))
        self.error(66, "smseal", "--password-file", "nosuch", "f")
        self.error(64, "smseal", *["--password-file", "pw"] * 9, "f")
        self.error(78, "smseal", "--org", "nobody", "f")
        self.error(64, "smseal", "--org", "No Body", "f")
        self.error(65, "smseal", "--public-key", "f", "f")
        self.error(64, "smseal", "--org", "default", "--public-key", "f", "f")
        self.error(64, *self.seal, "--name", "x", "f", "f")

    def test_a_password_is_asked_for_twice_on_the_terminal(self):
        import pty

        def seal_with(first, second):
            pid, terminal = pty.fork()
            if pid == 0:
                os.chdir(self.dir)
                os.execve(tool("smseal"), ["smseal", "-o", "tty.sme", "f"], self.environment)
            shown = b""
            for answer in (first, second):
                while not shown.rstrip().endswith(b":"):
                    shown += os.read(terminal, 1024)
                os.write(terminal, answer + b"\n")
                shown = b""
            _, status = os.waitpid(pid, 0)
            os.close(terminal)
            return os.waitstatus_to_exitcode(status)

        self.assertEqual(seal_with(b"geheim", b"geheim"), 0)
        self.assertEqual(v1.open_envelope(self.read("tty.sme"), KEYS)[1], [b"inhoud"])
        os.remove(self.path("tty.sme"))
        self.assertEqual(seal_with(b"geheim", b"anders"), 64)
        self.assertFalse(os.path.exists(self.path("tty.sme")))

    def test_names_and_types(self):
        self.run_tool(*self.seal, "--name", "rapport.pdf", "-o", "e.sme", input=b"x")
        listed = self.out("smunseal", "--org", "default", "--list", "e.sme")
        self.assertIn(b'"name":"rapport.pdf","type":"application/pdf","size":null', listed)
        self.run_tool(*self.seal, "--type", "message/rfc822", "-o", "e.sme", input=b"x")
        listed = self.out("smunseal", "--org", "default", "--list", "e.sme")
        self.assertIn(b'"role":"message","name":null,"type":"message/rfc822"', listed)

    @unittest.skipIf(is_sanitized(), "SKIP: sanitizers take memory of their own")
    def test_memory_is_constant_in_both_directions(self):
        size = 512 << 20

        def through():
            script = 'head -c %d /dev/zero | "$0" --org default | "$1" --org default | cmp -n %d - /dev/zero'
            subprocess.run(
                ["/bin/bash", "-o", "pipefail", "-c", script % (size, size)]
                + [tool("smseal"), tool("smunseal")],
                check=True,
                cwd=self.dir,
                env=self.environment,
            )

        peak = peak_rss(through)
        print("peak RSS of pipe to pipe: %d KiB" % peak)
        self.assertLess(peak, 64 * 1024)


if __name__ == "__main__":
    unittest.main()
