#!/usr/bin/python3
"""smcontact: whom codes go to, and who may send. Every change is in the log before it holds; CSV goes in as
a whole or not at all, and comes out safe for a spreadsheet."""

import csv
import io
import json
import os
import re
import sys
import unittest

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../smretain"))

from retaintest import CONFIGURATION, PHONE, RetainTest  # noqa: E402

CONTACT_EVENTS = ("contact_added", "contact_changed", "contact_removed")


class Contacts(RetainTest):
    def contacts(self, *options):
        return [json.loads(line) for line in self.out("smcontact", "list", "--json", *options).splitlines()]

    def changes(self):
        return [record["event"] for record in self.events() if record["event"] in CONTACT_EVENTS]

    def test_a_contact_comes_changes_and_goes_and_the_log_has_each(self):
        self.run_tool("smcontact", "add", "anna@plain.example", "--phone", "+31 6 1234-5678", "--name", "Anna", "--language", "nl")
        self.assertEqual(self.contacts(), [{"organisation": "delinde", "address": "anna@plain.example", "phone": PHONE,
                                            "name": "Anna", "language": "nl", "sender": False}])
        self.assertEqual(self.out("smcontact", "show", "anna@plain.example"),
                         b"anna@plain.example\t+31612345678\tAnna\tnl\t\n")
        self.run_tool("smcontact", "set", "anna@plain.example", "--phone", "0031687654321")
        self.assertEqual((self.contacts()[0]["phone"], self.contacts()[0]["name"]), ("+31687654321", "Anna"))
        self.run_tool("smcontact", "set", "anna@plain.example", "--phone", "0031687654321")  # nothing new
        self.run_tool("smcontact", "remove", "anna@plain.example")
        self.assertEqual(self.contacts(), [])
        self.assertEqual(self.changes(), list(CONTACT_EVENTS))
        self.assertIsNone(self.is_anywhere(b'"anna@plain.example"'), "addresses are disclosures, not in the line")
        self.check_log()

    def test_what_is_no_address_number_or_language_is_refused(self):
        for status, words in ((65, ("add", "anna")), (65, ("add", "anna@plain.example", "--phone", "0612345678")),
                              (65, ("add", "anna@plain.example", "--phone", "+31 6 1234 5678 9012 3456")),
                              (65, ("add", "anna@plain.example", "--name", "A\nB")),
                              (64, ("add", "anna@plain.example", "--language", "de")), (64, ("add",)),
                              (66, ("set", "anna@plain.example")), (66, ("remove", "anna@plain.example")),
                              (66, ("show", "anna@plain.example")), (64, ("add", "a@b.example", "--org", "none"))):
            with self.subTest(words):
                self.error(status, "smcontact", *words)
        self.assertEqual((self.contacts(), self.changes()), ([], []))

    def test_one_that_is_there_is_not_overwritten_by_add(self):
        self.run_tool("smcontact", "add", "anna@plain.example", "--phone", PHONE)
        self.run_tool("smcontact", "add", "anna@plain.example", "--phone", PHONE)
        self.assertIn("smcontact set", self.error(65, "smcontact", "add", "anna@plain.example", "--phone", "+31687654321"))
        self.assertEqual(self.contacts()[0]["phone"], PHONE)

    def test_A94_what_goes_out_as_csv_is_no_formula_and_comes_in_as_it_was(self):
        names = ["=HYPERLINK(\"http://evil.example\")", "+1", "-1", "@SUM(A1)", "'=1+1", "''-1", "'quoted'", "O'Hara, \"Jo\"; x", "Zoë"]
        for number, name in enumerate(names):
            self.run_tool("smcontact", "add", f"p{number}@plain.example", f"--name={name}", "--phone", PHONE, "--sender")
        before = self.contacts()
        self.assertEqual([contact["name"] for contact in before], names)
        text = self.out("smcontact", "export").decode()
        self.assertTrue(text.startswith("address,phone,name,language,sender\r\n"))
        for row in list(csv.reader(io.StringIO(text, newline="")))[1:]:
            for cell in row:
                is_number = re.fullmatch(r"\+\d{8,15}", cell)  # plus and digits alone: no formula
                self.assertFalse(cell.startswith(tuple("=+-@\t\r")) and not is_number, row)
        self.run_tool("smcontact", "export", self.path("contacts.csv"))
        self.assertEqual(self.read("contacts.csv").decode(), text)
        for contact in before:
            self.run_tool("smcontact", "remove", contact["address"])
        self.run_tool("smcontact", "import", self.path("contacts.csv"))
        self.assertEqual(self.contacts(), before)
        count = len(self.changes())
        self.run_tool("smcontact", "import", self.path("contacts.csv"))
        self.assertEqual(len(self.changes()), count, "what changes nothing is not told")

    def test_an_import_takes_what_spreadsheets_write(self):
        self.run_tool("smcontact", "import", "-", input=b"\xef\xbb\xbfAddress;Phone;Name\r\n"
                      b"anna@plain.example;+31612345678;\"Anna; \"\"A\"\"\r\nLinde\"\r\n".replace(b"\r\nLinde", b" Linde"))
        self.assertEqual([(c["address"], c["name"]) for c in self.contacts()],
                         [("anna@plain.example", 'Anna; "A" Linde')])

    def test_an_import_is_whole_or_nothing_and_names_the_line(self):
        for text, words in ((b"address,phone\na@b.example,+31612345678\nb@b.example,12\n", "line 3"),
                            (b"address,phone\na@b.example\n", "line 2"), (b"phone\n1\n", "address is missing"),
                            (b"address,colour\na@b.example,red\n", "colour"), (b"address,address\na,b\n", "comes twice"),
                            (b"address\na@b.example\na@b.example\n", "comes twice"), (b"address\n\xff@b.example\n", "UTF-8"),
                            (b"address,name\na@b.example,\"x\n", "quote"), (b"address,sender\na@b.example,maybe\n", "yes or no")):
            with self.subTest(text):
                self.assertIn(words, self.error(65, "smcontact", "import", "-", input=text))
        self.assertEqual((self.contacts(), self.changes()), ([], []))
        self.error(66, "smcontact", "import", self.path("none.csv"))

    def test_a_number_that_comes_later_sends_on_what_waits(self):
        self.assertEqual(self.out("smsend", "--seal", "--json", "--dns-file", self.answers, "--deadline", "5",
                                  "anna@plain.example", input=b"From: jan@delinde.example\nSubject: x\n\nx\n").count(b"phone-missing"), 1)
        identity = self.rows()[0]["id"]
        self.assertEqual(self.status(identity), ["pending"])
        self.run_tool("smcontact", "add", "anna@plain.example", "--phone", PHONE)
        self.sweep()
        self.assertEqual(self.status(identity), ["sent"])


