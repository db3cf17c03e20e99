package actors

import (
	"context"
	"errors"
	"io"
	"sync"

	"github.com/deltaic/deltaic/connectors"
)

// pump reads a source outside the dispatcher, because reading blocks, and
// posts what it reads to the splits' tasks as far as they have room.
type pump struct {
	reader connectors.Reader
	post   func(connectors.SplitID, connectors.Fetch)
	failed func(error)

	mu   sync.Mutex
	room map[connectors.SplitID]int // fetches that the split's task still takes
}

func newPump(r connectors.Reader, splits []connectors.SplitID) *pump {
	p := &pump{reader: r, room: make(map[connectors.SplitID]int, len(splits))}
	for _, s := range splits {
		p.room[s] = fetchesAhead
	}
	return p
}

// run reads until the context ends or the source does.
func (p *pump) run(ctx context.Context) {
	for {
		f, err := p.reader.Next(ctx)
		if err != nil {
			if ctx.Err() == nil && !errors.Is(err, io.EOF) {
				p.failed(err)
			}
			return
		}
		p.mu.Lock()
		p.room[f.Split]--
		if p.room[f.Split] == 0 {
			p.reader.Pause(f.Split)
		}
		p.mu.Unlock()
		p.post(f.Split, f)
	}
}

// take says that the split's task has room for n more fetches.
func (p *pump) take(split connectors.SplitID, n int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	before := p.room[split]
	p.room[split] = before + n
	if before <= 0 && p.room[split] > 0 {
		p.reader.Resume(split)
	}
}
