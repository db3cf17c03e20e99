package node

import (
	"context"
	"fmt"
	"math"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/deltaic/deltaic/node/demo"
	"github.com/dustin/go-humanize"
)

// demoInterval is how often the demo says how it goes.
const demoInterval = time.Second

// demoLine is what one interval of the demo was like.
type demoLine struct {
	T              float64 `json:"t"`                // seconds since the demo began
	In             float64 `json:"in"`               // rows a second read and committed in the interval
	Out            float64 `json:"out"`              // rows a second committed to silver
	Lag            int64   `json:"lag"`              // records in the topic that are not committed yet
	WatermarkLagMs *int64  `json:"watermark_lag_ms"` // null: the flow has no watermark
	Dropped        dropped `json:"dropped"`          // rows of the interval
	Quarantined    int64   `json:"quarantined"`      // rows of the interval
	Epoch          int64   `json:"epoch"`
	CommitMs       int64   `json:"commit_ms"`    // of the last epoch, from its barrier to its last table
	FirstRowMs     *int64  `json:"first_row_ms"` // from the start of the process to the first committed row; null before
	RowsIn         int64   `json:"rows_in"`      // of this run
	RowsOut        int64   `json:"rows_out"`     // to silver, of this run
}

type dropped struct {
	Late        int64 `json:"late"`
	Duplicate   int64 `json:"duplicate"`
	Expectation int64 `json:"expectation"`
}

// print says how it goes, once an interval, until ctx ends.
func (d *demoRun) print(ctx context.Context) {
	if !d.p.asJSON() {
		d.sayBegin()
	}
	began := time.Now()
	ticker := time.NewTicker(demoInterval)
	defer ticker.Stop()
	before, at := view{}, began
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		now := time.Now()
		v := d.s.jobs[0].totals.view()
		line := d.line(before, v, now.Sub(at).Seconds(), now.Sub(began).Seconds())
		if d.p.asJSON() {
			_ = d.p.print(line)
		} else {
			d.sayLine(line)
		}
		before, at = v, now
	}
}

func (d *demoRun) line(before, v view, interval, since float64) demoLine {
	tenth := func(x float64) float64 { return math.Round(x*10) / 10 }
	silver, was := v.rowsOut[demo.Silver], before.rowsOut[demo.Silver]
	in, out, bad := v.rowsIn-before.rowsIn, silver-was, v.quarantined-before.quarantined
	l := demoLine{T: tenth(since), In: tenth(float64(in) / interval), Out: tenth(float64(out) / interval), Quarantined: bad,
		Epoch: v.last.BatchID, RowsIn: v.rowsIn, RowsOut: silver}
	l.Dropped.Late, l.Dropped.Expectation = v.late-before.late, v.leftOut-before.leftOut
	l.Dropped.Duplicate = max(0, in-out-bad-l.Dropped.Expectation) // late orders are in silver, and not in gold
	if at, err := time.Parse(time.RFC3339, v.last.EventTime["watermark"]); err == nil && at.Unix() > 0 {
		ms := time.Since(at).Milliseconds()
		l.WatermarkLagMs = &ms
	}
	for _, phase := range []string{"addBatch", "walCommit", "commitOffsets"} {
		l.CommitMs += v.last.DurationMs[phase]
	}
	if v.epochs > 0 {
		l.Lag = d.produced()
		for _, splits := range v.last.Positions {
			for _, position := range splits {
				offset, _ := strconv.ParseInt(string(position), 10, 64)
				l.Lag -= offset
			}
		}
		l.Lag = max(0, l.Lag)
	}
	if !v.first.IsZero() {
		ms := v.first.Sub(processStart).Milliseconds()
		l.FirstRowMs = &ms
	}
	return l
}

func (d *demoRun) sayBegin() {
	where := d.f.dir
	d.p.say("deltaic %s  demo project in %s  (Ctrl-C stops cleanly, run again to resume, deltaic demo --reset starts over)\n", version().Version, where)
	check := " ✓ "
	if colourful(d.p.env.Stdout) {
		check = " \x1b[32m✓\x1b[0m "
	}
	d.p.say("%s%-19s %-16s in-process, for trying things out only\n", check, "demo Kafka broker", d.broker.Address)
	d.p.say("%s%-19s %-16s %.0f%% duplicate, %.0f%% malformed on purpose\n", check, "generator", fmt.Sprintf("%s events/s", humanize.Comma(int64(d.f.rate))),
		demo.DuplicateShare*100, demo.BrokenShare*100)
	d.p.say("%s%-19s %-16s bronze (as it came), silver (each order once), quarantine: one epoch over all\n", check, "flow "+demo.Flow, "3 tables")
	if at := d.s.address(); at != "" {
		d.p.say(" API  http://%s/api/v1/streams   metrics  http://%s/metrics\n", at, at)
	}
	d.p.say("\n")
}

func (d *demoRun) sayLine(l demoLine) {
	first := ""
	if l.FirstRowMs != nil && l.T < 1.5 {
		first = fmt.Sprintf("  first row committed %d ms after start", *l.FirstRowMs)
	}
	d.p.say(" t+%.0fs  in %s/s  out %s/s  lag %s  dropped: %d duplicate, %d late  quarantined: %d  epoch #%d %d ms%s\n", l.T,
		humanize.Comma(int64(l.In+0.5)), humanize.Comma(int64(l.Out+0.5)), humanize.Comma(l.Lag), l.Dropped.Duplicate, l.Dropped.Late, l.Quarantined, l.Epoch, l.CommitMs, first)
	if math.Round(l.T) == 5 {
		d.sayNext()
	}
}

// sayNext says what to try, once there is something to see.
func (d *demoRun) sayNext() {
	dir := ""
	if filepath.Clean(d.f.dir) != "deltaic-demo" {
		dir = " --dir " + d.f.dir
	}
	table := func(name string) string { return filepath.Join(d.f.dir, demo.TablesDir, name) }
	lines := []string{
		"Try next (other terminal):",
		"  deltaic table read " + table(demo.Silver) + " --limit 5",
		"  deltaic table history " + table(demo.Silver) + " --limit 3",
		"  deltaic status " + demo.Flow + " --location " + filepath.Join(d.f.dir, demo.Checkpoint),
		"  deltaic plan " + filepath.Join(d.f.dir, demo.FlowFile),
		"  python -c \"import polars as pl; print(pl.scan_delta('" + filepath.ToSlash(table(demo.Silver)) + "').collect())\"",
		"  kill -9 it and run it again: counts stay exact (deltaic demo verify" + dir + ")",
	}
	d.p.say("\n %s\n\n", strings.Join(lines, "\n "))
}

func (d *demoRun) sayEnd() {
	if d.p.asJSON() {
		return
	}
	v := d.s.jobs[0].totals.view()
	d.p.say("\nStopped cleanly after epoch #%d: %s rows in, %s orders out, %s quarantined in this run.\n", v.last.BatchID,
		humanize.Comma(v.rowsIn), humanize.Comma(v.rowsOut[demo.Silver]), humanize.Comma(v.quarantined))
	dir := ""
	if filepath.Clean(d.f.dir) != "deltaic-demo" {
		dir = " --dir " + d.f.dir
	}
	d.p.say("Next: deltaic demo verify%s   proves it from the committed bytes\n", dir)
}
