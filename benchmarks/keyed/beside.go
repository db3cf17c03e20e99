package keyed

import (
	"context"
	"encoding/json"
	"fmt"
	"path/filepath"
	"strconv"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/benchmarks/anchors"
	"github.com/deltaic/deltaic/connectors"
	"github.com/deltaic/deltaic/delta"
	"github.com/deltaic/deltaic/epochs"
	"github.com/deltaic/deltaic/objstore/local"
	"github.com/deltaic/deltaic/operators"
	"github.com/deltaic/deltaic/persistence"
)

const flow = "keyed"

// beside is what runs beside the task: change files, decisions, folds and bases.
type beside struct {
	ctx      context.Context
	objects  *local.Store
	ledger   epochs.Ledger
	entry    *epochs.Entry
	text     string
	files    []persistence.StateFile
	kept     []named          // of the last epochs
	anchor   *anchors.Durable // nil: none
	closings chan closing
	done     chan done
	running  sync.WaitGroup
	durable  []Durable // of the goroutine that decides until it has ended or the share has settled
}

// closing is an epoch whose barrier has passed.
type closing struct {
	epoch    int64
	begun    time.Time
	position uint64
	change   *persistence.Change
	bases    []persistence.StateFile
}

// done is what the task is told.
type done struct {
	epoch  int64
	files  []persistence.StateFile // of the epoch's manifest
	upkeep bool
	bases  []persistence.StateFile
	err    error
}

// Durable is how one epoch became durable.
type Durable struct {
	Rows    int64   `json:"rows"`
	Bytes   int64   `json:"bytes"`   // of its change files
	Seconds float64 `json:"seconds"` // from its barrier to its entry in the ledger
	Anchor  float64 `json:"anchor"`  // seconds that files of the same sizes took, one after the other, right behind it
}

// named is the files that an epoch's manifest needs.
type named struct {
	manifest string
	files    []persistence.StateFile
}

func newBeside(ctx context.Context, o Options, incarnation string, objects *local.Store) (*beside, error) {
	b := &beside{ctx: ctx, objects: objects, closings: make(chan closing, 1), done: make(chan done, 4)}
	place, err := local.New(filepath.Join(o.Dir, "ledger"), local.Options{})
	if err != nil {
		return nil, err
	}
	if o.Anchor {
		if b.anchor, err = anchors.NewDurable(o.Dir); err != nil {
			return nil, err
		}
	}
	b.ledger = delta.NewLedger(place, flow, delta.Options{})
	b.entry = epochs.Claim(nil, flow, incarnation, nil)
	b.text = b.entry.Encode()
	if _, err := b.ledger.Swap(ctx, "", b.text, nil); err != nil {
		return nil, err
	}
	b.running.Go(func() {
		for c := range b.closings {
			b.done <- b.decideEpoch(c)
		}
	})
	return b, nil
}

func (b *beside) close() {
	close(b.closings)
	ended := make(chan struct{})
	go func() { b.running.Wait(); close(ended) }()
	for {
		select {
		case <-b.done:
		case <-ended:
			if b.anchor != nil {
				_ = b.anchor.Close()
			}
			return
		}
	}
}

// keep does upkeep.
func (b *beside) keep(u *persistence.Upkeep) {
	b.running.Go(func() {
		files, err := u.Write(b.ctx, b.objects)
		b.done <- done{upkeep: true, bases: files, err: err}
	})
}

// decideEpoch makes an epoch durable and decides it, as a job does.
func (b *beside) decideEpoch(c closing) done {
	defer c.change.Release()
	rows := c.change.Rows()
	files, err := c.change.Write(b.ctx, b.objects)
	if err != nil {
		return done{err: err}
	}
	bytes := 0
	sizes := make([]int, 0, 3)
	for _, f := range files {
		bytes += int(f.Length)
		sizes = append(sizes, int(f.Length))
	}
	b.files = persistence.Live(append(append(b.files, c.bases...), files...))
	manifest, written, err := b.decide(c)
	if err != nil {
		return done{err: err}
	}
	d := Durable{Rows: rows, Bytes: int64(bytes), Seconds: time.Since(c.begun).Seconds()}
	if b.anchor != nil {
		took, err := b.anchor.Chain(append(sizes, written...)...)
		if err != nil {
			return done{err: err}
		}
		d.Anchor = took.Seconds()
	}
	b.durable = append(b.durable, d)
	now := b.files
	err = b.collect(named{manifest: manifest, files: now})
	return done{epoch: c.epoch, files: now, err: err}
}

// decide writes the manifest and the ledger's entry. It returns the manifest's name, if it is a file of its own, and the sizes written.
func (b *beside) decide(c closing) (manifest string, sizes []int, err error) {
	m := &epochs.Manifest{Format: epochs.Format, Flow: flow, Incarnation: b.entry.Incarnation, Attempt: 1, Epoch: c.epoch, Time: c.begun.UnixMicro(), KeyGroups: groups,
		Positions: map[string]connectors.Positions{"updates": {"updates/0": connectors.Position(strconv.FormatUint(c.position, 10))}}}
	for _, f := range b.files {
		m.State = append(m.State, epochs.StateFile(f))
	}
	next := epochs.Decide(b.entry, m, nil)
	text := next.Encode()
	if len(text) > epochs.InlineLimit {
		data, err := json.Marshal(m)
		if err != nil {
			return "", nil, err
		}
		manifest = fmt.Sprintf("manifests/%s/1-%d-%s.json", m.Incarnation, m.Epoch, uuid.NewString())
		if err := b.objects.PutIfAbsent(b.ctx, manifest, data); err != nil {
			return "", nil, err
		}
		next = epochs.Decide(b.entry, m, &epochs.ManifestFile{Path: manifest, Length: int64(len(data)), Digest: epochs.Digest(data)})
		text, sizes = next.Encode(), append(sizes, len(data))
	}
	if _, err := b.ledger.Swap(b.ctx, b.text, text, nil); err != nil {
		return "", nil, err
	}
	b.entry, b.text = next, text
	return manifest, append(sizes, len(text)), nil
}

// retained epochs can be gone back to.
const retained = 2

// collect removes what no epoch that is retained needs.
func (b *beside) collect(now named) error {
	b.kept = append(b.kept, now)
	if len(b.kept) <= retained {
		return nil
	}
	gone := b.kept[0]
	b.kept = b.kept[1:]
	names := persistence.Obsolete(gone.files, b.kept[0].files)
	if gone.manifest != "" {
		names = append(names, gone.manifest)
	}
	for _, n := range names {
		if err := b.objects.Delete(b.ctx, n); err != nil {
			return err
		}
	}
	return nil
}

// nowhere is an output without a reader: the suites look at the state.
type nowhere struct{}

func (nowhere) Emit(b *batch.Batch) error               { b.Release(); return nil }
func (nowhere) EmitTo(_ int, b *batch.Batch) error      { b.Release(); return nil }
func (nowhere) Advance(int64) error                     { return nil }
func (nowhere) Late(*batch.Batch, []int32, int64) error { return nil }
func (nowhere) Reject(_ *batch.Batch, rows []operators.Rejected) error {
	return fmt.Errorf("bench: a row was rejected: %s", rows[0].Message)
}
