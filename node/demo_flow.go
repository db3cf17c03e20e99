package node

import (
	"fmt"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/deltaic/deltaic/node/demo"
)

// demoFlow is the demo's project file: an ordinary one, so that it can be
// copied and changed.
func demoFlow(dir string, plan demo.Plan, broker string) []byte {
	var s strings.Builder
	quoted := func(parts ...string) string {
		return strconv.Quote(filepath.ToSlash(filepath.Join(append([]string{dir}, parts...)...)))
	}
	fmt.Fprintf(&s, `# Written by "deltaic demo" at every start: change a copy of it.
# bronze holds the records as they came, silver each order once, gold the revenue of each minute and region,
# quarantine what cannot be decoded and late what came when its minute was over: one epoch moves all five, exactly once.
name: %s
checkpointLocation: %s
sources:
  orders:
    format: kafka
    options:
      kafka.bootstrap.servers: ${DELTAIC_DEMO_BROKERS:%s}
      subscribe: %s
      startingOffsets: earliest
steps:
  raw:
    from: orders
    do:
      - select: ["cast(value AS string) AS value", topic, partition, offset, timestamp]
  decoded:
    from: orders
    do:
      - select: ["from_json(cast(value AS string), '%s') AS o"]
      - select: ["o.*"]
      - watermark: {column: at, delay: %d seconds, idleAfter: never}   # never: what gold holds follows from positions alone
      - dropDuplicates: [order_id]
  per_minute:
    from: decoded
    do:
      - aggregate:
          name: per-minute
          groupBy: ["window(at, '1 minute')", region]
          agg: ["count(DISTINCT order_id) AS orders", "count(DISTINCT customer) AS customers", "sum(amount) AS revenue"]
      - select: ["window.start AS minute", region, orders, customers, revenue]
sinks:
  bronze: {from: raw, format: delta, path: %s}
  silver: {from: decoded, format: delta, path: %s}
  gold: {from: per_minute, format: delta, path: %s, outputMode: update, keys: [minute, region]}
quarantine: {path: %s}
late: {path: %s}
`, demo.Flow, quoted(demo.Checkpoint), broker, plan.Topic, demo.Schema, plan.Delay(),
		quoted(demo.TablesDir, demo.Bronze), quoted(demo.TablesDir, demo.Silver), quoted(demo.TablesDir, demo.Gold),
		quoted(demo.TablesDir, demo.Quarantine), quoted(demo.TablesDir, demo.LateRows))
	return []byte(s.String())
}
