#!/usr/bin/python3
"""smseal under faults: killed at every system call, failing syncs, full disks, short reads."""

import os
import re
import shutil
import subprocess
import sys
import unittest

from tooltest import ToolTest, has_strace, is_sanitized, tool


class Faults(ToolTest):
    def setUp(self):
        super().setUp()
        if not has_strace():
            self.skipTest("SKIP: no strace, or a sanitized build")
        self.run_tool("smkey", "init")
        self.content = bytes(range(256)) * 400
        self.write("f", self.content)
        self.command = [tool("smseal"), "--org", "default", "-o", "e.sme", "f"]

    def strace(self, *options):
        return subprocess.run(
            ["strace", "-f", "-o", self.path("trace"), *options, "--", *self.command],
            cwd=self.dir,
            env=self.environment,
            stderr=subprocess.PIPE,
        )

    def calls(self):
        """How often each system call is made, by all threads."""
        self.assertEqual(self.strace().returncode, 0)
        counts = {}
        for line in self.read("trace").decode(errors="replace").splitlines():
            found = re.match(r"\d+ +([a-z0-9_]+)\(", line)
            if found:
                counts[found.group(1)] = counts.get(found.group(1), 0) + 1
        return counts

    def check_whole_or_nothing(self):
        if os.path.exists(self.path("e.sme")):
            self.assertEqual(self.out("smunseal", "--org", "default", "e.sme"), self.content)
            os.remove(self.path("e.sme"))
            return True
        return False

    def test_F01_killed_at_every_system_call(self):
        killed, published = 0, 0
        for call, count in sorted(self.calls().items()):
            if call in ("exit_group", "execve"):
                continue
            self.check_whole_or_nothing()
            for when in range(1, count + 1):
                result = self.strace("-e", "inject=%s:signal=KILL:when=%d" % (call, when))
                killed += result.returncode != 0
                published += self.check_whole_or_nothing()
        print("killed %d times, published %d times before it" % (killed, published))
        self.assertGreater(killed, 100)
        self.run_tool(*["smseal"] + self.command[1:])
        self.assertTrue(self.check_whole_or_nothing())

    def test_F04_a_sync_that_fails_is_a_failure(self):
        count = self.calls()["fsync"]
        os.remove(self.path("e.sme"))
        for when in range(1, count + 1):
            result = self.strace("-e", "inject=fsync:error=EIO:when=%d" % when)
            self.assertEqual(result.returncode, 74, result.stderr)
            # The last one is the folder's: the file is whole, and it was not said to be durable.
            self.assertEqual(self.check_whole_or_nothing(), when == count)
        self.assertEqual([n for n in self.names() if "e.sme" in n], [])

    def test_F07_interrupted_and_short_calls(self):
        counts = self.calls()
        # The first reads are the dynamic loader's, which takes no interruption.
        for call, when in (("pread64", "%d" % counts["pread64"]), ("write", "1+2")):
            result = self.strace("-e", "inject=%s:error=EINTR:when=%s" % (call, when))
            self.assertEqual(result.returncode, 0, result.stderr)
            self.assertTrue(self.check_whole_or_nothing())
        slow = "import os,time\nfor i in range(%d):\n os.write(1, os.read(0, 1))\n" % len(self.content)
        with open(self.path("f"), "rb") as file:
            feeder = subprocess.Popen(
                [sys.executable, "-c", slow], stdin=file, stdout=subprocess.PIPE
            )
            sealed = self.out("smseal", "--org", "default", stdin=feeder.stdout)
            feeder.stdout.close()
            self.assertEqual(feeder.wait(), 0)
        opened = self.out("smunseal", "--org", "default", input=sealed)
        self.assertEqual(opened, self.content)

    def test_F05_no_space_at_any_size(self):
        mount = self.path("small")
        os.mkdir(mount)
        probe = subprocess.run(["mount", "-t", "tmpfs", "none", mount], stderr=subprocess.PIPE)
        if probe.returncode != 0:
            self.skipTest("SKIP: no right to mount")
        subprocess.run(["umount", mount], check=True)
        self.command[4] = "small/e.sme"
        failed = 0
        for pages in range(1, 32):
            options = "size=%dk" % (4 * pages)
            subprocess.run(["mount", "-t", "tmpfs", "-o", options, "none", mount], check=True)
            try:
                result = subprocess.run(
                    self.command, cwd=self.dir, env=self.environment, stderr=subprocess.PIPE
                )
                if result.returncode == 0:
                    opened = self.out("smunseal", "--org", "default", "small/e.sme")
                    self.assertEqual(opened, self.content)
                else:
                    self.assertIn(result.returncode, (74, 75))
                    self.assertEqual(os.listdir(mount), [])
                    failed += 1
            finally:
                subprocess.run(["umount", mount], check=True)
        self.assertGreater(failed, 20)
        self.assertLess(failed, 31)
        subprocess.run(["mount", "-t", "tmpfs", "-o", "nr_inodes=1", "none", mount], check=True)
        try:
            result = subprocess.run(
                self.command, cwd=self.dir, env=self.environment, stderr=subprocess.PIPE
            )
            self.assertIn(result.returncode, (74, 75))
        finally:
            subprocess.run(["umount", mount], check=True)

    def test_F17_eight_descriptors(self):
        import resource

        def limit():
            resource.setrlimit(resource.RLIMIT_NOFILE, (8, 8))

        names = []
        for n in range(30):
            self.write("p%d" % n, b"part %d" % n)
            names.append("p%d" % n)
        self.run_tool("smseal", "--org", "default", "-o", "e.sme", *names, preexec_fn=limit)
        self.run_tool("smunseal", "--org", "default", "-C", "out", "e.sme", preexec_fn=limit)
        self.assertEqual(len(self.names("out")), 30)


