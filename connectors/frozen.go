package connectors

import (
	"context"
	"io"
)

// Frozen returns a source that stays where it is: a run over it reads nothing, asks nobody, and leaves its positions as they are. A source without
// positions is asked where it begins.
func Frozen(s Source) Source { return &frozen{Source: s} }

type frozen struct {
	Source
	at Positions
}

// Start returns what is known.
func (f *frozen) Start(ctx context.Context, known Positions) (Positions, error) {
	f.at = known
	if len(known) > 0 {
		return known, nil
	}
	var err error
	f.at, err = f.Source.Start(ctx, nil)
	return f.at, err
}

// End returns where the source is.
func (f *frozen) End(context.Context, []SplitID) (Positions, error) { return f.at, nil }

// Open returns a reader at its end.
func (f *frozen) Open(context.Context, Positions, OpenOptions) (Reader, error) { return still{}, nil }

// still is a reader that has nothing.
type still struct{}

// Next says that there is nothing, and never will be.
func (still) Next(context.Context) (Fetch, error) { return Fetch{}, io.EOF }

// Pause does nothing.
func (still) Pause(SplitID) {}

// Resume does nothing.
func (still) Resume(SplitID) {}

// Close does nothing.
func (still) Close() error { return nil }
