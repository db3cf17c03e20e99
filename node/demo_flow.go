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
func demoFlow(dir, topic, broker string) []byte {
	var s strings.Builder
	quoted := func(parts ...string) string {
		return strconv.Quote(filepath.ToSlash(filepath.Join(append([]string{dir}, parts...)...)))
	}
	fmt.Fprintf(&s, `# Written by "deltaic demo" at every start: change a copy of it.
# bronze holds the records as they came, silver each order once, quarantine what cannot
# be decoded: one epoch moves all three, exactly once.
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
      - dropDuplicates: [order_id]
sinks:
  bronze: {from: raw, format: delta, path: %s}
  silver: {from: decoded, format: delta, path: %s}
quarantine: {path: %s}
`, demo.Flow, quoted(demo.Checkpoint), broker, topic, demo.Schema,
		quoted(demo.TablesDir, demo.Bronze), quoted(demo.TablesDir, demo.Silver), quoted(demo.TablesDir, demo.Quarantine))
	return []byte(s.String())
}
