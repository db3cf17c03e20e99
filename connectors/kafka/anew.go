package kafka

import (
	"slices"

	"github.com/twmb/franz-go/pkg/kadm"

	"github.com/deltaic/deltaic/connectors"
	"github.com/deltaic/deltaic/supervision"
)

// anew is a partition that does not go on where it stood, until an epoch has its new position: an attempt may fail before, and the next one
// is told the old position again. Either its log was replaced, and it is read from an offset of the new one; or it is not there.
type anew struct {
	from  int64
	known division     // where the partition stood when the next attempt asked; nil: none has
	gone  bool         // it was not there; its loss has been told
	id    kadm.TopicID // of the topic that it was then
}

// beginsAnew ends the attempt to go on at the offset. Parts cannot go back one by one, as an epoch may end between them; the next attempt
// divides the log that there is now, whatever has been written to it meanwhile.
func (in *Input) beginsAnew(p partition, from int64) error {
	in.mu.Lock()
	defer in.mu.Unlock()
	in.remember(p, &anew{from: from})
	f := supervision.New(supervision.Restart, "KAFKA_LOG_REPLACED", "the log of %s[%d] was replaced while it was read in parts: the flow begins a new attempt to read it from offset %d", p.topic, p.id, from)
	f.Topic, f.Partition, f.Offset = p.topic, &p.id, &from
	return f
}

// remember is called with in.mu held.
func (in *Input) remember(p partition, a *anew) {
	if in.anew == nil {
		in.anew = map[partition]*anew{}
	}
	in.anew[p] = a
}

// goesOn returns where a partition begins anew, if no epoch has been decided since that was found.
func (in *Input) goesOn(p partition, known division) (int64, bool) {
	in.mu.Lock()
	defer in.mu.Unlock()
	a := in.anew[p]
	if a == nil || a.gone {
		return 0, false
	}
	if a.known != nil && !slices.Equal(a.known, known) {
		delete(in.anew, p)
		return 0, false
	}
	a.known = slices.Clone(known)
	return a.from, true
}

// Decided takes the positions of an epoch that is decided: the engine does not go back behind them.
func (in *Input) Decided(at connectors.Positions) {
	in.mu.Lock()
	defer in.mu.Unlock()
	if len(in.anew) == 0 {
		return
	}
	positions, err := parseParts(at, in.c.stripe)
	if err != nil {
		return
	}
	for p, a := range in.anew {
		if _, has := positions[p]; has && !a.gone && a.known != nil {
			delete(in.anew, p)
		}
	}
}