class Registered(RetainTest):
    configuration = CONFIGURATION + "policy:\n  registered_senders: required\n"

    def submit(self, author, status, *options):
        return self.run_tool("smsend", "--seal", "--phone", PHONE, "--dns-file", self.answers, "--deadline", "5", *options,
                             "anna@plain.example", input=f"From: {author}\nSubject: x\n\nx\n".encode(), status=status)

    def test_nobody_else_may_send_and_a_refusal_is_in_the_log(self):
        self.run_tool("smcontact", "add", "jan@delinde.example", "--sender")
        self.submit("Jan <jan@delinde.example>", 0)
        refused = self.submit("Piet <piet@delinde.example>", 77)
        self.assertIn(b"policy-forbids", refused.stderr)
        # Another envelope sender makes nobody a registered one, and neither does a changed configuration.
        self.submit("piet@delinde.example", 77, "-f", "jan@delinde.example")
        last = [record for record in self.events() if record["event"] == "refused"][-1]
        self.assertEqual((last["outcome"], last["reason"]), ("denied", "policy-forbids"))
        self.run_tool("smcontact", "set", "jan@delinde.example", "--no-sender")
        self.submit("jan@delinde.example", 77)
        self.assertEqual(len(self.rows()), 1)

    def test_a_user_s_own_configuration_does_not_open_the_network(self):
        self.write("open.yaml", (CONFIGURATION + "policy:\n  registered_senders: off\n").encode())
        # The binding file is the system's: here a flag's file stands for the user's, and nothing is looser
        # than what it says itself.
        self.submit("piet@delinde.example", 0, "--config", self.path("open.yaml"))
        self.submit("piet@delinde.example", 77)


if __name__ == "__main__":
    unittest.main(verbosity=2)
