package actors

import (
	"fmt"
	"maps"
	"time"

	"github.com/deltaic/deltaic/connectors"
	"github.com/deltaic/deltaic/epochs"
	"github.com/deltaic/deltaic/topology"
)

// Progress is one done epoch, with what Spark's fields have no room for.
type Progress struct {
	topology.Progress
	Version   int64 // of the ledger's table
	Attempt   int64
	Rejected  int64
	Positions map[string]connectors.Positions
	BytesIn   int64
	Stats     EpochStats
	Lag       int64 // rows behind the end of the sources as last heard
	Dropped   int64 // late rows
	// Expectations are the counts of every rule, and LeftOut the rows that they dropped.
	Expectations []topology.Expectation
	LeftOut      int64
	More         bool // an epoch without rows follows: the watermark has moved for it
}

// progress turns a done epoch into what users see.
func (a *attempt) progress(run string, from map[string]connectors.Positions, before time.Time, d EpochDone) Progress {
	g := a.config.Plan.Graph
	s := d.Stats
	p := Progress{Version: s.Version, Attempt: a.number(), Positions: d.Manifest.Positions, Stats: s}
	p.ID, p.RunID, p.Name = a.entry.Incarnation, run, g.Flow
	p.Timestamp = s.FirstRow.UTC().Format("2006-01-02T15:04:05.000Z")
	p.BatchID = d.Manifest.Epoch
	p.BatchDuration = s.Done.Sub(s.FirstRow).Milliseconds()
	p.DurationMs = map[string]int64{
		"triggerExecution": p.BatchDuration,
		"latestOffset":     0,
		"getBatch":         s.Closed.Sub(s.FirstRow).Milliseconds(),
		"queryPlanning":    0,
		"addBatch":         s.Prepared.Sub(s.Closed).Milliseconds(),
		"walCommit":        s.Decided.Sub(s.Prepared).Milliseconds(),
		"commitOffsets":    s.Done.Sub(s.Decided).Milliseconds(),
	}
	k := a.tally(&p, d)
	if a.config.LedgerSink != "" {
		s.Committed[a.config.LedgerSink] = s.Ledger
	}
	seconds := s.Done.Sub(s.FirstRow).Seconds()
	arrival := s.FirstRow.Sub(before).Seconds()
	for _, i := range g.Sources() {
		step := g.Steps[i]
		src := a.sourceProgress(step, from[step.Name], d.Manifest.Positions[step.Name], k.ends[step.Name], k.rows[step.Name], seconds, arrival)
		p.NumInputRows += src.NumInputRows
		p.Lag += behind(step.Source, d.Manifest.Positions[step.Name], k.ends[step.Name])
		p.Sources = append(p.Sources, src)
	}
	p.InputRowsPerSecond = rate(p.NumInputRows, arrival)
	p.ProcessedRowsPerSecond = rate(p.NumInputRows, seconds)
	p.StateOperators = []topology.StateProgress{}
	for _, step := range g.Steps {
		if sp := k.state[step.Name]; sp != nil {
			p.StateOperators = append(p.StateOperators, *sp)
		}
		if step.Verb == topology.VerbSink {
			p.Sinks = append(p.Sinks, topology.SinkProgress{Name: step.Name, Description: step.Sink.Description(), NumOutputRows: k.out[step.Name],
				Metrics: sinkMetrics(s.Committed[step.Name])})
		}
	}
	if len(p.Sinks) > 0 {
		p.Sink = p.Sinks[0]
		p.Sink.Name = ""
	}
	return p
}

// tally is what the acks of an epoch come to.
type tally struct {
	rows  map[string]int64 // by source
	out   map[string]int64 // by sink
	ends  map[string]connectors.Positions
	state map[string]*topology.StateProgress
}

