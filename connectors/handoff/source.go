package handoff

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/connectors"
	"github.com/deltaic/deltaic/supervision"
)

// Point says where the live source begins, once the history has said where it starts: positions of the live source's splits,
// as its Start takes them. Splits that are not among them begin where the live source says.
type Point func(ctx context.Context) (connectors.Positions, error)

// Source reads the history, then the live source.
type Source struct {
	history, live connectors.Source
	point         Point
	columns       []int // of the history, by column of the live source; -1: null
}

var (
	_ connectors.Source  = (*Source)(nil)
	_ connectors.Limiter = (*Source)(nil)
)

// New returns the source of the two.
func New(history, live connectors.Source, point Point) (*Source, error) {
	s := &Source{history: history, live: live, point: point}
	from, some := history.Schema(), false
	for _, f := range live.Schema().Fields {
		at := from.IndexFold(f.Name)
		if at >= 0 && !fits(from.Fields[at].Type, f.Type) {
			return nil, supervision.New(supervision.Fatal, "DELTAIC_HANDOFF_COLUMNS", "column %s is %s in %s and %s in %s", f.Name, from.Fields[at].Type, history.Description(), f.Type, live.Description())
		}
		s.columns, some = append(s.columns, at), some || at >= 0
	}
	if !some {
		return nil, supervision.New(supervision.Fatal, "DELTAIC_HANDOFF_COLUMNS", "%s (%s) has none of the columns of %s (%s)", history.Description(), from, live.Description(), live.Schema())
	}
	return s, nil
}

// fits reports whether a column of the history can stand for one of the live source: text is its bytes.
func fits(from, to batch.Type) bool {
	return from.Equal(to) || from.Kind == batch.String && to.Kind == batch.Binary
}

// Schema returns the columns of the live source.
func (s *Source) Schema() *batch.Schema { return s.live.Schema() }

// Description names both.
func (s *Source) Description() string {
	return "HandOff[" + s.history.Description() + ", " + s.live.Description() + "]"
}

// Close closes both.
func (s *Source) Close() error {
	err := s.history.Close()
	if err2 := s.live.Close(); err == nil {
		err = err2
	}
	return err
}

// The marks of splits and positions.
const (
	ofHistory = "history/"
	ofLive    = "live/"
)

// parted are positions of the two sources.
type parted struct{ history, live connectors.Positions }

func part(at connectors.Positions) (parted, error) {
	p := parted{connectors.Positions{}, connectors.Positions{}}
	for id, position := range at {
		if name, is := strings.CutPrefix(string(id), ofHistory); is && strings.HasPrefix(string(position), ofHistory) {
			p.history[connectors.SplitID(name)] = position[len(ofHistory):]
		} else if name, is := strings.CutPrefix(string(id), ofLive); is && strings.HasPrefix(string(position), ofLive) {
			p.live[connectors.SplitID(name)] = position[len(ofLive):]
		} else {
			return p, supervision.New(supervision.Fatal, "DELTAIC_HANDOFF_POSITION", "position %q of split %q belongs to neither the history nor the live source", position, id)
		}
	}
	return p, nil
}

func (p parted) joined() connectors.Positions {
	out := make(connectors.Positions, len(p.history)+len(p.live))
	for id, at := range p.history {
		out[ofHistory+id] = ofHistory + at
	}
	for id, at := range p.live {
		out[ofLive+id] = ofLive + at
	}
	return out
}

// Start starts the history, then the live source at the point, or both where they are known to stand.
func (s *Source) Start(ctx context.Context, known connectors.Positions) (connectors.Positions, error) {
	before, err := part(known)
	if err != nil {
		return nil, err
	}
	var now parted
	if now.history, err = s.history.Start(ctx, before.history); err != nil {
		return nil, err
	}
	if len(known) == 0 {
		if before.live, err = s.point(ctx); err != nil {
			return nil, err
		}
	}
	now.live, err = s.live.Start(ctx, before.live)
	return now.joined(), err
}

// End asks both.
func (s *Source) End(ctx context.Context, splits []connectors.SplitID) (connectors.Positions, error) {
	var history, live []connectors.SplitID
	for _, id := range splits {
		if name, is := strings.CutPrefix(string(id), ofHistory); is {
			history = append(history, connectors.SplitID(name))
		} else {
			live = append(live, connectors.SplitID(strings.TrimPrefix(string(id), ofLive)))
		}
	}
	var ends parted
	var err error
	if len(history) > 0 {
		if ends.history, err = s.history.End(ctx, history); err != nil {
			return nil, err
		}
	}
	if len(live) > 0 {
		ends.live, err = s.live.End(ctx, live)
	}
	return ends.joined(), err
}

// of returns the source that a position is of, and the position without its mark.
func (s *Source) of(p connectors.Position) (connectors.Source, connectors.Position) {
	if rest, is := strings.CutPrefix(string(p), ofHistory); is {
		return s.history, connectors.Position(rest)
	}
	return s.live, connectors.Position(strings.TrimPrefix(string(p), ofLive))
}

// Behind asks the source that both positions are of.
func (s *Source) Behind(at, end connectors.Position) int64 {
	source, a := s.of(at)
	other, e := s.of(end)
	if source != other {
		return -1
	}
	return source.Behind(a, e)
}

// Before asks the source that the fetch is of.
func (s *Source) Before(f connectors.Fetch, until connectors.Position) int {
	source, after := s.of(f.After)
	_, u := s.of(until)
	_, split := s.of(connectors.Position(f.Split))
	f.After, f.Split = after, connectors.SplitID(split)
	return source.Before(f, u)
}

// Offsets renders both.
func (s *Source) Offsets(at connectors.Positions) json.RawMessage {
	p, err := part(at)
	if err != nil {
		return json.RawMessage("null")
	}
	return fmt.Appendf(nil, `{"history":%s,"live":%s}`, s.history.Offsets(p.history), s.live.Offsets(p.live))
}

// Limited reports that an epoch is bounded by one of the two.
func (s *Source) Limited() bool { return limiterOf(s.history) != nil || limiterOf(s.live) != nil }

func limiterOf(s connectors.Source) connectors.Limiter {
	if l, is := s.(connectors.Limiter); is && l.Limited() {
		return l
	}
	return nil
}

// Limit bounds the history, and keeps the live source where it is until the history is read.
func (s *Source) Limit(from, end connectors.Positions) connectors.Positions {
	f, err := part(from)
	e, err2 := part(end)
	if err != nil || err2 != nil {
		return nil
	}
	until := parted{live: connectors.Positions{}}
	read := true
	for id, at := range f.history {
		read = read && s.history.Behind(at, e.history[id]) <= 0
	}
	if l := limiterOf(s.history); l != nil {
		until.history = l.Limit(f.history, e.history)
	}
	if !read {
		until.live = f.live
	} else if l := limiterOf(s.live); l != nil {
		until.live = l.Limit(f.live, e.live)
	}
	return until.joined()
}
