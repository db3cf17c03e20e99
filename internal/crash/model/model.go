// Package model says which row lies at which offset of the harness's source,
// by the seed alone. Both the simulated source and the judge ask it, so neither
// needs to trust the other. It imports the standard library only.
package model

import "fmt"

// Kind is what lies at an offset.
type Kind uint8

// The kinds of offsets.
const (
	Good    Kind = iota // a row
	Broken              // a row that cannot be decoded
	Control             // no row: the offset is taken by the broker itself
)

// Model is a source's contents.
type Model struct {
	Seed   uint64
	Splits int
	// Duplicates, Broken and Controls are how many of 1,000 offsets hold a row
	// with an earlier row's key, a broken row, no row.
	Duplicates, Broken, Controls uint64
	// Timed rows have an event time, which may be null.
	Timed bool
}

// Delay and Width are those of the watermark and the windows of a flow over timed rows, Slide that of windows that
// slide, Gap that of sessions; seconds.
const (
	Delay = 30
	Width = 60
	Slide = 20
	Gap   = 12
)

// Row is what lies at an offset.
type Row struct {
	Kind Kind
	Key  int64  // equal for duplicates
	Part string // one of four
	// Time is the event time of a timed row, seconds; Null says that there is none. Times go up with the offset
	// and jump to and fro by a minute; each split has its own shift.
	Time int64
	Null bool
}

func mix(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

// At returns what lies at the offset of the split.
func (m Model) At(split int, offset int64) Row {
	h := mix(mix(m.Seed^uint64(split)*0x9e37) ^ uint64(offset))
	r := Row{Key: offset*int64(m.Splits) + int64(split), Part: string("abcd"[h>>40&3])}
	r.Time, r.Null = 1_700_000_000+offset*5+int64(split)*40+int64(h>>44%120)-60, h>>52%40 == 0
	switch draw := h % 1000; {
	case draw < m.Controls:
		r.Kind = Control
	case draw < m.Controls+m.Broken:
		r.Kind = Broken
	case draw < m.Controls+m.Broken+m.Duplicates && offset > 0:
		other, before := int(h>>20%uint64(m.Splits)), int64((h>>32)%uint64(offset))
		r.Key = before*int64(m.Splits) + int64(other)
	}
	return r
}

// Value returns the row as the source delivers it: JSON, damaged if it is broken.
func (m Model) Value(split int, offset int64) string {
	r := m.At(split, offset)
	if r.Kind == Broken {
		return fmt.Sprintf(`{"n": %d, "p": "%s`, r.Key, r.Part)
	}
	if !m.Timed {
		return fmt.Sprintf(`{"n": %d, "p": "%s"}`, r.Key, r.Part)
	}
	if r.Null {
		return fmt.Sprintf(`{"n": %d, "p": "%s", "t": null}`, r.Key, r.Part)
	}
	return fmt.Sprintf(`{"n": %d, "p": "%s", "t": %d}`, r.Key, r.Part, r.Time)
}
