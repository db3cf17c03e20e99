package measure

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"
)

// Watch follows a Delta table's log from outside, as a reader that tails it: it calls seen for
// every version from the given one on, with the time at which it was there, until ctx ends or seen returns
// false. It looks every interval.
func Watch(ctx context.Context, table string, from int64, every time.Duration, seen func(version int64, at time.Time, path string) bool) {
	tick := time.NewTicker(every)
	defer tick.Stop()
	for version := from; ; {
		path := filepath.Join(table, "_delta_log", fmt.Sprintf("%020d.json", version))
		if _, err := os.Stat(path); err == nil {
			if !seen(version, time.Now(), path) {
				return
			}
			version++
			continue
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}
