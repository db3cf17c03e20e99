package kafka

import (
	"encoding/json"
	"fmt"
	"math"
	"sync"

	"github.com/deltaic/deltaic/connectors"
)

// weights is what the records of each partition have weighed, which is what those behind them are taken to weigh.
type weights struct {
	mu   sync.Mutex
	seen map[partition]weight
}

// weight is bytes of keys, values and headers, and the records that they are of; old ones fade.
type weight struct{ bytes, records float64 }

// fading is after how many records older ones count half.
const fading = 1 << 20

func (w *weights) add(p partition, bytes int64, records int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.seen == nil {
		w.seen = map[partition]weight{}
	}
	now := w.seen[p]
	if now.records > fading {
		now = weight{now.bytes / 2, now.records / 2}
	}
	w.seen[p] = weight{now.bytes + float64(bytes), now.records + float64(records)}
}

// mean returns the bytes of a record of the partition, or of all where none of it has been read; 0 if none has.
func (w *weights) mean(p partition) float64 {
	w.mu.Lock()
	defer w.mu.Unlock()
	if one := w.seen[p]; one.records > 0 {
		return one.bytes / one.records
	}
	var all weight
	for _, one := range w.seen {
		all = weight{all.bytes + one.bytes, all.records + one.records}
	}
	return all.bytes / max(all.records, 1)
}

// Lag tells how many offsets each partition is behind its end, and what the records there may weigh, by those that have been read: keys, values and
// headers, decompressed. What is divided counts as the partition that it is.
func (in *Input) Lag(at, end connectors.Positions) map[string]string {
	behind := offsets{}
	for s, now := range at {
		p, err := parsePart(s, in.c.stripe)
		if err != nil {
			continue
		}
		sum, _ := behind.get(p.partition)
		behind.set(p.partition, sum+max(in.Behind(now, end[s]), 0))
	}
	var sum, most, bytes, known float64
	least, n := math.Inf(1), 0.0
	for topic, partitions := range behind {
		for id, lag := range partitions {
			p := partition{topic, id}
			sum, most, least, n = sum+float64(lag), max(most, float64(lag)), min(least, float64(lag)), n+1
			mean := in.weights.mean(p)
			bytes, known = bytes+mean*float64(lag), known+mean
		}
	}
	if n == 0 {
		return nil
	}
	m := map[string]string{
		"avgOffsetsBehindLatest": fmt.Sprintf("%.1f", sum/n),
		"maxOffsetsBehindLatest": fmt.Sprintf("%.0f", most),
		"minOffsetsBehindLatest": fmt.Sprintf("%.0f", least),
	}
	if text, err := json.Marshal(behind); err == nil {
		m["offsetsBehindLatest"] = string(text)
	}
	if known > 0 {
		m["estimatedTotalBytesBehindLatest"] = fmt.Sprintf("%.0f", bytes)
	}
	return m
}
