package delta

import (
	"slices"
	"sync"

	"github.com/deltaic/deltaic/connectors"
)

// sourcePlaces remembers of the rows delivered last which version and file they are from. The rows of a run have consecutive offsets.
type sourcePlaces struct {
	mu   sync.Mutex
	runs map[connectors.SplitID][]placedRun // by offset
	held int                                // rows that are listed one by one
}

// placedRun is a batch of one file.
type placedRun struct {
	offset, version int64
	file            string
	first           int64   // row of the file
	rows            int64   // of the batch
	sel             []int32 // behind first, if rows between them were left out
}

// What is remembered: rows that are rejected were delivered a few batches ago.
const (
	placedRuns = 4096
	placedRows = 1 << 20
)

func (p *sourcePlaces) add(split connectors.SplitID, r placedRun) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.runs == nil {
		p.runs = map[connectors.SplitID][]placedRun{}
	}
	runs := append(p.runs[split], r)
	p.held += len(r.sel)
	drop := 0
	for ; drop < len(runs)-1 && (len(runs)-drop > placedRuns || p.held > placedRows); drop++ {
		p.held -= len(runs[drop].sel)
	}
	p.runs[split] = runs[drop:]
}

// Place returns version, file and row of a row that was delivered not long ago.
func (s *Source) Place(split connectors.SplitID, offset int64) (connectors.Place, bool) {
	p := &s.places
	p.mu.Lock()
	defer p.mu.Unlock()
	runs := p.runs[split]
	at, exact := slices.BinarySearchFunc(runs, offset, func(r placedRun, offset int64) int {
		switch {
		case r.offset < offset:
			return -1
		case r.offset > offset:
			return 1
		}
		return 0
	})
	if !exact {
		at--
	}
	if at < 0 || offset >= runs[at].offset+runs[at].rows {
		return connectors.Place{}, false
	}
	r := &runs[at]
	row := offset - r.offset
	if r.file == "" {
		return connectors.Place{Version: r.version, Row: -1}, true
	}
	if r.sel != nil {
		row = int64(r.sel[row])
	}
	return connectors.Place{Version: r.version, File: r.file, Row: r.first + row}, true
}
