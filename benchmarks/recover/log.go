package recover

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/deltaic/deltaic/benchmarks/measure"
	"github.com/deltaic/deltaic/objstore/local"
)

// where is how far a flow had come when it was killed.
type where struct {
	version int64 // of the table, the newest; -1: none
	epoch   int64 // decided
}

// look finds out where the flow is, which does not run.
func (r *run) look(ctx context.Context) (w where, err error) {
	for w.version = r.version; ; w.version++ {
		if _, err := os.Stat(r.logFile(w.version + 1)); errors.Is(err, fs.ErrNotExist) {
			break
		} else if err != nil {
			return w, err
		}
	}
	r.version = w.version
	objects, err := local.New(r.s.checkpoint(), local.Options{})
	if err != nil {
		return w, err
	}
	m, err := newest(ctx, r.s.checkpoint(), objects)
	if err == nil {
		w.epoch = m.Epoch
	}
	return w, err
}

func (r *run) logFile(version int64) string {
	return filepath.Join(r.s.table(), "_delta_log", fmt.Sprintf("%020d.json", version))
}

// seen waits until the table has rows of an epoch later than those decided before, at most a minute, and returns when that was. What an
// attempt rolls forward first is of an epoch that its predecessor decided: it does not count.
func (r *run) seen(ctx context.Context, from where) (at time.Time, err error) {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	err = errors.New("bench: no rows were committed within a minute")
	measure.Watch(ctx, r.s.table(), from.version+1, 200*time.Microsecond, func(_ int64, now time.Time, path string) bool {
		epoch, rows, failed := commitOf(path)
		if failed != nil {
			err = failed
			return false
		}
		if rows && epoch > from.epoch {
			at, err = now, nil
			return false
		}
		return true
	})
	return at, err
}

// commitOf reads which epoch a version of the table is of, and whether it has rows.
func commitOf(path string) (epoch int64, rows bool, err error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return 0, false, err
	}
	lines := bufio.NewScanner(bytes.NewReader(text))
	lines.Buffer(nil, len(text)+1)
	for lines.Scan() {
		var action struct {
			Txn *struct{ Version int64 }
			Add *struct{ Path string }
		}
		if err := json.Unmarshal(lines.Bytes(), &action); err != nil {
			return 0, false, fmt.Errorf("bench: %s: %w", filepath.Base(path), err)
		}
		if action.Txn != nil {
			epoch = action.Txn.Version
		}
		rows = rows || action.Add != nil
	}
	return epoch, rows, lines.Err()
}
