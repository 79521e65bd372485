// Command sumdb judges a log with Go's own implementation of signed notes and Merkle trees
// (golang.org/x/mod/sumdb/note and tlog), which shares nothing with smtools.
//
//	sumdb log VKEYS RECORDS CHECKPOINT...   every checkpoint: signature, root, consistency with the next
//	sumdb receipt VKEYS FOLDER              a receipt's proof
//	sumdb sign KEYFILE RECORDS              a checkpoint over the records, on standard output
package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"os"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

func main() {
	if len(os.Args) < 4 {
		fail("usage: sumdb log|receipt|sign ...")
	}
	switch os.Args[1] {
	case "log":
		judgeLog(verifiers(os.Args[2]), treeOf(os.Args[3]), os.Args[4:])
	case "receipt":
		judgeReceipt(verifiers(os.Args[2]), os.Args[3])
	case "sign":
		sign(os.Args[2], treeOf(os.Args[3]))
	default:
		fail("usage: sumdb log|receipt|sign ...")
	}
}

func fail(format string, arguments ...interface{}) {
	fmt.Fprintf(os.Stderr, format+"\n", arguments...)
	os.Exit(1)
}

func must(err error, doing string) {
	if err != nil {
		fail("%s: %v", doing, err)
	}
}

func read(path string) []byte {
	content, err := os.ReadFile(path)
	must(err, "reading")
	return content
}

func verifiers(path string) note.Verifiers {
	var list []note.Verifier
	for _, line := range strings.Split(strings.TrimSuffix(string(read(path)), "\n"), "\n") {
		verifier, err := note.NewVerifier(line)
		must(err, "the verifier key "+line)
		list = append(list, verifier)
	}
	return note.VerifierList(list...)
}

// tree keeps all hashes that tlog stores, by its own index.
type tree struct {
	size   int64
	hashes []tlog.Hash
}

func (t *tree) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	var found []tlog.Hash
	for _, index := range indexes {
		found = append(found, t.hashes[index])
	}
	return found, nil
}

func treeOf(path string) *tree {
	t := &tree{}
	for _, line := range bytes.SplitAfter(read(path), []byte("\n")) {
		if len(line) == 0 {
			continue
		}
		stored, err := tlog.StoredHashes(t.size, bytes.TrimSuffix(line, []byte("\n")), t)
		must(err, "hashing")
		t.hashes = append(t.hashes, stored...)
		t.size++
	}
	return t
}

type checkpoint struct {
	size int64
	root tlog.Hash
}

func open(message []byte, known note.Verifiers, what string) checkpoint {
	opened, err := note.Open(message, known)
	must(err, what)
	lines := strings.Split(opened.Text, "\n")
	if len(lines) != 4 || lines[0] != opened.Sigs[0].Name {
		fail("%s is not origin, size and root", what)
	}
	size, err := strconv.ParseInt(lines[1], 10, 64)
	must(err, what)
	root, err := base64.StdEncoding.Strict().DecodeString(lines[2])
	if err != nil || len(root) != sha256.Size {
		fail("%s has no root", what)
	}
	c := checkpoint{size: size}
	copy(c.root[:], root)
	return c
}

func judgeLog(known note.Verifiers, t *tree, paths []string) {
	var before checkpoint
	for i, path := range paths {
		c := open(read(path), known, path)
		root, err := tlog.TreeHash(c.size, t)
		must(err, path)
		if root != c.root {
			fail("%s: another root", path)
		}
		if i > 0 && before.size > 0 && before.size < c.size {
			proof, err := tlog.ProveTree(c.size, before.size, t)
			must(err, path)
			must(tlog.CheckTree(proof, c.size, c.root, before.size, before.root), path)
		}
		before = c
	}
	fmt.Println(len(paths), "checkpoints of", t.size, "records")
}

func judgeReceipt(known note.Verifiers, folder string) {
	text := read(folder + "/proof.tlog-proof")
	blank := bytes.Index(text, []byte("\n\n"))
	if blank < 0 {
		fail("no empty line")
	}
	lines := strings.Split(string(text[:blank]), "\n")
	if lines[0] != "c2sp.org/tlog-proof@v1" || !strings.HasPrefix(lines[1], "index ") {
		fail("no tlog-proof")
	}
	index, err := strconv.ParseInt(strings.TrimPrefix(lines[1], "index "), 10, 64)
	must(err, "the index")
	var proof tlog.RecordProof
	for _, line := range lines[2:] {
		hash, err := tlog.ParseHash(line)
		must(err, "a hash")
		proof = append(proof, hash)
	}
	c := open(text[blank+2:], known, "the checkpoint")
	record := read(folder + "/record")
	must(tlog.CheckRecord(proof, c.size, c.root, index, tlog.RecordHash(record)), "the proof")
	var fields struct{ Seq int64 }
	must(json.Unmarshal(record, &fields), "the record")
	if fields.Seq != index {
		fail("record %d at index %d", fields.Seq, index)
	}
	fmt.Println("record", index, "of", c.size)
}

func sign(keyFile string, t *tree) {
	signer, err := note.NewSigner(strings.TrimSuffix(string(read(keyFile)), "\n"))
	must(err, "the key")
	root, err := tlog.TreeHash(t.size, t)
	must(err, "the root")
	text := fmt.Sprintf("%s\n%d\n%s\n", signer.Name(), t.size, root)
	message, err := note.Sign(&note.Note{Text: text}, signer)
	must(err, "signing")
	os.Stdout.Write(message)
}