func (a *attempt) tally(p *Progress, d EpochDone) tally {
	t := tally{rows: map[string]int64{}, out: map[string]int64{}, ends: map[string]connectors.Positions{}, state: map[string]*topology.StateProgress{}}
	spent := map[string]epochs.Spent{} // by step, of all tasks together, as Spark has it
	for _, k := range d.Acks {
		p.Rejected += k.Rejected
		if k.Source != "" {
			t.rows[k.Source] += k.RowsIn
			p.BytesIn += k.BytesIn
			if t.ends[k.Source] == nil {
				t.ends[k.Source] = connectors.Positions{}
			}
			end := k.End
			if end == "" {
				end = k.Position
			}
			t.ends[k.Source][k.Split] = end
		}
		if k.Prepared != nil {
			t.out[k.Sink] += k.Prepared.Rows
		}
		for _, c := range k.StateNow {
			addState(t.state, c, a.config.keyGroups())
		}
		for _, s := range k.Spent {
			spent[s.Step] = spent[s.Step].Add(s)
		}
	}
	for step, s := range spent {
		if p := t.state[step]; p != nil {
			p.AllUpdatesTimeMs, p.AllRemovalsTimeMs, p.CommitTimeMs = s.Updating.Milliseconds(), s.Removing.Milliseconds(), s.Committing.Milliseconds()
		}
	}
	p.Dropped, p.More = dropped(t.state, d.Acks), d.More
	p.HotKeys = hotKeys(d.Acks)
	a.observe(p, d.Acks)
	p.EventTime, p.Watermarks = eventTime(d.Acks), d.Watermarks
	return t
}

// sinkMetrics is what a commit did, nil if the sink had none in the epoch.
func sinkMetrics(c connectors.Committed) map[string]string {
	if c.Files == 0 && c.Version <= 0 {
		return nil
	}
	m := map[string]string{"numAddedFiles": fmt.Sprint(c.Files), "numAddedBytes": fmt.Sprint(c.Bytes), "version": fmt.Sprint(c.Version)}
	if c.Removed > 0 {
		m["numRemovedFiles"] = fmt.Sprint(c.Removed)
	}
	if c.Changed > 0 {
		m["numChangedKeys"] = fmt.Sprint(c.Changed)
		m["bytesPerChangedKey"] = fmt.Sprintf("%.1f", float64(c.Bytes)/float64(c.Changed))
	}
	return m
}

func addState(state map[string]*topology.StateProgress, c epochs.StateCount, groups int) {
	s := state[c.Step]
	if s == nil {
		s = &topology.StateProgress{OperatorName: c.Step, NumShufflePartitions: int64(groups)}
		state[c.Step] = s
	}
	s.NumRowsTotal += c.Rows
	s.NumRowsUpdated += c.Updated
	s.NumRowsRemoved += c.Removed
	if c.Below > 0 {
		if s.CustomMetrics == nil {
			s.CustomMetrics = map[string]int64{}
		}
		s.CustomMetrics["rowsBelowMemory"] += c.Below
	}
	s.MemoryUsedBytes += c.Bytes
	s.NumStateStoreInstances++
}

func (a *attempt) sourceProgress(step *topology.Step, from, to, end connectors.Positions, rows int64, seconds, arrival float64) topology.SourceProgress {
	p := topology.SourceProgress{Description: step.Source.Description(), StartOffset: step.Source.Offsets(from), EndOffset: step.Source.Offsets(to),
		LatestOffset: step.Source.Offsets(end), NumInputRows: rows, InputRowsPerSecond: rate(rows, arrival), ProcessedRowsPerSecond: rate(rows, seconds)}
	var sum, most, n int64
	least := int64(-1)
	for split, at := range to {
		lag := max(0, step.Source.Behind(at, end[split]))
		sum, most, n = sum+lag, max(most, lag), n+1
		if least < 0 || lag < least {
			least = lag
		}
	}
	if n > 0 {
		p.Metrics = map[string]string{
			"avgOffsetsBehindLatest": fmt.Sprintf("%.1f", float64(sum)/float64(n)),
			"maxOffsetsBehindLatest": fmt.Sprint(most),
			"minOffsetsBehindLatest": fmt.Sprint(least),
		}
	}
	if l, is := step.Source.(connectors.Lagging); is && p.Metrics != nil {
		maps.Copy(p.Metrics, l.Lag(to, end))
	}
	return p
}

func behind(s connectors.Source, at, end connectors.Positions) int64 {
	var n int64
	for split, p := range at {
		if e, ok := end[split]; ok {
			n += max(0, s.Behind(p, e))
		}
	}
	return n
}

func rate(rows int64, seconds float64) topology.Rate {
	if seconds <= 0 {
		return 0
	}
	return topology.Rate(float64(rows) / seconds)
}