@unittest.skipIf(not shutil.which("cc") or is_sanitized(), "SKIP: no compiler, or a sanitized build")
class Nonces(ToolTest):
    """Every AES-GCM key and nonce that smseal ever seals under, over 1,000 runs that are killed."""

    SHIM = r"""
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <openssl/evp.h>
/* Key of each context, the last few; enough for a program with few contexts at once. */
static struct { EVP_CIPHER_CTX *ctx; unsigned char key[32]; } seen[4096];
static unsigned next_seen;
static unsigned char *key_of(EVP_CIPHER_CTX *ctx) {
  for (unsigned i = next_seen; i-- > 0;)
    if (seen[i % 4096].ctx == ctx) return seen[i % 4096].key;
  return NULL;
}
int EVP_CipherInit_ex2(EVP_CIPHER_CTX *ctx, const EVP_CIPHER *cipher, const unsigned char *key,
                       const unsigned char *iv, int enc, const OSSL_PARAM *params) {
  static int (*real)(EVP_CIPHER_CTX *, const EVP_CIPHER *, const unsigned char *,
                     const unsigned char *, int, const OSSL_PARAM *);
  if (!real) real = dlsym(RTLD_NEXT, "EVP_CipherInit_ex2");
  if (key) {
    unsigned i = __sync_fetch_and_add(&next_seen, 1) % 4096;
    memcpy(seen[i].key, key, 32);
    seen[i].ctx = ctx;
  }
  if (iv && enc == 1) {
    char line[128];
    unsigned char *k = key_of(ctx);
    int n = 0;
    if (!k) abort();
    for (int i = 0; i < 32; i++) n += sprintf(line + n, "%02x", k[i]);
    for (int i = 0; i < 12; i++) n += sprintf(line + n, "%02x", iv[i]);
    line[n++] = '\n';
    int fd = open(getenv("NONCE_LOG"), O_WRONLY | O_APPEND | O_CREAT, 0600);
    if (write(fd, line, n) != n) abort();
    close(fd);
  }
  return real(ctx, cipher, key, iv, enc, params);
}
"""

    def test_no_key_and_nonce_twice_in_1000_kills_and_retries(self):
        self.run_tool("smkey", "init")
        self.write("shim.c", self.SHIM.encode())
        subprocess.run(
            ["cc", "-shared", "-fPIC", "-O1", "-o", "shim.so", "shim.c", "-ldl"],
            cwd=self.dir,
            check=True,
        )
        content = bytes(300000)
        self.write("f", content)
        environment = dict(
            self.environment, LD_PRELOAD=self.path("shim.so"), NONCE_LOG=self.path("nonces")
        )
        command = [tool("smseal"), "--org", "default", "-o", "e.sme", "f"]
        whole = subprocess.run(command, cwd=self.dir, env=environment)
        self.assertEqual(whole.returncode, 0)
        whole_lines = self.read("nonces").count(b"\n")
        # 19 chunks, the manifest's and the wrap's.
        self.assertEqual(whole_lines, 300000 // 16384 + 1 + 1 + 1)
        kills = 0
        delay, step = 0.004, 0.0001
        while kills < 1000:
            child = subprocess.Popen(command, cwd=self.dir, env=environment)
            try:
                child.wait(delay)
                delay = max(0.001, delay - 20 * step)
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()
                kills += 1
                delay += step
        lines = self.read("nonces").split(b"\n")[:-1]
        self.assertGreater(len(lines), 1000)
        self.assertEqual(len(set(lines)), len(lines))
        print("%d kills, %d key and nonce pairs, all different" % (kills, len(lines)))
        self.run_tool(*["smseal"] + command[1:])
        self.assertEqual(self.out("smunseal", "--org", "default", "e.sme"), content)


if __name__ == "__main__":
    unittest.main()
