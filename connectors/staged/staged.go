// Package staged keeps the rows of an epoch durable until they have been
// handed on: how a sink without transactions of its own takes part by redo. A
// repeat after any crash has the same rows in the same order.
//
// # Main types
//
// [Share] stages the rows of a share of a sink, a file an epoch; [Told] gives its commit back what it was told, and
// [Leftovers] removes what nobody needs any more. [Writer] makes one file of batches; [File] describes it and is small enough
// for a manifest; [Reader] gives the batches back, after it has made sure that
// the file is whole.
//
// # The caller's duties
//
//  1. A name is used once. [Name] makes one of incarnation, attempt, share and number.
//  2. A file is removed only when its epoch is done, or below the claim.
//
// Which file belongs to which epoch stands in the manifest, and nowhere here. The package starts no goroutine.
package staged

import (
	"fmt"
	"hash/crc32"
	"strconv"
	"strings"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/objstore"
	"github.com/deltaic/deltaic/supervision"
)

// A file of staged rows, version 1: "DLTCROWS", version and length of the header (4 bytes each,
// little endian), the header as JSON, then the wire form of one batch after the other up to the end.
// Its length and the CRC-32C of all its bytes stand in the manifest.
const (
	magic         = "DLTCROWS"
	formatVersion = 1
	preamble      = 16      // bytes before the header
	maxHeader     = 1 << 20 // bytes
	maxBlock      = 1 << 31 // bytes of a batch
)

// The classes of failures of staged files.
const (
	ClassMissing = "STAGED_ROWS_MISSING"
	ClassCorrupt = "STAGED_ROWS_CORRUPT"
	ClassNewer   = "STAGED_ROWS_UNSUPPORTED_FORMAT_VERSION"
	ClassSchema  = "STAGED_ROWS_OF_ANOTHER_SCHEMA"
)

// File describes a durable file of rows. It stands in manifests.
type File struct {
	Name   string `json:"name"`   // in the store
	Length int64  `json:"length"` // bytes
	Digest string `json:"digest"` // "crc32c:" and 8 hexadecimal digits, of the whole file
	Rows   int64  `json:"rows"`
	Share  int    `json:"share"` // that wrote it
}

// Header says what a file holds, so that it can be told without a manifest.
type Header struct {
	Flow        string `json:"flow"`
	Incarnation string `json:"incarnation"`
	Attempt     int64  `json:"attempt"`
	Share       int    `json:"share"`
	Schema      string `json:"schema"` // filled in by NewWriter
}

// castagnoli is the polynomial of the digest.
var castagnoli = crc32.MakeTable(crc32.Castagnoli)

func digestText(sum uint32) string { return fmt.Sprintf("crc32c:%08x", sum) }

// Folder returns the folder of an incarnation's files below prefix, with its "/".
func Folder(prefix, incarnation string) string {
	if prefix != "" && !strings.HasSuffix(prefix, "/") {
		prefix += "/"
	}
	return prefix + incarnation + "/"
}

// Name returns the name of the number-th file of a share of an attempt.
func Name(folder string, attempt int64, share, number int) string {
	return folder + fmt.Sprintf("%d-%d-%d", attempt, share, number) + extension
}

const extension = ".rows"

// attemptOf returns the attempt that wrote the file of that name.
func attemptOf(folder, name string) (int64, bool) {
	text, ok := strings.CutSuffix(strings.TrimPrefix(name, folder), extension)
	if !ok {
		return 0, false
	}
	text, _, ok = strings.Cut(text, "-")
	n, err := strconv.ParseInt(text, 10, 64)
	return n, ok && err == nil
}

func corrupt(s objstore.Store, name, format string, args ...any) error {
	f := supervision.New(supervision.Fatal, ClassCorrupt, "staged rows: "+format, args...)
	f.Path = s.URI() + "/" + name
	f.Hint = "the file lies beside the checkpoint and must not be changed; restore it from a copy"
	return f
}

// schemaText is the schema as headers hold it.
func schemaText(s *batch.Schema) string { return s.String() }
