package actors

import (
	"math"
	"slices"

	"github.com/deltaic/deltaic/epochs"
	"github.com/deltaic/deltaic/operators"
	"github.com/deltaic/deltaic/topology"
)

// dropped adds the late rows of each step to its progress and returns their sum.
func dropped(state map[string]*topology.StateProgress, acks []epochs.Ack) (rows int64) {
	for _, k := range acks {
		for _, d := range k.Dropped {
			if state[d.Step] == nil {
				state[d.Step] = &topology.StateProgress{OperatorName: d.Step}
			}
			state[d.Step].NumRowsDroppedByWatermark += d.Rows
			rows += d.Rows
		}
	}
	return rows
}

// hotKeys are the hot keys of each step, each with the share that it has in the task that sees most of it.
func hotKeys(acks []epochs.Ack) []topology.HotKey {
	var all []topology.HotKey
	for _, k := range acks {
		for _, h := range k.Hot {
			at := slices.IndexFunc(all, func(o topology.HotKey) bool { return o.Step == h.Step && o.Key == h.Key })
			if at < 0 {
				all = append(all, topology.HotKey{Step: h.Step, Key: h.Key, Share: h.Share})
			} else {
				all[at].Share = max(all[at].Share, h.Share)
			}
		}
	}
	return all
}

// eventTime is what Spark's progress says of event time: the watermark that all
// live splits have passed, and the event times of the epoch's rows. nil without a watermark.
func eventTime(acks []epochs.Ack) map[string]string {
	watermark, clocked := int64(math.MaxInt64), false
	var seen operators.EventTimes
	for _, k := range acks {
		for _, c := range k.Clocks {
			clocked = true
			seen.Add(operators.EventTimes{Rows: c.Rows, Min: c.Min, Max: c.Max, Mean: c.Mean})
			if !k.Idle && !k.Ended {
				watermark = min(watermark, c.Watermark)
			}
		}
	}
	if !clocked {
		return nil
	}
	if watermark == math.MaxInt64 { // nothing is live: what the last split has come to
		watermark = noWatermark
		for _, k := range acks {
			for _, c := range k.Clocks {
				watermark = max(watermark, c.Watermark)
			}
		}
	}
	if watermark == noWatermark {
		watermark = 0 // as Spark shows it
	}
	m := map[string]string{"watermark": topology.Instant(watermark)}
	if seen.Rows > 0 {
		m["min"], m["max"], m["avg"] = topology.Instant(seen.Min), topology.Instant(seen.Max), topology.Instant(int64(seen.Mean))
	}
	return m
}
