package parquet

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/parquet-go/parquet-go/encoding/thrift"
)

// errShort says that a Thrift structure goes on beyond the bytes at hand.
var errShort = errors.New("the Thrift structure is cut off")

// maxThriftDepth is deeper than any structure of the format.
const maxThriftDepth = 24

// scanThrift returns the length of the compact Thrift structure at the head of
// b and makes sure that decoding it takes memory in proportion to its bytes:
// every length lies within them, nesting is bounded, and there are no more
// structures than its bytes explain. The decoder of parquet-go trusts all three.
func scanThrift(b []byte) (int, error) {
	s := thriftScan{b: b}
	err := s.structure(0)
	return s.at, err
}

// decodeThrift decodes the structure at the head of b into v and returns its
// length.
func decodeThrift(b []byte, v any) (int, error) {
	n, err := scanThrift(b)
	if err != nil {
		return 0, err
	}
	return n, thrift.NewDecoder(new(thrift.CompactProtocol).NewReaderFromBytes(b[:n])).Decode(v)
}

type thriftScan struct {
	b       []byte
	at      int
	structs int // seen so far
}

func (s *thriftScan) skip(n uint64) error {
	if n > uint64(len(s.b)-s.at) {
		return errShort
	}
	s.at += int(n)
	return nil
}

func (s *thriftScan) byte() (byte, error) {
	if s.at >= len(s.b) {
		return 0, errShort
	}
	s.at++
	return s.b[s.at-1], nil
}

func (s *thriftScan) uvarint() (uint64, error) {
	v, n := binary.Uvarint(s.b[s.at:])
	switch {
	case n == 0:
		return 0, errShort
	case n < 0:
		return 0, errors.New("a number of the Thrift structure is too long")
	}
	s.at += n
	return v, nil
}

func (s *thriftScan) structure(depth int) error {
	if depth > maxThriftDepth {
		return fmt.Errorf("the Thrift structure is nested deeper than %d", maxThriftDepth)
	}
	// A structure of two bytes may take hundreds when decoded; real footers
	// have one in about nine.
	if s.structs++; s.structs > 1<<16+len(s.b)/6 {
		return errors.New("the Thrift structure has more parts than its size explains")
	}
	for {
		head, err := s.byte()
		if err != nil || head == 0 {
			return err
		}
		if head>>4 == 0 { // a long field number follows
			if _, err := s.uvarint(); err != nil {
				return err
			}
		}
		if kind := thrift.Type(head & 15); kind != thrift.TRUE && kind != thrift.FALSE {
			if err := s.value(kind, depth); err != nil {
				return err
			}
		}
	}
}

func (s *thriftScan) value(kind thrift.Type, depth int) error {
	switch kind {
	case thrift.TRUE, thrift.FALSE, thrift.I8:
		return s.skip(1)
	case thrift.I16, thrift.I32, thrift.I64:
		_, err := s.uvarint()
		return err
	case thrift.DOUBLE:
		return s.skip(8)
	case thrift.BINARY:
		n, err := s.uvarint()
		if err != nil {
			return err
		}
		return s.skip(n)
	case thrift.LIST, thrift.SET:
		return s.list(depth)
	case thrift.MAP:
		return errors.New("the Thrift structure holds a map, which the format has none of")
	case thrift.STRUCT:
		return s.structure(depth + 1)
	case thrift.UUID:
		return s.skip(16)
	}
	return fmt.Errorf("the Thrift structure holds a value of unknown kind %d", kind)
}

func (s *thriftScan) list(depth int) error {
	head, err := s.byte()
	if err != nil {
		return err
	}
	n, kind := uint64(head>>4), thrift.Type(head&15)
	if n == 15 {
		if n, err = s.uvarint(); err != nil {
			return err
		}
	}
	if n > uint64(len(s.b)-s.at) {
		return errShort // every element has a byte at least
	}
	for range n {
		if err := s.value(kind, depth); err != nil {
			return err
		}
	}
	return nil
}
