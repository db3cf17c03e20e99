package nexmark

import (
	"fmt"
	"hash/crc32"
	"strconv"
)

// Kind says what became of a row on its way into a run.
type Kind uint8

// The kinds of records.
const (
	Good      Kind = iota // the event as it is
	Late                  // the event with a time behind the watermark
	Broken                // damaged: it must not decode
	Duplicate             // the exact bytes of an earlier row once more
)

// String returns the kind's name.
func (k Kind) String() string {
	switch k {
	case Good:
		return "good"
	case Late:
		return "late"
	case Broken:
		return "broken"
	case Duplicate:
		return "duplicate"
	}
	return "kind " + strconv.Itoa(int(k))
}

// Row is the truth about one emitted record.
type Row struct {
	Number    uint64 // of the row whose event this is: the value of "n"
	After     uint64 // the row behind which it was emitted; Number, but for a duplicate
	Partition int
	Kind      Kind
	Damage    Damage // of a broken row
	LateBy    int64  // milliseconds by which the event time was moved back, 0 if it was not
}

// Limits of what the options do.
const (
	reach     = 10000  // rows a duplicate looks back
	leastLate = 10_000 // milliseconds a late row is moved back at least
	lateRange = 50_000
	truthSalt = 0x6E78315F74727574
	orderSalt = 0x6E78315F6F726465
)

// Row returns the truth about row number k's own record.
func (g *Generator) Row(k uint64) Row {
	row, _ := g.decide(k)
	return row
}

func (g *Generator) decide(k uint64) (Row, stream) {
	row := Row{Number: k, After: k, Partition: int(k % uint64(g.o.Partitions))}
	if g.o.Broken == 0 && g.o.Late == 0 && g.o.Duplicates == 0 {
		row.LateBy = g.disorder(k)
		return row, 0
	}
	r := newStream(g.o.Seed^truthSalt, k)
	broken, late := r.unit() < g.o.Broken, r.unit() < g.o.Late
	extent := r.draw()
	switch {
	case broken:
		row.Kind, row.Damage = Broken, Damage(extent%uint64(damages))+1
	case late && k >= max(uint64(g.o.Partitions), g.o.OutOfOrder):
		row.Kind = Late
		row.LateBy = g.leastLate() + int64(extent%lateRange)
	default:
		row.LateBy = g.disorder(k)
	}
	return row, r
}

// disorder returns by how much a good row comes too late, 0 for most. It is in time, for what came before it
// is less than the delay ahead of it.
func (g *Generator) disorder(k uint64) int64 {
	if g.o.Disorder == 0 {
		return 0
	}
	r := newStream(g.o.Seed^orderSalt, k) // of its own, so that the option changes nothing else
	if r.unit() >= g.o.Disorder {
		return 0
	}
	return 1 + int64(r.below(WatermarkDelay-1))
}

// leastLate covers the disorder of the run too, so that a late row is behind
// the watermark whatever came before it in its partition.
func (g *Generator) leastLate() int64 {
	return leastLate + int64(float64(g.o.OutOfOrder+uint64(g.o.Partitions))*g.delay/1000)
}

// Duplicate returns the duplicate that follows row number k, if one does.
func (g *Generator) Duplicate(k uint64) (Row, bool) {
	if g.o.Duplicates == 0 || k == 0 {
		return Row{}, false
	}
	_, r := g.decide(k)
	if r.unit() >= g.o.Duplicates {
		return Row{}, false
	}
	back := 1 + r.below(min(k, reach))
	step := 1 + r.below(uint64(max(g.o.Partitions-1, 1)))
	for of := k - back; ; of-- {
		row := g.Row(of)
		if row.Kind != Broken {
			row.Kind, row.After = Duplicate, k
			if g.o.Partitions > 1 {
				row.Partition = (row.Partition + int(step)) % g.o.Partitions
			}
			return row, true
		}
		if of == 0 || k-of > 2*reach {
			return Row{}, false
		}
	}
}

// AppendRow appends the record of the row as it is emitted, without a line end.
func (g *Generator) AppendRow(dst []byte, row Row) []byte {
	if row.Kind != Broken {
		return g.appendEvent(dst, row.Number, -row.LateBy)
	}
	start := len(dst)
	return row.Damage.apply(g.appendEvent(dst, row.Number, 0), start, row.Number)
}

// Summary is what a run held. The checksum and the bytes are over the NDJSON:
// every record with a line end, in the order of emission.
type Summary struct {
	Events     uint64 `json:"events"` // rows, without the duplicates
	Bytes      int64  `json:"bytes"`
	CRC32C     string `json:"crc32c"` // 8 hexadecimal digits
	Duplicates uint64 `json:"duplicates"`
	Broken     uint64 `json:"broken"`
	Late       uint64 `json:"late"` // rows; duplicates of late rows not counted
}

// Generate emits the records of a run in order. The record is borrowed for
// the call and has no line end. An error of emit ends the run and is
// returned. A nil emit only counts.
func Generate(o Options, emit func(partition int, record []byte) error) (Summary, error) {
	return GenerateRows(o, func(row Row, record []byte) error {
		if emit == nil {
			return nil
		}
		return emit(row.Partition, record)
	})
}

// GenerateRows is [Generate] with the truth about each record.
func GenerateRows(o Options, emit func(row Row, record []byte) error) (Summary, error) {
	g, err := New(o)
	if err != nil {
		return Summary{}, err
	}
	s := Summary{Events: g.o.Events}
	var crc uint32
	var buffer []byte
	table := crc32.MakeTable(crc32.Castagnoli)
	send := func(row Row) error {
		buffer = append(g.AppendRow(buffer[:0], row), '\n')
		crc = crc32.Update(crc, table, buffer)
		s.Bytes += int64(len(buffer))
		return emit(row, buffer[:len(buffer)-1])
	}
	for k := range g.o.Events {
		row := g.Row(k)
		switch row.Kind {
		case Broken:
			s.Broken++
		case Late:
			s.Late++
		}
		if err := send(row); err != nil {
			return s, fmt.Errorf("nexmark: row %d: %w", k, err)
		}
		if again, ok := g.Duplicate(k); ok {
			s.Duplicates++
			if err := send(again); err != nil {
				return s, fmt.Errorf("nexmark: duplicate behind row %d: %w", k, err)
			}
		}
	}
	s.CRC32C = fmt.Sprintf("%08x", crc)
	return s, nil
}
