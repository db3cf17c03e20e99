package state

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/bloom"

	"github.com/deltaic/deltaic/benchmarks/keyed"
	"github.com/deltaic/deltaic/benchmarks/measure"
)

// PointsResult is what the anchor says.
type PointsResult struct {
	Updates uint64        `json:"updates"`
	CPU     float64       `json:"cpu"` // seconds of the whole process, less the making of the keys
	Used    measure.Usage `json:"used"`
}

// Points is the anchor: it reads settings from in, makes the keys, updates them one get and one set at a time, and writes the
// result to out. Nothing is made durable: there is no log and no epoch.
func Points(_ context.Context, in io.Reader, out io.Writer) error {
	var s Settings
	if err := json.NewDecoder(in).Decode(&s); err != nil {
		return err
	}
	draw, err := keyed.NewDraw(s.Distribution, s.Keys)
	if err != nil {
		return err
	}
	r, err := points(s, draw)
	if err != nil {
		return err
	}
	return json.NewEncoder(out).Encode(r)
}

const memTable = 64 << 20

func points(s Settings, draw *keyed.Draw) (r PointsResult, err error) {
	cache := pebble.NewCache(max(8<<20, s.MemoryLimit-4*memTable))
	defer cache.Unref()
	o := &pebble.Options{Cache: cache, MemTableSize: memTable, DisableWAL: true}
	for level := range o.Levels {
		o.Levels[level].FilterPolicy = bloom.FilterPolicy(10)
	}
	db, err := pebble.Open(s.Dir, o)
	if err != nil {
		return r, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	row := make([]byte, 32)
	for i := range uint64(s.Keys) {
		if err := db.Set(binary.BigEndian.AppendUint64(nil, uint64(keyed.Key(i))), row, pebble.NoSync); err != nil {
			return r, err
		}
	}
	before := measure.Used().CPU
	for n := uint64(s.Keys); n < uint64(s.Keys)+s.Updates; n++ {
		if err := update(db, keyed.Key(draw.Index(n)), n, row); err != nil {
			return r, err
		}
	}
	r.Updates, r.Used = s.Updates, measure.Used()
	r.CPU = r.Used.CPU - before
	return r, nil
}

func update(db *pebble.DB, key int64, n uint64, row []byte) error {
	k := binary.BigEndian.AppendUint64(nil, uint64(key))
	value, closer, err := db.Get(k)
	if err != nil {
		return fmt.Errorf("bench: key %d of the anchor: %w", key, err)
	}
	copy(row, value)
	if err := closer.Close(); err != nil {
		return err
	}
	binary.LittleEndian.PutUint64(row, binary.LittleEndian.Uint64(row)+1)
	binary.LittleEndian.PutUint64(row[8:], binary.LittleEndian.Uint64(row[8:])+n)
	binary.LittleEndian.PutUint64(row[24:], n)
	return db.Set(k, row, pebble.NoSync)
}
