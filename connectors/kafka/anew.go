package kafka

import (
	"slices"

	"github.com/deltaic/deltaic/supervision"
)

// anew is where a partition goes on whose log turned out to be shorter than what had been read of it, while it was read in parts.
// Parts cannot go back one by one, as an epoch may end between them: the attempt ends, and the next one divides the log that there
// is now, whatever has been written to it meanwhile.
type anew struct {
	from  int64
	known division // where the partition stood when the next attempt asked; nil: none has
}

// beginsAnew ends the attempt to go on at the offset.
func (in *Input) beginsAnew(p partition, from int64) error {
	in.mu.Lock()
	defer in.mu.Unlock()
	if in.anew == nil {
		in.anew = map[partition]*anew{}
	}
	in.anew[p] = &anew{from: from}
	f := supervision.New(supervision.Restart, "KAFKA_LOG_REPLACED", "the log of %s[%d] was replaced while it was read in parts: the flow begins a new attempt to read it from offset %d", p.topic, p.id, from)
	f.Topic, f.Partition, f.Offset = p.topic, &p.id, &from
	return f
}

// goesOn returns where a partition begins anew, if no epoch has been decided since that was found.
func (in *Input) goesOn(p partition, known division) (int64, bool) {
	in.mu.Lock()
	defer in.mu.Unlock()
	a := in.anew[p]
	if a == nil {
		return 0, false
	}
	if a.known != nil && !slices.Equal(a.known, known) {
		delete(in.anew, p)
		return 0, false
	}
	a.known = slices.Clone(known)
	return a.from, true
}
