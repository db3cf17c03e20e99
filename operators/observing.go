package operators

import (
	"fmt"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/supervision"
)

// Observing is an operator that tells something of the rows of each epoch beside its result: counts of
// expectations, aggregates of observe(). What the tasks tell is put together at the end of the epoch.
type Observing interface {
	Operator
	// Keep notes what was told so far: what follows may have to be undone.
	Keep()
	// Undo forgets what came since Keep.
	Undo()
	// Observed returns what the rows of the epoch come to, encoded for who puts it together, and begins anew. nil: there were none.
	Observed() ([]byte, error)
}

// Place is where a row came from. What is not known is "" or negative.
type Place struct {
	Source    string // name of the source in the flow
	Topic     string
	Partition int32
	Offset    int64  // in the partition, or of the row among those of the split
	Version   int64  // of the table that is the source
	File      string // of the source
	Row       int64  // of the file
}

// Nowhere is the place of a row of which nothing is known.
var Nowhere = Place{Partition: -1, Offset: -1, Version: -1, Row: -1}

// String names the place, "" if it is not known.
func (p Place) String() string {
	switch {
	case p.Topic != "" && p.Partition >= 0:
		return fmt.Sprintf("%s[%d]@%d", p.Topic, p.Partition, p.Offset)
	case p.Source != "" && p.Offset >= 0:
		return fmt.Sprintf("row %d of source %s", p.Offset, p.Source)
	}
	return ""
}

// Mark writes the place into a failure.
func (p Place) Mark(f *supervision.Failure) {
	if p.Offset < 0 {
		return
	}
	f.Topic, f.Offset = p.Topic, &p.Offset
	if p.Partition >= 0 {
		f.Partition = &p.Partition
	}
}

// place returns where a physical row came from.
func (c *Context) place(in *batch.Batch, row int32) Place {
	if c.Place == nil {
		return Nowhere
	}
	return c.Place(in, row)
}
