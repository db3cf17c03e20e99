package delta

import (
	"cmp"
	"encoding/json"
	"fmt"

	"github.com/deltaic/deltaic/connectors"
	"github.com/deltaic/deltaic/supervision"
)

// ClassSourcePosition says that a position is none of a Delta source.
const ClassSourcePosition = "DELTA_INVALID_SOURCE_OFFSET_FORMAT"

// sourcePosition is where to go on: before a row of a piece of a version. A version that is the stream's first stands for
// all that the table had then.
type sourcePosition struct {
	Table   string     `json:"table"` // id
	Mode    sourceMode `json:"mode"`
	First   int64      `json:"first"`  // the version with which the stream began; -1: only with what comes
	Splits  int        `json:"splits"` // over which its files are spread
	Version int64      `json:"version"`
	Index   int        `json:"index"`           // of the piece
	Row     int64      `json:"row"`             // of the piece's file
	Rows    int64      `json:"rows"`            // read before, by this split
	Order   string     `json:"order,omitempty"` // the column of event time that the version's rows come in the order of, as long as it is the first
}

func (p sourcePosition) encode() connectors.Position {
	text, err := json.Marshal(p)
	if err != nil {
		panic(err) // numbers and names
	}
	return connectors.Position(text)
}

func decodePosition(at connectors.Position) (p sourcePosition, err error) {
	if err := json.Unmarshal([]byte(at), &p); err != nil || p.Splits < 1 || p.Table == "" || p.Index < 0 || p.Row < 0 {
		return p, supervision.New(supervision.Fatal, ClassSourcePosition, "position %q is none of a Delta source", at)
	}
	return p, nil
}

// starting reports whether the position lies in what the table had at first.
func (p sourcePosition) starting() bool { return p.Version == p.First }

// compare orders positions of a split.
func (p sourcePosition) compare(q sourcePosition) int {
	return cmp.Or(cmp.Compare(p.Version, q.Version), cmp.Compare(p.Index, q.Index), cmp.Compare(p.Row, q.Row))
}

// piece returns the position before another piece, when rows have been read.
func (p sourcePosition) piece(version int64, index int, rows int64) sourcePosition {
	p.Version, p.Index, p.Row, p.Rows = version, index, 0, rows
	return p
}

// Behind returns about how many rows lie between two positions: how many a version has is told by statistics.
func (s *Source) Behind(at, end connectors.Position) int64 {
	a, err := decodePosition(at)
	if err != nil {
		return -1
	}
	e, err := decodePosition(end)
	if err != nil {
		return -1
	}
	if a.compare(e) >= 0 {
		return 0
	}
	return max(e.Rows-a.Rows, 1)
}

// Before returns how many leading rows of the fetch lie before the position.
func (s *Source) Before(f connectors.Fetch, until connectors.Position) int {
	after, err := decodePosition(f.After)
	if err != nil {
		return f.Batch.N
	}
	u, err := decodePosition(until)
	if err != nil || u.compare(after) >= 0 {
		return f.Batch.N
	}
	return f.Batch.N - int(min(max(after.Rows-u.Rows, 0), int64(f.Batch.N)))
}

// Offsets renders the position of the split that reads the versions as Spark's progress does.
func (s *Source) Offsets(at connectors.Positions) json.RawMessage {
	p, err := decodePosition(at[splitName(0)])
	if err != nil {
		return json.RawMessage("null")
	}
	index := p.Index - 1
	if p.Row > 0 {
		index++
	}
	return fmt.Appendf(nil, `{"sourceVersion":1,"reservoirId":%q,"reservoirVersion":%d,"index":%d,"isStartingVersion":%t}`, p.Table, p.Version, index, p.starting())
}

// Lag tells how many versions, files and bytes wait; of files those that are planned.
func (s *Source) Lag(at, end connectors.Positions) map[string]string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var versions, files, bytes int64
	for id, text := range at {
		p, err := decodePosition(text)
		e, err2 := decodePosition(end[id])
		if err != nil || err2 != nil {
			continue
		}
		if p.starting() && s.start != nil {
			f, _, b := s.start.rest(p.Index, p.Splits)
			files, bytes = files+f, bytes+b
			p = p.piece(p.Version+1, 0, p.Rows)
		}
		if id != splitName(0) {
			continue
		}
		versions = max(e.Version-p.Version, 0)
		for v := p.Version; v < e.Version; v++ {
			if c := s.commits[v]; c != nil {
				files, bytes = files+c.files, bytes+c.bytes
			}
		}
	}
	return map[string]string{"numVersionsOutstanding": fmt.Sprint(versions), "numFilesOutstanding": fmt.Sprint(files), "numBytesOutstanding": fmt.Sprint(bytes)}
}

func splitName(i int) connectors.SplitID { return connectors.SplitID(fmt.Sprintf("delta/%d", i)) }

// splitNumber is the inverse of splitName.
func splitNumber(id connectors.SplitID) (int, error) {
	var i int
	if _, err := fmt.Sscanf(string(id), "delta/%d", &i); err != nil || i < 0 || splitName(i) != id {
		return 0, supervision.New(supervision.Fatal, ClassSourcePosition, "%q is no split of a Delta source", id)
	}
	return i, nil
}
