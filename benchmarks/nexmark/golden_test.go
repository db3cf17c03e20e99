package nexmark

import (
	"fmt"
	"testing"
)

// The table of the specification: bytes and CRC32C of the lines, in event order.
func TestGoldenChecksums(t *testing.T) {
	for _, c := range []struct {
		events, group uint64
		tps           float64
		bytes         int64
		crc           string
	}{
		{1000, 1, 10000, 332936, "28f0634d"},
		{10000, 1, 10000, 3319945, "7ae10e73"},
		{100000, 1, 1000, 33191505, "cbba6362"},
		{100000, 1000, 1000, 33191505, "98e13c6a"},
		{100000, 1, 10000, 33191505, "231078d6"},
	} {
		t.Run(fmt.Sprintf("%d at %v by %d", c.events, c.tps, c.group), func(t *testing.T) {
			s, err := Generate(Options{Events: c.events, TPS: c.tps, OutOfOrder: c.group, Seed: 1}, nil)
			if err != nil {
				t.Fatal(err)
			}
			if s.Bytes != c.bytes || s.CRC32C != c.crc {
				t.Errorf("%d bytes, checksum %s; want %d and %s", s.Bytes, s.CRC32C, c.bytes, c.crc)
			}
		})
	}
}
