// Package registry is what expressions know of a schema registry: schemas by their number and by their subject,
// and the frame that a record carries its number in.
//
// # Main types
//
// [Registry] gives a [Schema]; [Open] makes one from an address and options. [Unframe] and [Frame]
// take a number off a record and put one before it, [Index] and [AppendIndex] what Protobuf has behind it.
//
// # The caller's duties
//
// A Registry is asked when an expression is bound, and then once for each number that comes: the answer for a number never
// changes. An error that is [ErrUnknown] is of the record that named the number; any other is of the registry, and may pass.
//
// The package does no I/O; package client does.
package registry

import (
	"encoding/binary"
	"errors"
)

// The kinds of schemas.
const (
	Avro     = "AVRO"
	Protobuf = "PROTOBUF"
	JSON     = "JSON"
)

// Schema is one version of a subject.
type Schema struct {
	ID   int
	Kind string
	Text string
	// References are the schemas that this one names, and those that they name, each before those that name it.
	References []Reference
}

// Reference is a schema under the name by which another calls it.
type Reference struct{ Name, Text string }

// ErrUnknown is of numbers, and subjects, that the registry has not.
var ErrUnknown = errors.New("the registry has no such schema")

// Registry answers for schemas. It is safe for concurrent use.
type Registry interface {
	// ByID returns the schema with the number.
	ByID(id int) (Schema, error)
	// Latest returns the newest schema of the subject.
	Latest(subject string) (Schema, error)
}

// Open makes a registry of its address and options, whose names are those of Confluent's clients.
type Open func(address string, options map[string]string) (Registry, error)

// frame is how long the head of a record is: a zero byte and the number.
const frame = 5

// Unframe returns the number of a record's schema and what follows it; false for a record without a frame.
func Unframe(record []byte) (id int, rest []byte, ok bool) {
	if len(record) < frame || record[0] != 0 {
		return 0, nil, false
	}
	return int(binary.BigEndian.Uint32(record[1:])), record[frame:], true
}

// Index reads where the message of a Protobuf record stands in its schema: by number, from the outermost one in.
func Index(framed []byte) (index []int, rest []byte, ok bool) {
	n, k := binary.Varint(framed)
	if k <= 0 || n < 0 || n > 64 {
		return nil, nil, false
	}
	framed = framed[k:]
	if n == 0 { // short for the first one
		return []int{0}, framed, true
	}
	for range n {
		i, k := binary.Varint(framed)
		if k <= 0 || i < 0 || i > 1<<20 {
			return nil, nil, false
		}
		index, framed = append(index, int(i)), framed[k:]
	}
	return index, framed, true
}

// AppendIndex appends what Index reads.
func AppendIndex(dst []byte, index []int) []byte {
	if len(index) == 1 && index[0] == 0 {
		return append(dst, 0)
	}
	dst = binary.AppendVarint(dst, int64(len(index)))
	for _, i := range index {
		dst = binary.AppendVarint(dst, int64(i))
	}
	return dst
}

// Frame appends the head of a record whose schema has the number.
func Frame(dst []byte, id int) []byte {
	return binary.BigEndian.AppendUint32(append(dst, 0), uint32(id))
}
