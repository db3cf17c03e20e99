package matrixtest

import (
	"fmt"
	"strings"
)

const head = "# The Kafka matrix\n\nMade by `go test ./benchmarks/interop -run TestKafkaMatrix` with `DELTAIC_INTEROP_DOCS=1`; do not edit. Each cell is a flow from a topic to a Delta table. " +
	"Unless it must fail,\nevery record that an independent consumer of committed records finds on the broker stands in the table once, with its key, value, headers, timestamp and place, and progress\n" +
	"ends at the offsets that the broker names. The broker is Apache Kafka 4.2, a KRaft node. The same cells run with an embedded broker in every `go test ./benchmarks/matrixtest`, but for those " +
	"whose\nlast column says why not.\n\n| | cell | with Kafka 4.2 | embedded |\n|---|---|---|---|\n"

// Page is the table of the cells, with what was seen of each with the real broker.
func Page(seen map[string]string) string {
	var b strings.Builder
	b.WriteString(head)
	group := ""
	for _, c := range Cells() {
		shown := c.Group
		if shown == group {
			shown = ""
		}
		group = c.Group
		with, twin := seen[c.Group+"/"+c.Name], "the same"
		if c.NotReal != "" {
			with = c.NotReal
		}
		if c.NotFake != "" {
			twin = c.NotFake
		}
		fmt.Fprintf(&b, "| %s | %s | %s | %s |\n", shown, c.Name, with, twin)
	}
	return b.String()
}
